import type { SnapshotDirectory } from '@quorate/storage';

/** When the log loses its beginning, and how much of it stays. */
export type CompactionPolicy = {
  /** The log is compacted when so many entries were applied since the last time, or so many bytes were logged. */
  readonly entries: number;
  readonly bytes: number;
  /**
   * What stays of the applied entries, so that a follower that was away for a while needs no snapshot: so many
   * of them, as long as they take no more than so many bytes.
   */
  readonly tailEntries: number;
  readonly tailBytes: number;
};

/** What bounds the transfer of snapshots between members. */
export type TransferLimits = {
  /** What one call of a receiver brings, at most `pieceMaxBytes`, and how many calls it makes at a time. */
  readonly chunkMaxBytes: number;
  readonly windowChunks: number;
  /** How long one call may take. */
  readonly callTimeoutMs: number;
  /** How long a receiver waits after a call that failed, and when it gives up without any progress. */
  readonly retryMs: number;
  readonly patienceMs: number;
  /** How long a source keeps a file that nobody asks for. */
  readonly leaseMs: number;
  /** How many files a source keeps open at a time, and how many members may read them. */
  readonly filesMax: number;
  readonly receiversMax: number;
  /** How long a leader waits for a follower to fetch what it was offered, before it offers again. */
  readonly offerMs: number;
};

/** Snapshots, as one member makes, gives and takes them. */
export type SnapshotOptions = {
  readonly directory: SnapshotDirectory;
  readonly compaction: CompactionPolicy;
  readonly transfer: TransferLimits;
};

/** The largest piece of a snapshot that a source hands out: an answer of the transport has room for it. */
export const pieceMaxBytes = 512 * 1024;

export const defaultCompactionPolicy: CompactionPolicy = {
  entries: 100_000,
  bytes: 256 * 1024 * 1024,
  tailEntries: 5_000,
  tailBytes: 64 * 1024 * 1024,
};

export const defaultTransferLimits: TransferLimits = {
  chunkMaxBytes: 256 * 1024,
  windowChunks: 4,
  callTimeoutMs: 5_000,
  retryMs: 200,
  patienceMs: 15_000,
  leaseMs: 30_000,
  filesMax: 2,
  receiversMax: 16,
  offerMs: 5_000,
};
