import type { ApplyResult } from '@quorate/kv';
import { type Entry, type LogIndex, type SnapshotDescription, type Term, toTerm } from '@quorate/raft';
import type { PendingReads } from './pending-reads.ts';
import type { PendingWrites } from './pending-writes.ts';
import { ReplicaError } from './replica-error.ts';
import type { ReplicaOptions } from './replica-options.ts';

/** What one batch of entries came to. */
export type AppliedBatch = { readonly results: readonly ApplyResult[]; readonly last: Entry };

/** Applies committed entries to the state machine, and tells the callers that wait for them. */
export class Applier {
  private readonly options: Pick<ReplicaOptions, 'memberId' | 'store' | 'limits'>;
  private readonly writes: PendingWrites;
  private readonly reads: PendingReads;
  private batches: (readonly Entry[])[] = [];
  private appliedTerm: Term = toTerm(0);

  constructor(options: Applier['options'], writes: PendingWrites, reads: PendingReads) {
    this.options = options;
    this.writes = writes;
    this.reads = reads;
  }

  /** Entries that follow those before them. */
  add(entries: readonly Entry[]): void {
    if (entries.length > 0) {
      this.batches.push(entries);
    }
  }

  /** What is committed and not applied is held in memory: a member whose state machine lags takes no more. */
  checkLag(commit: LogIndex): void {
    const lag = commit - this.options.store.appliedIndex;
    if (lag > this.options.limits.applyLagMaxEntries) {
      throw new ReplicaError('overloaded', `${lag} committed entries wait to be applied`);
    }
  }

  /** Forgets what is not applied yet: the state machine is going to be replaced, or the member stops. */
  drop(): void {
    this.batches = [];
  }

  /** Applies one batch; null if there is none. */
  applyNext(): AppliedBatch | null {
    const entries = this.batches.shift() ?? [];
    const last = entries.at(-1);
    if (last === undefined) return null;
    const { store, memberId } = this.options;
    const results = store.apply(
      entries.map((entry) => ({
        index: entry.index,
        term: entry.term,
        data: entry.kind === 'command' ? entry.data : null,
      })),
    );
    for (const { requestId, outcome } of results) {
      if (requestId?.member === memberId) {
        this.writes.settle(requestId.sequence, outcome);
      }
    }
    if (last.term > this.appliedTerm) {
      this.appliedTerm = last.term;
      this.writes.termApplied(last.term);
    }
    this.reads.applied(last.index);
    return { results, last };
  }

  /** The state machine is that of a snapshot by now. */
  replaced({ index, term }: SnapshotDescription): void {
    this.appliedTerm = term;
    this.writes.snapshotInstalled(term);
    this.reads.applied(index);
  }
}
