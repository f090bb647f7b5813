import type { LogIndex, MonotonicMs } from '@quorate/raft';
import { ReplicaError } from './replica-error.ts';
import type { Call } from './call.ts';

type Reader = {
  readonly deadlineMs: MonotonicMs;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly forgetSignal: () => void;
  settled: boolean;
};

/** A read index was asked for on behalf of `readers`; `index` is null until the answer came. */
type Batch = { readonly readers: readonly Reader[]; readonly askedMs: MonotonicMs; index: LogIndex | null };

/**
 * The linearizable reads of this member's own clients that may not be served yet.
 *
 * All that arrive while one read index is being asked for share the next (dissertation, section 6.4). Asking
 * again is always safe, so refusals and lost answers are retried until each reader's deadline.
 */
export class PendingReads {
  private readonly maxCount: number;
  private readonly retryMs: number;
  private unasked: Reader[] = [];
  private readonly batches = new Map<number, Batch>();
  private nextId = 1;
  private count = 0;
  private asking = 0;
  private failures = 0;
  private earliestDeadlineMs: MonotonicMs = Number.POSITIVE_INFINITY;

  constructor(limits: { readonly maxCount: number; readonly retryMs: number }) {
    this.maxCount = limits.maxCount;
    this.retryMs = limits.retryMs;
  }

  get size(): number {
    return this.count;
  }

  /** How many were given up since the start. */
  get failed(): number {
    return this.failures;
  }

  /** Throws `overloaded` beyond the limit. Resolves when a local read is linearizable. */
  add(call: Call): Promise<void> {
    if (this.count >= this.maxCount) {
      throw new ReplicaError('overloaded', `${this.count} reads are waiting already`);
    }
    if (this.unasked.length >= this.maxCount) {
      this.unasked = this.unasked.filter((reader) => !reader.settled); // Callers that gave up.
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const cancel = (): void => this.fail(reader, new ReplicaError('cancelled', 'the caller gave up'));
    const reader: Reader = {
      deadlineMs: call.deadlineMs,
      resolve,
      reject,
      forgetSignal: () => call.signal?.removeEventListener('abort', cancel),
      settled: false,
    };
    call.signal?.addEventListener('abort', cancel, { once: true });
    this.count += 1;
    this.unasked.push(reader);
    this.earliestDeadlineMs = Math.min(this.earliestDeadlineMs, call.deadlineMs);
    return promise;
  }

  /** The id of a read index to ask the core for now, or null. At most one is being asked for at a time. */
  nextBatch(nowMs: MonotonicMs): number | null {
    if (this.asking > 0 || this.unasked.length === 0) {
      return null;
    }
    const readers = this.unasked.filter((reader) => !reader.settled);
    this.unasked = [];
    if (readers.length === 0) {
      return null;
    }
    const id = this.nextId;
    this.nextId += 1;
    this.batches.set(id, { readers, askedMs: nowMs, index: null });
    this.asking += 1;
    return id;
  }

  /** The reads of batch `id` may be served once everything up to `index` is applied. */
  ready(id: number, index: LogIndex, appliedIndex: LogIndex): void {
    const batch = this.batches.get(id);
    if (batch === undefined || batch.index !== null) {
      return; // Asked for again in the meantime.
    }
    batch.index = index;
    this.asking -= 1;
    this.applied(appliedIndex);
  }

  refused(id: number): void {
    const batch = this.batches.get(id);
    if (batch !== undefined && batch.index === null) {
      this.askAgain(id, batch);
    }
  }

  /** The state machine has applied everything up to `index`. */
  applied(index: LogIndex): void {
    for (const [id, batch] of this.batches) {
      if (batch.index !== null && batch.index <= index) {
        this.batches.delete(id);
        for (const reader of batch.readers) {
          this.settle(reader, () => reader.resolve());
        }
      }
    }
  }

  /** Asks again for what has had no answer for a while, and answers what has waited until its deadline. */
  expire(nowMs: MonotonicMs, leaderKnown: boolean): void {
    for (const [id, batch] of this.batches) {
      if (batch.index === null && nowMs - batch.askedMs >= this.retryMs) {
        this.askAgain(id, batch);
      }
    }
    if (nowMs < this.earliestDeadlineMs) {
      return;
    }
    this.earliestDeadlineMs = Number.POSITIVE_INFINITY;
    for (const reader of this.readers()) {
      if (reader.deadlineMs <= nowMs) {
        const error = leaderKnown
          ? new ReplicaError('timed-out', 'the read was not confirmed before its deadline')
          : new ReplicaError('no-leader', 'no leader was known before the deadline');
        this.fail(reader, error);
      } else if (!reader.settled) {
        this.earliestDeadlineMs = Math.min(this.earliestDeadlineMs, reader.deadlineMs);
      }
    }
    this.unasked = this.unasked.filter((reader) => !reader.settled);
    for (const [id, batch] of this.batches) {
      // While nothing is applied, batches pile up that nobody waits for any more.
      if (batch.index !== null && batch.readers.every((reader) => reader.settled)) {
        this.batches.delete(id);
      }
    }
  }

  /** Answers everything: the member stops. */
  stop(): void {
    for (const reader of this.readers()) {
      this.fail(reader, new ReplicaError('stopped', 'the member is stopping'));
    }
    this.batches.clear();
    this.unasked = [];
  }

  private *readers(): Iterable<Reader> {
    yield* this.unasked;
    for (const batch of this.batches.values()) {
      yield* batch.readers;
    }
  }

  private askAgain(id: number, batch: Batch): void {
    this.batches.delete(id);
    this.asking -= 1;
    this.unasked.push(...batch.readers);
  }

  private fail(reader: Reader, error: ReplicaError): void {
    this.settle(reader, () => {
      this.failures += 1;
      reader.reject(error);
    });
  }

  private settle(reader: Reader, answer: () => void): void {
    if (reader.settled) {
      return;
    }
    reader.settled = true;
    this.count -= 1;
    reader.forgetSignal();
    answer();
  }
}
