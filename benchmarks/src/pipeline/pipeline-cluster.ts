import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Engine, MemoryEngine, Store } from '@quorate/kv';
import {
  type Configuration,
  defaultRaftOptions,
  type MemberId,
  replicationPreset,
  type ReplicationPresetName,
  toMemberId,
} from '@quorate/raft';
import { defaultCompactionPolicy, defaultTransferLimits, type Logger, Replica } from '@quorate/replica';
import { SnapshotDirectory, WriteAheadLog } from '@quorate/storage';
import { NodeFileSystem } from '@quorate/storage/node';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CpuMeter } from './cpu-meter.ts';
import { MemoryNetwork } from './memory-network.ts';
import { MeteredClock, MeteredFileSystem } from './metered-ports.ts';

const tickMs = 100;
const electionTimeoutTicks = 10;
const leaderTimeoutMs = 30_000;
const MIB = 2 ** 20;

export type PipelineOptions = {
  readonly directory: string;
  readonly members: number;
  readonly replication: ReplicationPresetName;
  readonly engine: 'memory' | 'sqlite';
  readonly meter: CpuMeter;
};

/** Complete members in one process: everything but the network and the API. */
export class PipelineCluster {
  readonly replicas: readonly Replica[];
  readonly disks: readonly MeteredFileSystem[];

  private constructor(replicas: readonly Replica[], disks: readonly MeteredFileSystem[]) {
    this.replicas = replicas;
    this.disks = disks;
  }

  static async open(options: PipelineOptions): Promise<PipelineCluster> {
    const { meter } = options;
    const ids = Array.from({ length: options.members }, (_, index) => toMemberId(BigInt(index + 1)));
    const network = new MemoryNetwork(meter);
    const disks = ids.map((_, number) => new MeteredFileSystem(new NodeFileSystem(), meter, number));
    const replicas: Replica[] = [];
    for (const [number, disk] of disks.entries()) {
      replicas.push(await openReplica(options, { ids, number, disk, network }));
    }
    return new PipelineCluster(replicas, disks);
  }

  /** The number of the member that leads, once there is one. */
  async leader(): Promise<number> {
    for (let waitedMs = 0; waitedMs < leaderTimeoutMs; waitedMs += tickMs) {
      const leader = this.replicas.findIndex((replica) => replica.status().role === 'leader');
      if (leader !== -1) {
        return leader;
      }
      await sleep(tickMs);
    }
    throw new Error('no member became leader');
  }

  async close(): Promise<void> {
    for (const replica of this.replicas) {
      await replica.close();
    }
  }
}

type Place = {
  readonly ids: readonly MemberId[];
  readonly number: number;
  readonly disk: MeteredFileSystem;
  readonly network: MemoryNetwork;
};

async function openReplica(options: PipelineOptions, place: Place): Promise<Replica> {
  const { ids, number, disk, network } = place;
  const memberId = toMemberId(BigInt(number + 1));
  const directory = join(options.directory, `m${number + 1}`);
  await mkdir(join(directory, 'log'), { recursive: true });
  const random = { integer: (bound: number): number => Math.floor(Math.random() * bound) };
  const log = await WriteAheadLog.open({ fileSystem: disk, directory: join(directory, 'log'), random });
  const {
    id: _id,
    electionTimeoutMs: _ms,
    random: _random,
    ...raft
  } = defaultRaftOptions({
    id: memberId,
    electionTimeoutMs: electionTimeoutTicks * tickMs,
    random: random.integer,
  });
  return Replica.open({
    memberId,
    clusterId: 1n,
    version: 'benchmark',
    raft: { ...raft, electionTimeoutTicks, replication: replicationPreset(options.replication) },
    tickMs,
    log,
    founding: configurationOf(ids),
    store: Store.open(await openEngine(options.engine, directory)),
    clock: new MeteredClock(options.meter, number),
    random,
    logger: silentLogger,
    connect: (events) => network.connect(memberId, number, events),
    corruptionCheckIntervalMs: 0,
    snapshots: {
      directory: await SnapshotDirectory.open(disk, join(directory, 'snapshot')),
      compaction: defaultCompactionPolicy,
      transfer: defaultTransferLimits,
    },
    limits: {
      requestMaxBytes: 1.5 * MIB,
      pendingProposalsMax: 65_536,
      pendingProposalsMaxBytes: 256 * MIB,
      pendingReadsMax: 65_536,
      inputQueueMax: 65_536,
      applyLagMaxEntries: 5_000,
      spaceQuotaBytes: Number.MAX_SAFE_INTEGER,
    },
  });
}

async function openEngine(engine: PipelineOptions['engine'], directory: string): Promise<Engine> {
  if (engine === 'memory') {
    return new MemoryEngine();
  }
  const { SqliteEngine } = await import('@quorate/kv/sqlite');
  return SqliteEngine.open({ directory: join(directory, 'engine') });
}

function configurationOf(ids: readonly MemberId[]): Configuration {
  return {
    voters: ids,
    outgoingVoters: [],
    learners: [],
    learnersNext: [],
    addresses: ids.map((id) => ({ id, name: `m${id}`, peerUrls: [`memory:${id}`] })),
  };
}

const silentLogger: Logger = {
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
