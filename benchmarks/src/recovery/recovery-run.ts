import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClusterMember, QuorateClient, QuorateError } from '@quorate/client';
import type { Cluster, MemberPlan } from '../cluster.ts';
import { readProcessUsage } from '../process-usage.ts';
import { valueOf } from '../workload.ts';
import { writeAllKeys } from './bulk-write.ts';
import { awaitCaughtUp, awaitServing, clientOf, findLeader } from './member-waits.ts';
import type { RecoveryOptions } from './recovery-options.ts';
import type { RecoveryResult, StartFigures } from './recovery-result.ts';
import { SteadyPuts } from './steady-puts.ts';

/** Where a run works, how it is ended early, and how a person follows it. */
export type RunContext = {
  readonly options: RecoveryOptions;
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly progress: (text: string) => void;
};

const warmUpMs = 3000;
const compactionTimeoutMs = 600_000;
/** etcd refuses changes of membership while a member is not connected to all others, or not for long enough. */
const membershipTimeoutMs = 60_000;

/** Everything that is measured of one fresh cluster of three members. */
export async function measureRecovery(
  system: string,
  cluster: Cluster,
  context: RunContext,
): Promise<RecoveryResult> {
  const { options } = context;
  const { keys } = options;
  context.progress('waiting for a leader');
  await findLeader(cluster.plans);
  const fillSeconds = await fill(cluster, context);
  const loaded = await measurePuts(cluster, context);
  const leader = await findLeader(cluster.plans);
  const restarted = (leader + 1) % cluster.plans.length;
  const serveAfterKill = await restart(cluster, restarted, 'SIGKILL', context);
  const serveAfterStop = await restart(cluster, restarted, 'SIGTERM', context);
  await awaitCaughtUp(planOf(cluster, restarted), planOf(cluster, leader), keys, context.signal);
  const catchUp = await replace(cluster, (leader + 2) % cluster.plans.length, leader, context);
  return {
    system,
    keys,
    fillSeconds,
    ...loaded,
    serveAfterKill,
    serveAfterStop,
    catchUp,
  };
}

/** Puts every key once. Resolves with the seconds that it took. */
async function fill({ endpoints }: Cluster, { options, progress, signal }: RunContext): Promise<number> {
  const { keys, valueSizeBytes } = options;
  return secondsOf(() =>
    writeAllKeys(endpoints, keys, valueOf(valueSizeBytes), (written) => {
      signal.throwIfAborted();
      progress(`${written} of ${keys} keys are written`);
    }),
  );
}

/** Puts at a steady rate, alone and with other work going on. */
async function measurePuts(
  cluster: Cluster,
  context: RunContext,
): Promise<Pick<RecoveryResult, 'puts' | 'snapshotSeconds' | 'snapshotBytes' | 'compactionSeconds'>> {
  const { options, progress, signal } = context;
  const durationMs = options.durationSeconds * 1000;
  const plan = { ...options, endpoints: cluster.endpoints };
  const snapshots = { count: 0, seconds: 0, bytes: 0 };
  const saveSnapshots = async (): Promise<void> => {
    const untilMs = performance.now() + durationMs;
    do {
      progress(`saving snapshot ${snapshots.count + 1} during puts`);
      const seconds = await secondsOf(async () => {
        snapshots.bytes = await saveSnapshot(cluster, context);
      });
      snapshots.seconds += seconds;
      snapshots.count += 1;
    } while (performance.now() < untilMs);
  };
  const measureFirst = async () => {
    await using puts = await SteadyPuts.start(plan);
    progress('puts alone');
    await sleep(warmUpMs, undefined, { signal });
    const alone = await puts.during(() => sleep(durationMs, undefined, { signal }));
    return { alone, snapshot: await puts.during(saveSnapshots) };
  };
  const { alone, snapshot } = await measureFirst();
  await fill(cluster, context);
  await using puts = await SteadyPuts.start(plan);
  await sleep(warmUpMs, undefined, { signal });
  progress('compacting during puts');
  let compactionSeconds = 0;
  const compaction = await puts.during(async () => {
    compactionSeconds = await secondsOf(() => compact(cluster));
  });
  return {
    puts: { alone, snapshot, compaction },
    snapshotSeconds: snapshots.seconds / snapshots.count,
    snapshotBytes: snapshots.bytes,
    compactionSeconds,
  };
}

/** Saves a snapshot of the leader to a file on the same disk, as `snapshot save` does. Resolves with its size. */
async function saveSnapshot(cluster: Cluster, { directory, signal }: RunContext): Promise<number> {
  const leader = planOf(cluster, await findLeader(cluster.plans));
  await using client = clientOf(leader);
  const file = await open(join(directory, 'saved-snapshot'), 'w');
  try {
    let bytes = 0;
    for await (const part of client.snapshot({ endpoint: leader.clientUrl, signal })) {
      await file.write(part.bytes);
      bytes += part.bytes.length;
    }
    await file.sync();
    return bytes;
  } finally {
    await file.close();
  }
}

/** Drops all revisions but the current ones; resolves when the leader has freed their space. */
async function compact(cluster: Cluster): Promise<void> {
  const leader = planOf(cluster, await findLeader(cluster.plans));
  await using client = clientOf(leader);
  const { revision } = await client.status(leader.clientUrl);
  await client.compact(revision, { physical: true, timeoutMs: compactionTimeoutMs });
}

/** Ends a member and starts it again. Resolves with what it took from its start until it served. */
async function restart(
  cluster: Cluster,
  index: number,
  how: 'SIGKILL' | 'SIGTERM',
  { signal, progress }: RunContext,
): Promise<StartFigures> {
  progress(`a member starts after ${how}`);
  await cluster.stopMember(index, how);
  return start(cluster, index, () => awaitServing(planOf(cluster, index), signal));
}

/** Starts a member. Resolves with what it took until `ready` was. */
async function start(cluster: Cluster, index: number, ready: () => Promise<void>): Promise<StartFigures> {
  const seconds = await secondsOf(async () => {
    cluster.startMember(index);
    await ready();
  });
  const usage = readProcessUsage(cluster.pids[index] ?? 0);
  return { seconds, cpuSeconds: usage === null ? null : usage.cpuMs / 1000 };
}

/** Removes a member with its data, and adds it anew. Resolves with what it took from its start until it had all. */
async function replace(
  cluster: Cluster,
  index: number,
  leader: number,
  { options, signal, progress }: RunContext,
): Promise<StartFigures> {
  progress('an empty member catches up');
  const { name, peerUrl } = planOf(cluster, index);
  const others = cluster.endpoints.filter((_, each) => each !== index);
  await using client = new QuorateClient({ endpoints: others });
  const { id } = (await client.members()).find((member) => member.name === name) ?? fail(`no member ${name}`);
  const isMember = (members: readonly ClusterMember[]): boolean =>
    members.some(({ peerUrls }) => peerUrls.includes(peerUrl));
  await changeMembers(
    client,
    (members) => !isMember(members),
    () => client.removeMember(id),
    signal,
  );
  await cluster.stopMember(index, 'SIGTERM');
  await cluster.wipeMember(index);
  await changeMembers(client, isMember, () => client.addMember([peerUrl]), signal);
  return await start(cluster, index, () =>
    awaitCaughtUp(planOf(cluster, index), planOf(cluster, leader), options.keys, signal),
  );
}

/** Tries a change of membership until the members are as they are to be, whatever became of the tries before. */
async function changeMembers(
  client: QuorateClient,
  isDone: (members: readonly ClusterMember[]) => boolean,
  change: () => Promise<unknown>,
  signal: AbortSignal,
): Promise<void> {
  const deadlineMs = performance.now() + membershipTimeoutMs;
  for (;;) {
    try {
      if (isDone(await client.members())) return;
      await change();
    } catch (error) {
      if (!(error instanceof QuorateError) || performance.now() > deadlineMs) throw error;
      await sleep(500, undefined, { signal });
    }
  }
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return (performance.now() - startMs) / 1000;
}

function planOf(cluster: Cluster, index: number): MemberPlan {
  return cluster.plans[index] ?? fail(`there is no member ${index}`);
}

function fail(message: string): never {
  throw new Error(message);
}
