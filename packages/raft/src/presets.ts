import type { RaftOptions, ReplicationOptions } from './options.ts';

export type ReplicationPresetName = 'vanilla' | 'pipelined';

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Raft as in figure 2 of the paper: one entry per AppendEntries, one AppendEntries in flight per peer, and
 * the leader's own disk written before anything is sent.
 */
const vanilla: ReplicationOptions = {
  appendMaxEntries: 1,
  appendMaxBytes: MIB,
  inflightMaxMessages: 1,
  inflightMaxBytes: 2 * MIB,
  persistBeforeSend: true,
};

/**
 * Batches, a window of messages in flight, and the leader's disk write in parallel with replication
 * (dissertation, sections 10.2.1 and 10.2.2). The window is what turns a burst of small proposals into few
 * large messages: what does not fit into it goes together once it opens.
 */
const pipelined: ReplicationOptions = {
  appendMaxEntries: 4096,
  appendMaxBytes: MIB,
  inflightMaxMessages: 64,
  inflightMaxBytes: 16 * MIB,
  persistBeforeSend: false,
};

/** The options that make a replication mode. */
export function replicationPreset(name: ReplicationPresetName): ReplicationOptions {
  return name === 'vanilla' ? vanilla : pipelined;
}

/** What only the caller can know. */
export type RequiredRaftOptions = Pick<RaftOptions, 'id' | 'electionTimeoutMs' | 'random'>;

/** The documented default of every other option. Spread it and override what should differ. */
export function defaultRaftOptions(required: RequiredRaftOptions): RaftOptions {
  return { ...defaults, ...required };
}

const defaults: Omit<RaftOptions, keyof RequiredRaftOptions> = {
  electionTimeoutTicks: 10,
  heartbeatTicks: 1,
  preVote: true,
  checkQuorum: true,
  reads: 'read-index',
  leaseDriftPercent: 20,
  replication: pipelined,
  uncommittedMaxBytes: 64 * MIB,
  applyMaxEntries: 1024,
  applyMaxBytes: 4 * MIB,
  logCacheMaxBytes: 64 * MIB,
  pendingReadsMax: 65_536,
};
