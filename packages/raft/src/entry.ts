import type { Configuration } from './configuration.ts';
import type { LogIndex, MemberId, Term } from './identifiers.ts';

/** One entry of the replicated log. Immutable once created. */
export type Entry =
  /** The first entry of a leader's term: lets it commit what earlier terms left (Raft, section 5.4.2 and 8). */
  | { readonly kind: 'no-op'; readonly term: Term; readonly index: LogIndex }
  /** An opaque command of the state machine. */
  | { readonly kind: 'command'; readonly term: Term; readonly index: LogIndex; readonly data: Uint8Array }
  /** A change of membership, effective when appended (Raft, section 6). */
  | {
      readonly kind: 'configuration';
      readonly term: Term;
      readonly index: LogIndex;
      readonly configuration: Configuration;
    };

/** What must survive a restart beside the log (Raft, figure 2, "persistent state"), and the commit index. */
export type HardState = {
  readonly term: Term;
  /** The candidate that got this member's vote in `term`, or null. */
  readonly vote: MemberId | null;
  /**
   * The highest index known to be committed. Persisted only as a hint that shortens recovery: it may lag,
   * and it never exceeds what is in the durable log.
   */
  readonly commit: LogIndex;
};

/** Names the state that a snapshot holds: everything up to and including `index`. */
export type SnapshotDescription = {
  readonly index: LogIndex;
  readonly term: Term;
  readonly configuration: Configuration;
};
