import type { Configuration } from './configuration.ts';
import type { Entry, HardState, SnapshotDescription } from './entry.ts';
import type { LogIndex, Term } from './identifiers.ts';

/** A stretch of the log whose entries have one term: from `firstIndex` up to where the next run starts. */
export type TermRun = { readonly term: Term; readonly firstIndex: LogIndex };

/** A configuration and the index of the entry (or snapshot) that put it into force. An entry of kind `configuration` fits. */
export type LoggedConfiguration = { readonly index: LogIndex; readonly configuration: Configuration };

/** What a member knows when it starts: what its disk holds and how far its state machine is. */
export type RestoredState = {
  /** As last persisted; `{ term: 0, vote: null, commit: 0 }` for a new member. */
  readonly hardState: HardState;
  /** The newest durable snapshot of the state machine, or null. Needed when `firstIndex` is above 1. */
  readonly snapshot: SnapshotDescription | null;
  /** Every configuration entry in the log, ascending by index. The snapshot's own need not be repeated. */
  readonly configurations: readonly LoggedConfiguration[];
  /** The first entry in the log; 1 for a log that was never compacted, even if it is empty. */
  readonly firstIndex: LogIndex;
  /** The last entry in the log; `firstIndex` - 1 if it is empty. */
  readonly lastIndex: LogIndex;
  /** The terms of the whole log, ascending; empty if the log is. */
  readonly termRuns: readonly TermRun[];
  /** The newest entries, contiguous, ending at `lastIndex`; may be empty: older ones are asked for. */
  readonly entries: readonly Entry[];
  /** What the state machine holds: at least `firstIndex` - 1, at most `lastIndex`. */
  readonly applied: LogIndex;
};
