import type { Store } from '@quorate/kv';
import type { Configuration, LogIndex, MemberId, RaftOptions, Role, Term } from '@quorate/raft';
import type { WriteAheadLog } from '@quorate/storage';
import type { CoreObserver } from './core-observer.ts';
import type { MembershipLimits } from './membership-change.ts';
import type { Clock, Logger, Peer, PeerEvents, PeerTransport, Random } from './ports.ts';
import type { SnapshotOptions } from './snapshot/snapshot-options.ts';

/** What one member is made of. The caller opens the parts; the replica closes them. */
export type ReplicaOptions = {
  readonly memberId: MemberId;
  readonly clusterId: bigint;
  /** The release that this member runs, as people write it: peers may ask. */
  readonly version: string;
  /** Consensus settings without what the replica supplies itself. */
  readonly raft: Omit<RaftOptions, 'id' | 'random' | 'electionTimeoutMs'>;
  /** Milliseconds between ticks. */
  readonly tickMs: number;
  readonly log: WriteAheadLog;
  /**
   * The configuration of a new cluster: what an empty log starts with, the same on every founding member.
   * Ignored if the log is not empty; null for a member that must not found anything.
   */
  readonly founding: Configuration | null;
  /**
   * For a member that joined a cluster: the log index of a configuration that names it. What is later than that and
   * does not name it removed it. Its log may be empty: it waits for a leader.
   */
  readonly joinedAt?: LogIndex;
  /** The other members by that configuration: whom to call until the log says more. Default: none are known. */
  readonly joinedPeers?: readonly Peer[];
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Calls opening off when aborted. No effect afterwards. */
  readonly starting?: AbortSignal | undefined;
  /** Called once while opening; the transport must be ready to send. */
  readonly connect: (events: PeerEvents) => PeerTransport;
  /** How long a leader waits between comparing two slices of its records with the others'; 0 for never. */
  readonly corruptionCheckIntervalMs: number;
  readonly limits: ReplicaLimits;
  /** Default: as etcd. */
  readonly membership?: MembershipLimits;
  readonly snapshots: SnapshotOptions;
  /** For checkers: sees what the core does. None in production. */
  readonly observer?: CoreObserver;
};

/** What keeps a member's memory bounded. Beyond each of them callers get `overloaded` or `request-too-large`. */
export type ReplicaLimits = {
  /** Bytes of one encoded command. Default 1.5 MiB. */
  readonly requestMaxBytes: number;
  /** Writes of this member's own clients that are not answered yet. Default 65,536 and 256 MiB. */
  readonly pendingProposalsMax: number;
  readonly pendingProposalsMaxBytes: number;
  /** Reads of this member's own clients that are not answered yet. Default 65,536. */
  readonly pendingReadsMax: number;
  /** Writes are refused while so many committed entries are not applied here. Default 5,000, as etcd. */
  readonly applyLagMaxEntries: number;
  /** What the state machine may take, in bytes: beyond it the NOSPACE alarm is raised. Default 2 GiB. */
  readonly spaceQuotaBytes: number;
  /** Inputs waiting for the core: messages beyond it are dropped, as a network may. Default 65,536. */
  readonly inputQueueMax: number;
};

/** A member's view of itself and its cluster, at one moment. */
export type ReplicaStatus = {
  readonly memberId: MemberId;
  readonly clusterId: bigint;
  readonly role: Role;
  readonly term: Term;
  readonly leader: MemberId | null;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  /** The first and last entry of the own log; the first is one more than the last if it is empty. */
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly configuration: Configuration;
};

/** What a member holds at one moment of what has a limit, and what it has counted since it started. */
export type ReplicaMeasures = {
  /** Writes and reads of this member's own clients that are not answered. */
  readonly pendingWrites: number;
  readonly pendingReads: number;
  /** What waits for the core's next turn. */
  readonly inputs: number;
  /** Bytes of entries that are not on the own disk. */
  readonly unwrittenBytes: number;
  /** How often it learnt of a new leader. */
  readonly leaderChanges: number;
  /** Writes and reads of its own clients that got no answer of the cluster. */
  readonly writesFailed: number;
  readonly readsFailed: number;
};
