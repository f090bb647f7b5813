import type { ReplicationPresetName } from '@quorate/raft';
import type { DiskSpeed } from '../disk/simulated-disk.ts';
import type { NetworkProfile } from '../network/paths.ts';
import type { CompactionPolicy, TransferLimits } from '@quorate/replica';
import type { Fault } from './fault.ts';

/**
 * - `memory`: the state machine is rebuilt from the log at each start.
 * - `durable-memory`: as fast, but what was committed survives the process, as in the two real engines; a power
 *   loss takes the latest commits.
 * - `sqlite`, `lmdb`: the real engines, on files in a temporary directory.
 */
export type EngineKind = 'memory' | 'durable-memory' | 'sqlite' | 'lmdb';

export type WorkloadPlan = {
  readonly name: string;
  /** Each client makes one call after the other. */
  readonly clients: number;
  readonly keys: number;
  /** The skew of the choice of keys: 0 is uniform, 1 sends half of the calls to the first few keys. */
  readonly hotness: number;
  readonly thinkMeanMs: number;
  readonly deadlineMs: number;
  /** Calls stop beyond this number, so that judging the history stays cheap. */
  readonly operationsMax: number;
  /** Values are filled up to this many bytes. */
  readonly valueBytes: number;
  /** Probability that a client gives up a call before it is answered. */
  readonly cancelChance: number;
  /** How often each kind of call is made, relative to the others. */
  readonly weights: Readonly<Record<OperationKind, number>>;
};

export const OPERATION_KINDS = [
  'get',
  'put',
  'delete',
  'range',
  'compare-and-set',
  'transaction',
  'delete-range',
  'compact',
] as const;
export type OperationKind = (typeof OPERATION_KINDS)[number];

/** Who watches, and how. */
export type WatchPlan = {
  readonly clients: number;
  /** Probability that a client reads slowly. */
  readonly slowChance: number;
  /** How long a client stays at a member, and how often it asks for progress, on average. */
  readonly wanderMeanMs: number;
  readonly progressMeanMs: number;
  /** What may wait for a client, in bytes, and how many changes are read at once for who is behind. */
  readonly bufferMaxBytes: number;
  /** The same for all clients of a member together. */
  readonly totalMaxBytes: number;
  readonly sliceMaxChanges: number;
  /** How often somebody compacts, on average; null for the rates of the workload. */
  readonly compactMeanMs: number | null;
};

/** Who has leases, and which. */
export type LeasePlan = {
  readonly clients: number;
  readonly leasesMax: number;
  readonly ttlMaxSeconds: number;
  /** How often a client keeps a lease alive, at most, before it falls silent. */
  readonly renewalsMax: number;
};

/** Who wants a lock, how long a holder keeps it, and how often it stalls. */
export type LockPlan = {
  readonly clients: number;
  /** Of one client, each with a lease of its own. */
  readonly sessionsMax: number;
  readonly ttlSeconds: number;
  /** Between two acts of a holder that does not stall. */
  readonly holdMaxMs: number;
  /** How often a holder acts, at most, and the probability that it stalls before. */
  readonly actsMax: number;
  readonly stallChance: number;
};

/** Small limits make full windows and full queues everyday events. Null leaves the one of the mode, or the default. */
export type PlanLimits = {
  readonly appendMaxEntries: number | null;
  readonly inflightMaxMessages: number | null;
  readonly inflightMaxBytes: number | null;
  readonly applyMaxEntries: number;
  readonly uncommittedMaxBytes: number;
  readonly pendingReadsMax: number;
  readonly pendingProposalsMax: number;
};

/** Everything that a run depends on beside its seed: drawn from the seed, or given. */
export type RunPlan = {
  readonly seed: number;
  /** How many found the cluster. */
  readonly members: number;
  /** Hosts for members that are added, each for one. */
  readonly spares: number;
  readonly mode: ReplicationPresetName;
  readonly reads: 'read-index' | 'lease';
  readonly engine: EngineKind;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly limits: PlanLimits;
  /** Small thresholds make compactions, and members that need snapshots, everyday events. */
  readonly compaction: CompactionPolicy;
  readonly transfer: TransferLimits;
  readonly tickMs: number;
  readonly electionTimeoutTicks: number;
  readonly heartbeatTicks: number;
  /** The size of the log's segments: small ones make changes of segments frequent. */
  readonly segmentMaxBytes: number;
  /** What the core keeps of the log in memory: a small cache makes it ask for older entries. */
  readonly logCacheMaxBytes: number;
  /** Faults and clients stop at this time. */
  readonly durationMs: number;
  readonly network: NetworkProfile;
  readonly disk: DiskSpeed;
  /** For each host: how fast its clock runs. */
  readonly clockRates: readonly number[];
  readonly workload: WorkloadPlan;
  readonly watch: WatchPlan;
  readonly leases: LeasePlan;
  readonly locks: LockPlan;
  /** By time. */
  readonly faults: readonly Fault[];
};
