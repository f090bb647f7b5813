import { assert } from './assert.ts';
import { type LogIndex, type MemberId, noIndex, offsetIndex } from './identifiers.ts';

/**
 * What a leader knows of one peer (Raft, figure 2: nextIndex and matchIndex), and how it sends to it:
 *
 * - `probe`: the leader does not know where the logs agree. One append at a time, then wait for the answer.
 * - `replicate`: the logs agree up to `match`. Appends follow each other without waiting, within the window.
 * - `snapshot`: the entries that the peer needs are gone. Nothing is sent until the snapshot's fate is known.
 *
 * Always 0 <= match < next.
 */
export type Progress = {
  readonly id: MemberId;
  /** Everything up to here is durable on the peer and equals the leader's log. */
  match: LogIndex;
  /** The next entry to send. */
  next: LogIndex;
  state: 'probe' | 'replicate' | 'snapshot';
  /** A probe is under way. */
  paused: boolean;
  /** Appends with entries that were sent and not answered; only in `replicate`. Oldest first. */
  readonly inflight: Inflight[];
  inflightBytes: number;
  /** The index of the snapshot that was offered; 0 outside of `snapshot`. */
  pendingSnapshot: LogIndex;
  /** Entries from `next` on are being read from storage. */
  readPending: boolean;
  /** The commit index that the last append carried. */
  commitSent: LogIndex;
  /** Set when a heartbeat goes out; an answer to it means that what is still unanswered may be lost. */
  retryDue: boolean;
  /** Heard from since the last quorum check. */
  recentlyActive: boolean;
  /** The last confirmation round that the peer has answered. */
  ackedRound: number;
};

export type Inflight = { readonly lastIndex: LogIndex; readonly bytes: number };

/** A peer of a new leader: probed from the end of the leader's log (Raft, section 5.3). */
export function createProgress(id: MemberId, next: LogIndex, recentlyActive: boolean): Progress {
  return {
    id,
    match: noIndex,
    next,
    state: 'probe',
    paused: false,
    inflight: [],
    inflightBytes: 0,
    pendingSnapshot: noIndex,
    readPending: false,
    commitSent: noIndex,
    retryDue: false,
    recentlyActive,
    ackedRound: 0,
  };
}

export function enterProbe(progress: Progress, next: LogIndex): void {
  assert(next > progress.match, 'what a peer has acknowledged is not sent again');
  reset(progress, 'probe');
  progress.next = next;
}

export function enterReplicate(progress: Progress): void {
  reset(progress, 'replicate');
  progress.next = offsetIndex(progress.match, 1);
}

export function enterSnapshot(progress: Progress, snapshotIndex: LogIndex): void {
  reset(progress, 'snapshot');
  progress.pendingSnapshot = snapshotIndex;
}

/** Raises `match`; returns whether it was news. */
export function raiseMatch(progress: Progress, match: LogIndex): boolean {
  if (match <= progress.match) {
    return false;
  }
  progress.match = match;
  if (progress.next <= match) {
    progress.next = offsetIndex(match, 1);
  }
  return true;
}

export function addInflight(progress: Progress, lastIndex: LogIndex, bytes: number): void {
  progress.inflight.push({ lastIndex, bytes });
  progress.inflightBytes += bytes;
}

/** Frees the window of everything up to `match`. */
export function freeInflight(progress: Progress, match: LogIndex): void {
  for (let oldest = progress.inflight[0]; oldest !== undefined && oldest.lastIndex <= match; ) {
    progress.inflight.shift();
    progress.inflightBytes -= oldest.bytes;
    oldest = progress.inflight[0];
  }
}

function reset(progress: Progress, state: Progress['state']): void {
  progress.state = state;
  progress.paused = false;
  progress.retryDue = false;
  progress.inflight.length = 0;
  progress.inflightBytes = 0;
  progress.pendingSnapshot = noIndex;
}
