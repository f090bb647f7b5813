import type { ApplyResult, CommandResponse } from '@quorate/kv';
import type { MonotonicMs, Proposal, RefusalReason, Term } from '@quorate/raft';
import { ReplicaError } from './replica-error.ts';
import type { Call } from './call.ts';

type PendingWrite = {
  readonly sequence: number;
  readonly data: Uint8Array;
  readonly deadlineMs: MonotonicMs;
  readonly resolve: (response: CommandResponse) => void;
  readonly reject: (error: Error) => void;
  readonly forgetSignal: () => void;
  /** The term in which the write was handed to a leader, or null while it is certainly in no log. */
  proposedTerm: Term | null;
  readonly repeats: WriteRepeats;
};

/**
 * `until-deadline`: what turns out to be in no log is proposed again. `never`: it is given up with `not-leader`; so
 * a leader has such writes in its log in the order in which they were added.
 */
export type WriteRepeats = 'until-deadline' | 'never';

/** The most that one proposal batch holds, so that a forwarded batch fits one message. */
const BATCH_MAX_PROPOSALS = 1024;
const BATCH_MAX_BYTES = 1024 * 1024;

/**
 * The writes of this member's own clients that have no answer yet.
 *
 * A write is *waiting* (certainly in no log) or *proposed* in some term. An entry of term T can only be
 * appended by the leader of T, who refuses what was forwarded to it in another term. So once an entry of a
 * later term is applied here, a write that was proposed in T and is not applied never will be: it becomes
 * waiting again, and is proposed anew without any risk of applying twice. Only when the deadline passes
 * first is its outcome unknown.
 */
export class PendingWrites {
  private readonly maxCount: number;
  private readonly maxBytes: number;
  private readonly pending = new Map<number, PendingWrite>();
  /** Those that are in no log, in the order in which they are to be proposed. */
  private readonly waiting = new Set<PendingWrite>();
  private bytes = 0;
  private failures = 0;
  private earliestDeadlineMs: MonotonicMs = Number.POSITIVE_INFINITY;

  constructor(limits: { readonly maxCount: number; readonly maxBytes: number }) {
    this.maxCount = limits.maxCount;
    this.maxBytes = limits.maxBytes;
  }

  get size(): number {
    return this.pending.size;
  }

  /** How many were given up since the start. */
  get failed(): number {
    return this.failures;
  }

  get hasWaiting(): boolean {
    return this.waiting.size > 0;
  }

  /** Takes a write in. Throws `overloaded` beyond the limits. The promise settles exactly once. */
  add(
    sequence: number,
    data: Uint8Array,
    call: Call,
    repeats: WriteRepeats = 'until-deadline',
  ): Promise<CommandResponse> {
    if (this.pending.size >= this.maxCount || this.bytes + data.length > this.maxBytes) {
      throw new ReplicaError('overloaded', `${this.pending.size} writes are waiting already`);
    }
    const { promise, resolve, reject } = Promise.withResolvers<CommandResponse>();
    const cancel = (): void => this.cancel(sequence);
    call.signal?.addEventListener('abort', cancel, { once: true });
    const write: PendingWrite = {
      sequence,
      data,
      deadlineMs: call.deadlineMs,
      resolve,
      reject,
      forgetSignal: () => call.signal?.removeEventListener('abort', cancel),
      proposedTerm: null,
      repeats,
    };
    this.pending.set(sequence, write);
    this.waiting.add(write);
    this.bytes += data.length;
    this.earliestDeadlineMs = Math.min(this.earliestDeadlineMs, call.deadlineMs);
    return promise;
  }

  /** The next batch to propose, in order of arrival; from now on its outcome is up to the leader of `term`. */
  takeBatch(term: Term): readonly Proposal[] {
    const batch: Proposal[] = [];
    let bytes = 0;
    for (const write of this.waiting) {
      if (
        batch.length >= BATCH_MAX_PROPOSALS ||
        (batch.length > 0 && bytes + write.data.length > BATCH_MAX_BYTES)
      ) {
        break;
      }
      this.waiting.delete(write);
      write.proposedTerm = term;
      batch.push({ id: write.sequence, data: write.data });
      bytes += write.data.length;
    }
    return batch;
  }

  /** The core says that this proposal is in no log. */
  refuse(sequence: number, reason: RefusalReason): void {
    const write = this.pending.get(sequence);
    if (write === undefined || write.proposedTerm === null) {
      return;
    }
    if (reason === 'uncommitted-limit') {
      this.fail(
        write,
        new ReplicaError('overloaded', 'the cluster commits more slowly than its clients write'),
      );
      return;
    }
    this.backToWaiting(write);
  }

  /** The state machine applied a command that this member had proposed. */
  settle(sequence: number, outcome: ApplyResult['outcome']): void {
    const write = this.pending.get(sequence);
    if (write === undefined) {
      return; // Its caller was told "unknown outcome" or gave up.
    }
    this.remove(write);
    if (outcome.ok) {
      write.resolve(outcome.response);
    } else {
      write.reject(outcome.error);
    }
  }

  /** An entry of `term` is applied: what was proposed in earlier terms and is not applied yet never will be. */
  termApplied(term: Term): void {
    for (const write of this.pending.values()) {
      if (write.proposedTerm !== null && write.proposedTerm < term) {
        this.backToWaiting(write);
      }
    }
  }

  /**
   * A snapshot was installed whose last entry is of `term`. What was proposed in this term or before may be in
   * it, and nobody will ever see it applied: its outcome stays unknown. What was proposed later cannot be in it.
   */
  snapshotInstalled(term: Term): void {
    for (const write of this.pending.values()) {
      if (write.proposedTerm !== null && write.proposedTerm <= term) {
        const message = 'the write was proposed, and a snapshot of the leader may hold it';
        this.fail(write, new ReplicaError('unknown-outcome', message));
      }
    }
  }

  /** Answers what has waited until its deadline. */
  expire(nowMs: MonotonicMs): void {
    if (nowMs < this.earliestDeadlineMs) {
      return;
    }
    this.earliestDeadlineMs = Number.POSITIVE_INFINITY;
    for (const write of this.pending.values()) {
      if (write.deadlineMs <= nowMs) {
        this.fail(write, lost(write, 'no-leader', 'no leader took the write before its deadline'));
      } else {
        this.earliestDeadlineMs = Math.min(this.earliestDeadlineMs, write.deadlineMs);
      }
    }
  }

  /** Answers everything: the member stops. */
  stop(): void {
    for (const write of this.pending.values()) {
      this.fail(write, lost(write, 'stopped', 'the member is stopping'));
    }
  }

  /** It is in no log. */
  private backToWaiting(write: PendingWrite): void {
    if (write.repeats === 'never') {
      this.fail(write, new ReplicaError('not-leader', 'no leader took the write at once'));
      return;
    }
    write.proposedTerm = null;
    this.waiting.add(write);
  }

  private cancel(sequence: number): void {
    const write = this.pending.get(sequence);
    if (write !== undefined) {
      this.fail(write, new ReplicaError('cancelled', 'the caller gave up'));
    }
  }

  private fail(write: PendingWrite, error: ReplicaError): void {
    this.failures += 1;
    this.remove(write);
    write.reject(error);
  }

  private remove(write: PendingWrite): void {
    this.pending.delete(write.sequence);
    this.waiting.delete(write);
    this.bytes -= write.data.length;
    write.forgetSignal();
  }
}

/** The error for a write without an answer: `code` if it has certainly no effect. */
function lost(write: PendingWrite, code: 'no-leader' | 'stopped', message: string): ReplicaError {
  return write.proposedTerm === null
    ? new ReplicaError(code, message)
    : new ReplicaError('unknown-outcome', 'the write was proposed, but not seen to commit in time');
}
