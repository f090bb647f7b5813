import { Store, type WatchOptions } from '@quorate/kv';
import {
  type Configuration,
  defaultRaftOptions,
  type LogIndex,
  type MemberId,
  membersOf,
  type RaftCore,
  type ReplicationOptions,
  replicationPreset,
} from '@quorate/raft';
import { type Peer, type PeerEvents, Replica, type ReplicaOptions } from '@quorate/replica';
import { DataDirectory, SnapshotDirectory, WriteAheadLog } from '@quorate/storage';
import type { SimulatedDisk } from '../disk/simulated-disk.ts';
import { SimulatedFileSystem } from '../disk/simulated-file-system.ts';
import { Life } from '../host/life.ts';
import { type ClockSkew, SimulatedClock } from '../host/simulated-clock.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { Trace } from '../kernel/trace.ts';
import type { Network } from '../network/network.ts';
import type { Endpoint } from '../network/wire.ts';
import type { CrashPoint } from '../plan/fault.ts';
import type { RunPlan } from '../plan/plan.ts';
import type { EngineHost } from './engine-host.ts';
import type { Audience, MemberIdentity } from './run-observer.ts';
import { storyLogger } from './story-logger.ts';

/** How a process came to an end that nobody asked for. */
export type ProcessEnd = { readonly stage: 'starting' | 'running'; readonly error: Error };

/** How a member came to be one: with the cluster, or by a configuration at some log index. */
export type Origin =
  | { readonly founding: Configuration; readonly joinedAt: null; readonly joinedPeers: readonly [] }
  | {
      readonly founding: null;
      readonly joinedAt: LogIndex;
      /** The other members by that configuration. */
      readonly joinedPeers: readonly Peer[];
    };

export type MemberParts = {
  readonly identity: MemberIdentity;
  readonly plan: RunPlan;
  readonly kernel: Kernel;
  readonly trace: Trace;
  readonly network: Network;
  readonly disk: SimulatedDisk;
  readonly skew: ClockSkew;
  readonly engines: EngineHost;
  readonly random: RandomStream;
  readonly origin: Origin;
  readonly audience: Audience;
  /** A process could not start, or stopped itself. It is dead already. */
  readonly ended: (member: SimulatedMember, end: ProcessEnd) => void;
};

/** One process: everything that is gone when it dies. */
type Process = {
  readonly life: Life;
  readonly clock: SimulatedClock;
  directory: DataDirectory | null;
  store: Store | null;
  endpoint: Endpoint | null;
  replica: Replica | null;
  core: RaftCore | null;
  /** The process dies when it comes to this point of its disk work. */
  crashPoint: CrashPoint | null;
  crash: (() => void) | null;
};

/** What a process has opened of its data. */
type MemberData = {
  readonly log: WriteAheadLog;
  readonly store: Store;
  readonly snapshots: SnapshotDirectory;
};

/** Inputs that may wait for a core; the messages of a pause can reach it. */
export const INPUT_QUEUE_MAX = 512;

/** A run is short: what differs must be found in it. */
const CORRUPTION_CHECK_INTERVAL_MS = 500;

const CLUSTER_ID = 0xc0ffeen;

/**
 * A member of a simulated cluster: a host with its disk, clock and engine, and at most one process on it,
 * which runs the production code as the server does.
 */
export class SimulatedMember {
  readonly identity: MemberIdentity;
  readonly disk: SimulatedDisk;
  readonly engines: EngineHost;
  readonly skew: ClockSkew;
  private readonly parts: MemberParts;
  private process: Process | null = null;
  private starts = 0;

  constructor(parts: MemberParts) {
    this.parts = parts;
    this.identity = parts.identity;
    this.disk = parts.disk;
    this.engines = parts.engines;
    this.skew = parts.skew;
  }

  /** The member's replica, or null while no process is up and running. */
  get replica(): Replica | null {
    return this.process?.replica ?? null;
  }

  /** The running process's core, to look at; or null. */
  get core(): RaftCore | null {
    return this.process?.core ?? null;
  }

  /** Those who belong to the cluster by the last that the running process was told of it; nobody if none runs. */
  get acquaintances(): readonly MemberId[] {
    const { core } = this;
    const { joinedAt, joinedPeers } = this.parts.origin;
    if (core === null) {
      return [];
    }
    return core.settled === null || core.settled.index < (joinedAt ?? 0)
      ? joinedPeers.map(({ id }) => id)
      : membersOf(core.settled.configuration);
  }

  /** The state machine, as soon as the process has opened it; or null. */
  get store(): Store | null {
    return this.process?.store ?? null;
  }

  /** The process's clock, for deadlines. */
  get clock(): SimulatedClock | null {
    return this.process?.clock ?? null;
  }

  /** The running process's life, or null. */
  get life(): Life | null {
    return this.process?.life ?? null;
  }

  get isPaused(): boolean {
    return this.process?.life.paused ?? false;
  }

  /** Starts a process, unless there is one. It is up when `replica` is not null. */
  start(): void {
    if (this.process !== null) {
      return;
    }
    const { kernel, skew, trace } = this.parts;
    const life = new Life(kernel);
    const process: Process = {
      life,
      clock: new SimulatedClock(kernel, life, skew),
      directory: null,
      store: null,
      endpoint: null,
      replica: null,
      core: null,
      crashPoint: null,
      crash: null,
    };
    this.process = process;
    this.starts += 1;
    trace.story(this.identity.name, this.starts === 1 ? 'starts' : 'starts again');
    this.open(process).then(
      (replica) => this.opened(process, replica),
      (error: unknown) => this.endedItself(process, 'starting', error),
    );
  }

  /** The process dies on the spot; with `power`, the host with it. */
  kill(power: boolean): void {
    const { process } = this;
    if (process === null) {
      return;
    }
    const { trace, network } = this.parts;
    this.process = null;
    process.life.kill();
    if (process.endpoint !== null) {
      network.disconnect(process.endpoint, !power);
    }
    this.disk.processDied();
    this.engines.processDied();
    if (power) {
      const lost = this.disk.losePower();
      const lostCommits = this.engines.losePower();
      trace.story(
        this.identity.name,
        `loses power: ${lost.bytes} unsynced bytes, ${lost.names} names and ${lostCommits} engine commits are gone`,
      );
    } else {
      trace.story(this.identity.name, 'crashes');
    }
    this.parts.audience.processDied(this.identity);
  }

  /** Lets `crash` happen when the process reaches `point`. False if no process runs. */
  crashAt(point: CrashPoint, crash: () => void): boolean {
    if (this.process === null) {
      return false;
    }
    this.process.crashPoint = point;
    this.process.crash = crash;
    return true;
  }

  /** A clean stop. Ends with the process gone. */
  async stop(): Promise<void> {
    const { process } = this;
    const replica = process?.replica;
    if (process === null || replica === null || replica === undefined) {
      return;
    }
    this.parts.trace.story(this.identity.name, 'stops');
    await replica.close();
    await process.directory?.close();
    if (this.process === process) {
      this.finish(process);
    }
  }

  pause(): void {
    if (this.process !== null && !this.process.life.paused) {
      this.parts.trace.story(this.identity.name, 'is paused');
      this.process.life.pause();
    }
  }

  resume(): void {
    if (this.isPaused) {
      this.parts.trace.story(this.identity.name, 'goes on');
      this.process?.life.resume();
    }
  }

  private async open(process: Process): Promise<Replica> {
    const { kernel, trace, plan, random, origin } = this.parts;
    const { id, name } = this.identity;
    const fileSystem = new SimulatedFileSystem({
      kernel,
      life: process.life,
      disk: this.disk,
      trace,
      who: name,
      probe: (operation) => {
        if (process.crashPoint === operation) {
          process.crashPoint = null;
          process.crash?.();
        }
      },
    });
    const { segmentMaxBytes } = plan;
    const directory = await DataDirectory.open({
      fileSystem,
      path: '/data',
      identity: {
        clusterId: CLUSTER_ID,
        memberId: id,
        name,
        ...joiningOf(origin),
      },
      random,
      segmentMaxBytes,
    });
    process.directory = directory;
    const snapshots = await SnapshotDirectory.open(fileSystem, directory.snapshotDirectory);
    const log = await WriteAheadLog.open({
      fileSystem,
      directory: directory.logDirectory,
      random,
      segmentMaxBytes,
      recoveredCacheMaxBytes: plan.logCacheMaxBytes,
    });
    this.parts.audience.logRecovered(this.identity, log.recovered);
    const store = Store.open(this.engines.open(process.life), { watch: watchOptionsOf(plan) });
    process.store = store;
    return Replica.open(this.optionsOf(process, { log, store, snapshots }));
  }

  private optionsOf(process: Process, data: MemberData): ReplicaOptions {
    const { plan, random, trace, audience, network, origin } = this.parts;
    const { id, name, host } = this.identity;
    const defaults = defaultRaftOptions({ id, electionTimeoutMs: 1, random: () => 0 });
    return {
      memberId: id,
      clusterId: CLUSTER_ID,
      version: 'simulated',
      founding: origin.founding,
      ...joiningOf(origin),
      raft: {
        ...defaults,
        electionTimeoutTicks: plan.electionTimeoutTicks,
        heartbeatTicks: plan.heartbeatTicks,
        preVote: plan.preVote,
        checkQuorum: plan.checkQuorum,
        reads: plan.reads,
        replication: replicationOf(plan),
        logCacheMaxBytes: plan.logCacheMaxBytes,
        applyMaxEntries: plan.limits.applyMaxEntries,
        uncommittedMaxBytes: plan.limits.uncommittedMaxBytes,
        pendingReadsMax: plan.limits.pendingReadsMax,
      },
      tickMs: plan.tickMs,
      log: data.log,
      store: data.store,
      snapshots: {
        directory: data.snapshots,
        compaction: plan.compaction,
        transfer: plan.transfer,
      },
      clock: process.clock,
      random,
      logger: storyLogger(trace, name),
      corruptionCheckIntervalMs: CORRUPTION_CHECK_INTERVAL_MS,
      limits: {
        requestMaxBytes: 1_572_864,
        pendingProposalsMax: plan.limits.pendingProposalsMax,
        pendingProposalsMaxBytes: 1_048_576,
        pendingReadsMax: plan.limits.pendingReadsMax,
        inputQueueMax: INPUT_QUEUE_MAX,
        applyLagMaxEntries: 5000,
        spaceQuotaBytes: Number.MAX_SAFE_INTEGER,
      },
      connect: (events: PeerEvents) => {
        process.endpoint = { host, id, life: process.life, clock: process.clock, events };
        return network.connect(process.endpoint);
      },
      observer: {
        replacing: (snapshot) => {
          audience.logReplacing(this.identity, snapshot);
        },
        restored: (core) => {
          process.core = core;
          audience.coreRestored(this.identity, core);
        },
        stepped: (core, input, output) => {
          if (process.life.alive) {
            audience.coreStepped(this.identity, core, input, output);
          }
        },
      },
    };
  }

  private opened(process: Process, replica: Replica): void {
    if (!process.life.alive) {
      return;
    }
    process.replica = replica;
    this.parts.trace.story(this.identity.name, `is up with entries up to ${replica.status().lastIndex}`);
    replica.failed.then(
      (error) => this.endedItself(process, 'running', error),
      (error: unknown) => this.endedItself(process, 'running', error),
    );
  }

  private endedItself(process: Process, stage: ProcessEnd['stage'], cause: unknown): void {
    if (this.process !== process) {
      return;
    }
    const error = cause instanceof Error ? cause : new Error(String(cause));
    this.parts.trace.story(this.identity.name, `ends itself while ${stage}: ${error.message}`);
    this.finish(process);
    this.parts.ended(this, { stage, error });
  }

  /** The process exits: its host closes what it held open. */
  private finish(process: Process): void {
    this.process = null;
    process.life.kill();
    if (process.endpoint !== null) {
      this.parts.network.disconnect(process.endpoint, true);
    }
    this.disk.processDied();
    this.engines.processDied();
    this.parts.audience.processDied(this.identity);
  }
}

/** What a member that joined keeps of that. */
function joiningOf(origin: Origin) {
  if (origin.joinedAt === null) return {};
  const { joinedAt, joinedPeers } = origin;
  return { joinedAt, joinedPeers };
}

function watchOptionsOf({ watch }: RunPlan): WatchOptions {
  const { bufferMaxBytes, totalMaxBytes, sliceMaxChanges } = watch;
  return { bufferMaxBytes, totalMaxBytes, slice: { maxChanges: sliceMaxChanges, maxBytes: 1_048_576 } };
}

function replicationOf({ mode, limits }: RunPlan): ReplicationOptions {
  const preset = replicationPreset(mode);
  return {
    ...preset,
    appendMaxEntries: Math.min(preset.appendMaxEntries, limits.appendMaxEntries ?? preset.appendMaxEntries),
    inflightMaxMessages: Math.min(
      preset.inflightMaxMessages,
      limits.inflightMaxMessages ?? preset.inflightMaxMessages,
    ),
    inflightMaxBytes: Math.min(preset.inflightMaxBytes, limits.inflightMaxBytes ?? preset.inflightMaxBytes),
  };
}
