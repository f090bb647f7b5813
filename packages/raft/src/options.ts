import type { MemberId } from './identifiers.ts';

/** How the core behaves. Relations between options are asserted when the core is created. */
export type RaftOptions = {
  readonly id: MemberId;
  /** Ticks without a leader before a member campaigns; drawn anew from [n, 2n) each time (Raft, section 5.2). Default 10. */
  readonly electionTimeoutTicks: number;
  /** Ticks between heartbeats; less than a third of the election timeout. Default 1. */
  readonly heartbeatTicks: number;
  /** Milliseconds that `electionTimeoutTicks` ticks last at least; bounds the read lease. */
  readonly electionTimeoutMs: number;
  /** Ask before campaigning (dissertation, section 9.6). Default true. */
  readonly preVote: boolean;
  /** A leader that hears no majority for an election timeout steps down; voters ignore campaigns while they hear a leader. Default true. */
  readonly checkQuorum: boolean;
  /** `read-index` costs a round of heartbeats; `lease` trusts clocks to drift less than `leaseDriftPercent`. Default `read-index`. */
  readonly reads: 'read-index' | 'lease';
  /** How much of the lease is given up to clock drift, in percent. Default 20. */
  readonly leaseDriftPercent: number;
  readonly replication: ReplicationOptions;
  /** The largest sum of the data bytes of entries at a leader that are uncommitted, or not on its own disk. Default 64 MiB. */
  readonly uncommittedMaxBytes: number;
  /** The most entries (and their bytes) handed out for applying in one output. Default 1,024 and 4 MiB. */
  readonly applyMaxEntries: number;
  readonly applyMaxBytes: number;
  /** Bytes of the newest entries kept in memory; older ones are asked for with `logReads`. Default 64 MiB. */
  readonly logCacheMaxBytes: number;
  /** The most reads waiting for an index, own and forwarded. Default 65,536. */
  readonly pendingReadsMax: number;
  /** Returns an integer in [0, bound): the only randomness. */
  readonly random: (bound: number) => number;
};

/** What sets the presets apart. */
export type ReplicationOptions = {
  /** The most entries in one AppendEntries. */
  readonly appendMaxEntries: number;
  /** The most bytes in one AppendEntries; a single larger entry still goes alone. */
  readonly appendMaxBytes: number;
  /** The most AppendEntries without an answer, per peer. */
  readonly inflightMaxMessages: number;
  /** The most bytes in AppendEntries without an answer, per peer. */
  readonly inflightMaxBytes: number;
  /** Send entries only when they are durable on the leader's own disk. */
  readonly persistBeforeSend: boolean;
};
