import type { Store } from '@quorate/kv';
import type { LogIndex, MonotonicMs } from '@quorate/raft';
import { StorageError, type WriteAheadLog } from '@quorate/storage';
import type { Clock, Logger } from '../ports.ts';
import { ReplicaError } from '../replica-error.ts';
import type { MadeSnapshot } from './snapshot-maker.ts';
import type { CompactionPolicy } from './snapshot-options.ts';

export type LogCompactorParts = {
  readonly policy: CompactionPolicy;
  readonly log: WriteAheadLog;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Makes a durable snapshot of the state machine. */
  readonly makeSnapshot: () => Promise<MadeSnapshot>;
  /** The entry after which somebody still needs the log, or null. */
  readonly neededAfter: () => number | null;
  /** Tells the core, and then the disk, that a durable snapshot holds the entries up to `durable`, and that those up to `through` may go. */
  readonly compact: (durable: LogIndex, through: LogIndex) => Promise<void>;
  /** The member cannot go on. */
  readonly failed: (error: unknown) => void;
};

/** How long to wait after a snapshot that could not be written. */
const retryMs = 10_000;
/** While a follower fetches a snapshot the log stays behind it, unless it has grown to so many times the limit. */
const heldMaxRatio = 4;

/**
 * Drops the beginning of the log (Raft, section 7) once a durable snapshot holds it. An engine that is
 * persistent is its own snapshot as soon as it is synced; for the others a file is written first.
 *
 * One compaction at a time. The owner calls `check` now and then.
 */
export class LogCompactor {
  private readonly parts: LogCompactorParts;
  private running: Promise<void> | null = null;
  /** The last entry, and the log's size, when it was last compacted. */
  private lastIndex: number;
  private lastBytes = 0;
  /** What the last snapshot file took: rewriting the same data for a few entries would be a waste. */
  private snapshotBytes = 0;
  private pausedUntilMs: MonotonicMs = 0;
  private closed = false;

  constructor(parts: LogCompactorParts) {
    this.parts = parts;
    this.lastIndex = parts.log.recovered.snapshot?.index ?? 0;
  }

  /** Starts a compaction if it is time for one. */
  check(): void {
    const { clock, failed } = this.parts;
    if (this.running !== null || this.closed || clock.monotonicMs() < this.pausedUntilMs || !this.isDue()) {
      return;
    }
    this.running = this.run()
      .catch((error: unknown) => {
        if (!(error instanceof ReplicaError && error.code === 'stopped')) failed(error);
      })
      .finally(() => {
        this.running = null;
      });
  }

  /** Resolves when nothing is being compacted. */
  async idle(): Promise<void> {
    await this.running;
  }

  /** A leader's snapshot has replaced the log. */
  replaced(index: LogIndex): void {
    this.lastIndex = index;
    this.lastBytes = 0;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.running;
  }

  private isDue(): boolean {
    const { policy, log, store } = this.parts;
    const entries = store.appliedIndex - this.lastIndex;
    const bytes = log.entryBytes - this.lastBytes;
    // A file costs as much as the state machine is large: it is written again when the log has grown by half of that.
    const isWorthIt = entries > 0 && bytes >= this.snapshotBytes / 2;
    return isWorthIt && (entries >= policy.entries || bytes >= policy.bytes);
  }

  private async run(): Promise<void> {
    const { store, log, logger, compact } = this.parts;
    const durable = store.isPersistent ? await store.sync() : await this.writeSnapshot();
    if (durable === null || this.closed) {
      return;
    }
    const through = this.removableThrough(durable);
    const before = log.firstIndex;
    if (through >= before) {
      await compact(durable as LogIndex, through);
      logger.info(
        { from: before, through, durable },
        `the log lost its entries ${before} to ${through}: they are durable elsewhere`,
      );
    }
    this.lastIndex = durable;
    this.lastBytes = log.entryBytes;
  }

  /** The last entry of a durable snapshot, or null if none could be written. */
  private async writeSnapshot(): Promise<number | null> {
    const { clock, logger, makeSnapshot } = this.parts;
    try {
      const { description, contentBytes } = await makeSnapshot();
      this.snapshotBytes = contentBytes;
      return description.index;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.pausedUntilMs = clock.monotonicMs() + retryMs;
      logger.warn({ err: error }, `could not write a snapshot, and tries again later: ${error.message}`);
      return null;
    }
  }

  private removableThrough(durable: number): LogIndex {
    const { policy, log, neededAfter } = this.parts;
    const tail = Math.max(durable - policy.tailEntries, log.firstWithin(policy.tailBytes) - 1);
    const needed = neededAfter();
    const isHeld = needed !== null && log.entryBytes < policy.bytes * heldMaxRatio;
    return Math.min(durable, tail, isHeld ? needed : durable) as LogIndex;
  }
}
