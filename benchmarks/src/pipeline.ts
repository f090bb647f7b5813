import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PutRequest } from '@quorate/protocol';
import type { ReplicationPresetName } from '@quorate/raft';
import type { Replica } from '@quorate/replica';
import { CpuMeter } from './pipeline/cpu-meter.ts';
import { PipelineCluster, type PipelineOptions } from './pipeline/pipeline-cluster.ts';
import { choice, integer, readFlags, replicationModes } from './options.ts';
import { describeMachine, table } from './report.ts';
import { keyName, valueOf, Workload } from './workload.ts';

const usage = `Usage: npm run bench:pipeline -- [options]

Measures the CPU of a put inside the members, without gRPC and without sockets: three complete members in one
process, their logs on the real disk, connected by memory.

  --clients N          puts in flight (default 256)
  --value-size BYTES   size of each value (default 256)
  --keys N             how many keys are written (default 1000)
  --duration SECONDS   how long to measure each mode (default 5)
  --members 1|3|5      members (default 3)
  --replication LIST   vanilla, pipelined or both (default pipelined)
  --engine NAME        memory or sqlite (default sqlite)
  --json               print one JSON document instead of a table
  --help               print this text`;

const warmUpMs = 2000;
const putTimeoutMs = 30_000;

type Settings = {
  readonly clients: number;
  readonly valueSizeBytes: number;
  readonly keys: number;
  readonly durationMs: number;
  readonly members: number;
  readonly engine: PipelineOptions['engine'];
};

type PipelineResult = {
  readonly replication: string;
  readonly putsPerSecond: number;
  readonly leaderUsPerPut: number;
  readonly followerUsPerPut: readonly number[];
  /** The thread pool that writes the disk, garbage collection and compilation, all members together. */
  readonly otherThreadsUsPerPut: number;
  readonly putsPerLeaderSync: number;
  readonly leaderLogBytesPerPut: number;
};

async function main(): Promise<void> {
  const values = readFlags(process.argv.slice(2), {
    clients: { type: 'string', default: '256' },
    'value-size': { type: 'string', default: '256' },
    keys: { type: 'string', default: '1000' },
    duration: { type: 'string', default: '5' },
    members: { type: 'string', default: '3' },
    replication: { type: 'string', default: 'pipelined' },
    engine: { type: 'string', default: 'sqlite' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const settings: Settings = {
    clients: integer('clients', values.clients, 1, 10_000),
    valueSizeBytes: integer('value-size', values['value-size'], 0, 1_048_576),
    keys: integer('keys', values.keys, 1, 10_000_000),
    durationMs: integer('duration', values.duration, 1, 3600) * 1000,
    members: Number(choice('members', values.members, ['1', '3', '5'])),
    engine: choice('engine', values.engine, ['sqlite', 'memory']),
  };
  const results: PipelineResult[] = [];
  for (const mode of replicationModes(values.replication)) {
    results.push(await measure(mode, settings));
  }
  console.log(
    values.json
      ? JSON.stringify({ machine: describeMachine(), settings, results }, null, 2)
      : format(settings, results),
  );
}

async function measure(replication: ReplicationPresetName, settings: Settings): Promise<PipelineResult> {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-pipeline-'));
  try {
    const meter = new CpuMeter(settings.members);
    const cluster = await PipelineCluster.open({ ...settings, directory, replication, meter });
    try {
      return { replication, ...(await load(cluster, meter, settings)) };
    } finally {
      await cluster.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function load(
  cluster: PipelineCluster,
  meter: CpuMeter,
  settings: Settings,
): Promise<Omit<PipelineResult, 'replication'>> {
  const leader = await cluster.leader();
  const replica = cluster.replicas[leader];
  const disk = cluster.disks[leader];
  if (replica === undefined || disk === undefined) {
    throw new Error('the leader has no replica');
  }
  const putter = new Putter(replica, settings);
  const loops = Array.from({ length: settings.clients }, () => putter.run());
  await sleep(warmUpMs);
  const read = () => ({
    ms: performance.now(),
    puts: putter.puts,
    members: meter.read(),
    threadUs: total(process.threadCpuUsage()),
    processUs: total(process.cpuUsage()),
    syncs: disk.syncs,
    bytes: disk.writtenBytes,
  });
  const start = read();
  await sleep(settings.durationMs);
  const end = read();
  putter.stop();
  await Promise.all(loops);
  const puts = end.puts - start.puts;
  const perPut = end.members.map((us, member) => (us - (start.members[member] ?? 0)) / puts);
  const otherUs = end.processUs - start.processUs - (end.threadUs - start.threadUs);
  return {
    putsPerSecond: (puts * 1000) / (end.ms - start.ms),
    leaderUsPerPut: perPut[leader] ?? 0,
    followerUsPerPut: perPut.filter((_, member) => member !== leader),
    otherThreadsUsPerPut: otherUs / puts,
    putsPerLeaderSync: puts / (end.syncs - start.syncs),
    leaderLogBytesPerPut: (end.bytes - start.bytes) / puts,
  };
}

/** Keeps puts in flight at the leader. Its own small cost is part of the leader's. */
class Putter {
  puts = 0;
  readonly #replica: Replica;
  readonly #requests: readonly PutRequest[];
  readonly #workload: Workload;
  #stopping = false;

  constructor(replica: Replica, settings: Settings) {
    this.#replica = replica;
    this.#workload = new Workload({ keys: settings.keys, reads: 0, seed: 1 });
    const value = valueOf(settings.valueSizeBytes);
    this.#requests = Array.from({ length: Math.min(settings.keys, 10_000) }, (_, number) =>
      PutRequest.fromPartial({ key: new TextEncoder().encode(keyName(number)), value }),
    );
  }

  async run(): Promise<void> {
    while (!this.#stopping) {
      const put = this.#requests[this.#workload.nextKeyNumber() % this.#requests.length];
      if (put === undefined) {
        throw new Error('there is no request to send');
      }
      await this.#replica.propose(
        { $case: 'put', put },
        { deadlineMs: this.#replica.clock.monotonicMs() + putTimeoutMs },
      );
      this.puts += 1;
    }
  }

  stop(): void {
    this.#stopping = true;
  }
}

function total(usage: { user: number; system: number }): number {
  return usage.user + usage.system;
}

function format(settings: Settings, results: readonly PipelineResult[]): string {
  const machine = describeMachine();
  const { clients, keys, valueSizeBytes, members, engine, durationMs } = settings;
  return [
    `${machine.cores} x ${machine.cpu}, Node.js ${machine.node}; ${members} members in one process`,
    `${clients} puts in flight, ${keys} keys, values of ${valueSizeBytes} bytes, engine ${engine}, ${durationMs / 1000} s each`,
    '',
    table(
      [
        'replication',
        'puts/s',
        'leader us',
        'followers us',
        'other threads us',
        'puts/flush',
        'log bytes/put',
      ],
      results.map((result) => [
        result.replication,
        result.putsPerSecond.toFixed(0),
        result.leaderUsPerPut.toFixed(1),
        result.followerUsPerPut.map((us) => us.toFixed(1)).join(' ') || '-',
        result.otherThreadsUsPerPut.toFixed(1),
        result.putsPerLeaderSync.toFixed(1),
        result.leaderLogBytesPerPut.toFixed(0),
      ]),
    ),
  ].join('\n');
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? `benchmark: ${error.message}` : error);
  process.exitCode = 1;
});
