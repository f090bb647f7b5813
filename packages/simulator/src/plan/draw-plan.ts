import type { ReplicationPresetName } from '@quorate/raft';
import { type RandomStream, streamOf } from '../kernel/random-stream.ts';
import type { NetworkProfile } from '../network/paths.ts';
import { drawFaults } from './draw-faults.ts';
import { FAULT_KINDS, type FaultKind, SCHEDULED_FAULT_KINDS } from './fault.ts';
import {
  type CompactionPolicy,
  defaultTransferLimits,
  pieceMaxBytes,
  type TransferLimits,
} from '@quorate/replica';
import type {
  EngineKind,
  LeasePlan,
  LockPlan,
  PlanLimits,
  RunPlan,
  WatchPlan,
  WorkloadPlan,
} from './plan.ts';
import { drawWorkload } from './workloads.ts';

const ELECTION_TIMEOUT_TICKS = 10;

/** What the caller fixes; everything else is drawn from the seed. */
export type PlanChoices = {
  readonly members?: number;
  readonly mode?: ReplicationPresetName;
  readonly reads?: 'read-index' | 'lease';
  readonly engine?: EngineKind;
  readonly workload?: string;
  readonly durationMs?: number;
  /** Only these kinds may be drawn; empty means none at all. */
  readonly faults?: readonly FaultKind[];
  /** Every allowed kind is on, instead of a random part of them. */
  readonly allFaults?: boolean;
  /** Positions in the list of scheduled faults that are left out, and kinds of constant faults that are. */
  readonly drop?: readonly number[];
  readonly calm?: readonly FaultKind[];
  /** At most this many clients, and this many calls. */
  readonly clientsMax?: number;
  readonly operationsMax?: number;
  /** At most this many clients that watch. */
  readonly watchersMax?: number;
  /** At most this many clients with leases. */
  readonly lessorsMax?: number;
  /** At most this many clients of a lock. */
  readonly lockersMax?: number;
};

/**
 * Draws the plan of a run: the same seed and choices always give the same plan.
 *
 * Faults come in swarms: each run has a random part of the kinds, since some of them hide others (a cluster
 * that crashes every second never gets far enough to show what a slow disk does).
 */
export function drawPlan(seed: number, choices: PlanChoices): RunPlan {
  const drawn = drawShape(streamOf(seed, 'plan'));
  const shape = { ...drawn, ...definedOf(choices) };
  const { members, reads, durationMs } = shape;
  const swarm = drawSwarm(seed, choices);
  const { kinds } = swarm;
  const spares = kinds.has('membership') ? 6 : 0;
  const drawnWorkload = drawWorkload(streamOf(seed, 'plan.workload'), choices.workload ?? null);
  const workload = limitWorkload(drawnWorkload, choices);
  const leases = drawLeases(streamOf(seed, 'plan.leases'), choices);
  const network = drawNetwork(streamOf(seed, 'plan.network'), kinds);
  const setting = {
    members,
    durationMs,
    hopMs: (network.delayMeanUs + drawn.disk.syncMeanUs) / 1000,
    electionTimeoutMs: ELECTION_TIMEOUT_TICKS * drawn.tickMs,
    reads,
    intensity: swarm.intensity,
  };
  return {
    seed,
    members,
    spares,
    mode: shape.mode,
    reads,
    engine: shape.engine,
    preVote: drawn.preVote,
    // The promise behind leases is made by voters that watch their leader.
    checkQuorum: drawn.checkQuorum || reads === 'lease',
    limits: drawLimits(streamOf(seed, 'plan.limits')),
    compaction: drawCompaction(streamOf(seed, 'plan.compaction')),
    transfer: drawTransfer(streamOf(seed, 'plan.transfer'), workload.valueBytes),
    tickMs: drawn.tickMs,
    electionTimeoutTicks: ELECTION_TIMEOUT_TICKS,
    heartbeatTicks: drawn.heartbeatTicks,
    segmentMaxBytes: drawn.segmentMaxBytes,
    logCacheMaxBytes: drawn.logCacheMaxBytes,
    durationMs,
    network,
    disk: drawn.disk,
    clockRates: drawClockRates(streamOf(seed, 'plan.clocks'), members + spares, kinds.has('clock-drift')),
    workload,
    watch: drawWatch(streamOf(seed, 'plan.watch'), choices),
    leases,
    locks: drawLocks(streamOf(seed, 'plan.locks'), leases, choices),
    faults: SCHEDULED_FAULT_KINDS.filter((kind) => kinds.has(kind) && isPromised(kind, reads, leases, kinds))
      .flatMap((kind) => drawFaults(kind, setting, streamOf(seed, `plan.faults.${kind}`)))
      .sort((one, other) => one.atMs - other.atMs)
      .filter((_, position) => choices.drop?.includes(position) !== true),
  };
}

function drawWatch(random: RandomStream, { watchersMax }: PlanChoices): WatchPlan {
  const clients = random.pick([0, 1, 2, 4, 6]);
  return {
    clients: Math.min(clients, watchersMax ?? clients),
    slowChance: random.pick([0, 0.3, 0.6]),
    wanderMeanMs: random.pick([300, 1000, 4000]),
    progressMeanMs: random.pick([50, 300]),
    bufferMaxBytes: random.pick([1, 1000, 5000, 1_048_576]),
    sliceMaxChanges: random.pick([1, 4, 1024]),
    compactMeanMs: random.pick([null, null, 150]),
    totalMaxBytes: random.pick([1, 3000, 1_048_576, 1_048_576]),
  };
}

function drawLeases(random: RandomStream, { lessorsMax }: PlanChoices): LeasePlan {
  const clients = random.pick([0, 0, 2, 4]);
  return {
    clients: Math.min(clients, lessorsMax ?? clients),
    leasesMax: 20,
    ttlMaxSeconds: random.pick([2, 5]),
    renewalsMax: random.pick([1, 5, 20]),
  };
}

/** Only in runs with leases, whose clocks do not leap. */
function drawLocks(random: RandomStream, leases: LeasePlan, { lockersMax }: PlanChoices): LockPlan {
  const drawn = random.pick([0, 2, 4]);
  const clients = leases.clients > 0 ? drawn : 0;
  return {
    clients: Math.min(clients, lockersMax ?? clients),
    sessionsMax: 40,
    ttlSeconds: random.pick([1, 2]),
    holdMaxMs: random.pick([50, 500]),
    actsMax: random.pick([1, 4]),
    stallChance: random.pick([0.1, 0.4]),
  };
}

function limitWorkload(workload: WorkloadPlan, { clientsMax, operationsMax }: PlanChoices): WorkloadPlan {
  return {
    ...workload,
    clients: Math.min(workload.clients, clientsMax ?? workload.clients),
    operationsMax: Math.min(workload.operationsMax, operationsMax ?? workload.operationsMax),
  };
}

type Shape = Pick<
  RunPlan,
  | 'members'
  | 'mode'
  | 'reads'
  | 'engine'
  | 'durationMs'
  | 'preVote'
  | 'checkQuorum'
  | 'tickMs'
  | 'heartbeatTicks'
  | 'segmentMaxBytes'
  | 'logCacheMaxBytes'
  | 'disk'
>;

/** Draws all of it, whatever the caller fixes: a choice must not shift what is drawn after it. */
function drawShape(random: RandomStream): Shape {
  return {
    members: random.pick([1, 3, 3, 3, 3, 5, 5]),
    mode: random.pick(['vanilla', 'pipelined', 'pipelined', 'pipelined']),
    reads: random.pick(['read-index', 'read-index', 'lease']),
    engine: random.pick(['memory', 'memory', 'durable-memory', 'durable-memory']),
    durationMs: random.between(8, 16) * 1000,
    preVote: random.chance(0.85),
    checkQuorum: random.chance(0.9),
    tickMs: random.pick([20, 50, 100]),
    heartbeatTicks: random.pick([1, 1, 2, 3]),
    segmentMaxBytes: random.pick([4096, 16_384, 65_536, 262_144]),
    logCacheMaxBytes: random.pick([1024, 16_384, 1_048_576]),
    disk: { accessMeanUs: random.pick([5, 30, 150]), syncMeanUs: random.pick([100, 400, 2000, 8000]) },
  };
}

type FixedShape = Pick<PlanChoices, 'members' | 'mode' | 'reads' | 'engine' | 'durationMs'>;

function definedOf({ members, mode, reads, engine, durationMs }: PlanChoices): FixedShape {
  return {
    ...(members === undefined ? {} : { members }),
    ...(mode === undefined ? {} : { mode }),
    ...(reads === undefined ? {} : { reads }),
    ...(engine === undefined ? {} : { engine }),
    ...(durationMs === undefined ? {} : { durationMs }),
  };
}

/**
 * A lease, of a leader or of a client, trusts that clocks neither leap nor drift beyond its bound: a run with leaps
 * could only show that it does. A disk that is damaged unnoticed while the voters change can cost the last of a
 * majority, and no cluster recovers from that; with `membership`, disks are lost when their cluster can bear it.
 */
function isPromised(
  kind: FaultKind,
  reads: 'read-index' | 'lease',
  leases: LeasePlan,
  kinds: ReadonlySet<FaultKind>,
): boolean {
  const leapsOverLeases = kind === 'clock-leap' && (reads === 'lease' || leases.clients > 0);
  return !leapsOverLeases && !(kind === 'bit-flip' && kinds.has('membership'));
}

/** The kinds of faults that a run has, and how often they strike. */
type Swarm = { readonly kinds: ReadonlySet<FaultKind>; readonly intensity: number };

/** Mostly a broad swarm; now and then a few kinds only, but those again and again. */
function drawSwarm(seed: number, choices: PlanChoices): Swarm {
  const random = streamOf(seed, 'plan.swarm');
  const density = random.pick([0, 0.15, 0.3, 0.3, 0.5, 0.8]);
  const broad = FAULT_KINDS.filter(() => random.fraction() < density);
  const allowed = choices.faults ?? FAULT_KINDS;
  const isFocused = random.chance(0.3) && allowed.length > 0;
  const focused = random.shuffled(allowed).slice(0, random.between(1, 3));
  const drawn = isFocused ? focused : broad.filter((kind) => allowed.includes(kind));
  const chosen = choices.allFaults === true ? allowed : drawn;
  const kinds = new Set(chosen.filter((kind) => choices.calm?.includes(kind) !== true));
  return { kinds, intensity: isFocused && choices.allFaults !== true ? random.pick([1, 2, 4]) : 1 };
}

function drawLimits(random: RandomStream): PlanLimits {
  return {
    appendMaxEntries: random.pick([null, null, 1, 3]),
    inflightMaxMessages: random.pick([null, null, 1, 2]),
    inflightMaxBytes: random.pick([null, null, 200, 2000]),
    applyMaxEntries: random.pick([1, 4, 64]),
    uncommittedMaxBytes: random.pick([500, 4096, 65_536]),
    pendingReadsMax: random.pick([2, 64]),
    pendingProposalsMax: random.pick([2, 64]),
  };
}

function drawCompaction(random: RandomStream): CompactionPolicy {
  return {
    entries: random.pick([5, 10, 30, 100]),
    bytes: random.pick([2000, 20_000, 1_000_000]),
    tailEntries: random.pick([0, 1, 5, 20]),
    tailBytes: random.pick([500, 5000, 1_000_000]),
  };
}

/** Pieces of a few values, so that a transfer takes many of them and still ends. */
function drawTransfer(random: RandomStream, valueBytes: number): TransferLimits {
  return {
    ...defaultTransferLimits,
    chunkMaxBytes: Math.min(pieceMaxBytes, (valueBytes + 100) * random.pick([3, 10, 100])),
    windowChunks: random.pick([1, 2, 4]),
    callTimeoutMs: random.pick([200, 1000]),
    retryMs: random.pick([5, 50]),
    patienceMs: random.pick([100, 1000, 5000]),
    leaseMs: random.pick([200, 2000]),
    offerMs: random.pick([100, 500, 2000]),
    filesMax: random.pick([1, 2]),
  };
}

function drawNetwork(random: RandomStream, swarm: ReadonlySet<FaultKind>): NetworkProfile {
  const delayMeanUs = random.pick([200, 1000, 1000, 5000, 20_000]);
  const rates = {
    loss: random.pick([0.001, 0.01, 0.1]),
    duplication: random.pick([0.01, 0.1]),
    reordering: random.pick([0.01, 0.1, 0.5]),
    retransmission: random.pick([0.001, 0.01]),
    reset: random.pick([0.0005, 0.005]),
  };
  return {
    delayMeanUs,
    lossChance: swarm.has('loss') ? rates.loss : 0,
    duplicateChance: swarm.has('duplication') ? rates.duplication : 0,
    reorderChance: swarm.has('reordering') ? rates.reordering : 0,
    retransmitChance: swarm.has('retransmission') ? rates.retransmission : 0,
    retransmitUs: 200_000,
    resetChance: swarm.has('flaky-connections') ? rates.reset : 0,
  };
}

/** Rates between 0.92 and 1.08: two clocks then drift apart by at most 17 %, within the 20 % that a lease allows. */
function drawClockRates(random: RandomStream, hosts: number, drift: boolean): number[] {
  return Array.from({ length: hosts }, () => {
    const rate = 0.92 + random.fraction() * 0.16;
    return drift ? rate : 1;
  });
}
