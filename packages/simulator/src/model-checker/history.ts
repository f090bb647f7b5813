import type { MemberId } from '@quorate/raft';

/** What happened so far that the members themselves may have forgotten: what the invariants of the cluster speak of. */
export type ClusterHistory = {
  /** Who led each term, at the term's position. */
  readonly leaders: readonly (MemberId | null)[];
  /** What was committed at index + 1, as the number of an entry, and the term in which that was first seen. */
  readonly committed: readonly CommittedEntry[];
  /** For each read, the commit index when it was asked; null once it is answered or refused. */
  readonly reads: readonly (number | null)[];
  /** Commands that some member said would never take effect. */
  readonly refused: readonly number[];
};

export type CommittedEntry = { readonly entry: number; readonly seenInTerm: number };
