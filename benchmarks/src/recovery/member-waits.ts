import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type MemberStatus, QuorateClient, QuorateError } from '@quorate/client';
import type { MemberPlan } from '../cluster.ts';
import { keyName, keyPrefix } from '../workload.ts';

const pollMs = 10;
const timeoutMs = 300_000;

/** A client of one member alone, which tries often: what it waits for is measured. */
export function clientOf(member: MemberPlan): QuorateClient {
  const retry = { baseMs: pollMs, maxMs: 2 * pollMs, retriesMax: 1_000_000 };
  return new QuorateClient({ endpoints: [member.clientUrl], timeoutMs, retry });
}

/**
 * Resolves with a client of the member when it takes connections. A client that connects in vain waits longer with
 * each try; a bare socket does not.
 */
export async function awaitListening(member: MemberPlan, signal: AbortSignal): Promise<QuorateClient> {
  const { hostname, port } = new URL(member.clientUrl);
  for (;;) {
    signal.throwIfAborted();
    const socket = connect({ host: hostname, port: Number(port) });
    try {
      await once(socket, 'connect');
      return clientOf(member);
    } catch {
      await sleep(pollMs); // Nobody listens yet.
    } finally {
      socket.destroy();
    }
  }
}

/** Resolves when a member has answered a linearizable read. */
export async function awaitServing(member: MemberPlan, signal: AbortSignal): Promise<void> {
  await using client = await awaitListening(member, signal);
  await client.get(keyName(0), { signal });
}

/** Resolves when a member has applied what the leader has, and counts all keys by itself. */
export async function awaitCaughtUp(
  member: MemberPlan,
  leader: MemberPlan,
  keys: number,
  signal: AbortSignal,
): Promise<void> {
  await using leading = clientOf(leader);
  await using client = await awaitListening(member, signal);
  const wanted = (await leading.status(leader.clientUrl)).appliedIndex;
  const hasApplied = async (): Promise<boolean> => {
    const status = await statusOf(client);
    return status !== null && status.appliedIndex >= wanted;
  };
  const hasAllKeys = async (): Promise<boolean> => {
    return (await client.count({ prefix: keyPrefix }, { serializable: true, signal })) === keys;
  };
  while (!((await hasApplied()) && (await hasAllKeys()))) {
    signal.throwIfAborted();
    await sleep(pollMs);
  }
}

/** Where the leader is in the plans. */
export async function findLeader(members: readonly MemberPlan[]): Promise<number> {
  await using client = new QuorateClient({ endpoints: members.map(({ clientUrl }) => clientUrl), timeoutMs });
  await client.get(keyName(0)); // Answered when there is a leader.
  const answers = await Promise.allSettled(client.endpoints.map((endpoint) => client.status(endpoint)));
  const index = answers.findIndex((answer) => answer.status === 'fulfilled' && answer.value.isLeader);
  if (index < 0) throw new Error('no member says that it leads');
  return index;
}

/** The client's one member about itself, or null if it does not answer. */
async function statusOf(client: QuorateClient): Promise<MemberStatus | null> {
  try {
    return await client.status(client.endpoints[0] ?? '');
  } catch (error) {
    if (error instanceof QuorateError) return null;
    throw error;
  }
}
