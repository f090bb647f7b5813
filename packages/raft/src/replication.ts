import { assert } from './assert.ts';
import { advanceCommit } from './commit.ts';
import type { Entry } from './entry.ts';
import { type LogIndex, type MemberId, offsetIndex } from './identifiers.ts';
import { cachedEntries, firstCachedIndex, lastIndexWithTermAtMost, termAt, totalBytes } from './log.ts';
import type { AppendResponse } from './message.ts';
import {
  addInflight,
  enterProbe,
  enterReplicate,
  enterSnapshot,
  freeInflight,
  type Progress,
  raiseMatch,
} from './progress.ts';
import type { LeaderState } from './state.ts';
import { askForEntries, emit, send, type Step } from './step.ts';

/** A leader's side of log replication (Raft, section 5.3): what to send to whom, and what the answers mean. */

/**
 * Sends each peer what it may have now: entries as far as its window is open, or else a bare append if it
 * does not know the commit index yet. Called at the end of every step, so no handler sends entries itself.
 */
export function replicate(step: Step, leader: LeaderState): void {
  for (const progress of leader.peers.values()) {
    switch (progress.state) {
      case 'probe':
        sendProbe(step, progress);
        break;
      case 'replicate':
        fillWindow(step, progress);
        break;
      case 'snapshot':
        break;
    }
  }
}

export function handleAppendResponse(step: Step, leader: LeaderState, message: AppendResponse): void {
  const progress = leader.peers.get(message.from);
  if (progress === undefined) {
    return;
  }
  progress.recentlyActive = true;
  switch (message.result.kind) {
    case 'matched':
      handleMatched(step, leader, progress, message.result.matchIndex);
      break;
    case 'rejected':
      handleRejected(step, progress, message.result);
      break;
  }
}

/** Entries for a peer came back from storage. They are of use only if nothing has moved meanwhile. */
export function handleReplicateRead(
  step: Step,
  leader: LeaderState,
  peer: MemberId,
  entries: readonly Entry[],
): void {
  const progress = leader.peers.get(peer);
  if (progress === undefined) {
    return;
  }
  progress.readPending = false;
  const wanted = progress.state === 'replicate' || (progress.state === 'probe' && !progress.paused);
  if (wanted && entries.length > 0 && isNextInLog(step, progress, entries)) {
    sendEntries(step, progress, entries);
  }
}

/** Messages to the peer may be lost: find out where it stands, once it answers heartbeats again. */
export function handleUnreachable(step: Step, leader: LeaderState, peer: MemberId): void {
  const progress = leader.peers.get(peer);
  if (progress === undefined || progress.state === 'snapshot') {
    return;
  }
  changeState(step, progress, () => enterProbe(progress, offsetIndex(progress.match, 1)));
  progress.paused = true;
  progress.retryDue = true;
}

/** A peer has answered a heartbeat: if appends that went out before it are still unanswered, ask what became of them. */
export function retryUnanswered(step: Step, progress: Progress): void {
  if (!progress.retryDue) {
    return;
  }
  progress.retryDue = false;
  switch (progress.state) {
    case 'probe':
      progress.paused = false;
      break;
    case 'replicate':
      // If they were lost, this append does not fit and is rejected. If only the disk is slow, it costs nothing.
      sendBareAppend(step, progress);
      break;
    case 'snapshot':
      break;
  }
}

/** Called when a heartbeat goes out by the clock. */
export function noteUnanswered(progress: Progress): void {
  progress.retryDue = progress.state === 'probe' ? progress.paused : progress.match < progress.next - 1;
}

/** Changes a peer's replication state and tells so. */
export function changeState(step: Step, progress: Progress, change: () => void): void {
  const before = progress.state;
  change();
  if (progress.state !== before) {
    emit(step, { type: 'peer-state-changed', peer: progress.id, state: progress.state });
  }
}

function handleMatched(step: Step, leader: LeaderState, progress: Progress, match: LogIndex): void {
  assert(match <= step.state.log.lastIndex, 'a peer cannot match what the leader does not have');
  const news = raiseMatch(progress, match);
  if (news) {
    progress.retryDue = false;
  }
  switch (progress.state) {
    case 'probe':
      changeState(step, progress, () => enterReplicate(progress));
      break;
    case 'replicate':
      freeInflight(progress, progress.match);
      break;
    case 'snapshot':
      if (termAt(step.state.log, progress.match) !== null) {
        // It has caught up some other way: the log serves it again.
        changeState(step, progress, () => enterReplicate(progress));
      }
      break;
  }
  if (news) {
    advanceCommit(step, leader);
  }
}

type Rejection = Extract<AppendResponse['result'], { kind: 'rejected' }>;

/**
 * The peer has no such entry before those that were sent. Its hint names its last entry of at most that
 * term; the leader's last entry at or before it, of at most the hinted term, is the next possible agreement.
 * Each rejection skips at least a whole term of conflicting entries (end of section 5.3).
 */
function handleRejected(step: Step, progress: Progress, rejection: Rejection): void {
  const stale =
    progress.state === 'snapshot' ||
    (progress.state === 'probe' && rejection.previousIndex !== progress.next - 1) ||
    rejection.previousIndex <= progress.match;
  if (stale) {
    return;
  }
  const agreement = lastIndexWithTermAtMost(step.state.log, rejection.hintIndex, rejection.hintTerm);
  const next = Math.max(progress.match + 1, Math.min(rejection.previousIndex, agreement + 1)) as LogIndex;
  changeState(step, progress, () => enterProbe(progress, next));
}

function sendProbe(step: Step, progress: Progress): void {
  if (progress.paused || progress.readPending) {
    return;
  }
  if (progress.next > sendableIndex(step)) {
    progress.paused = sendBareAppend(step, progress);
  } else {
    sendNextEntries(step, progress);
  }
}

function fillWindow(step: Step, progress: Progress): void {
  const last = sendableIndex(step);
  while (progress.next <= last && !isWindowFull(step, progress) && !progress.readPending) {
    if (!sendNextEntries(step, progress)) {
      return;
    }
  }
  if (progress.commitSent < step.state.commit && progress.next > last && !isWindowFull(step, progress)) {
    // Nothing more to send, so the last entry commits on the peer without waiting for another write.
    sendBareAppend(step, progress);
  }
}

/** Sends no entries, only where they would go and what is committed; returns false if the log starts later. */
function sendBareAppend(step: Step, progress: Progress): boolean {
  if (termAt(step.state.log, offsetIndex(progress.next, -1)) === null) {
    offerSnapshot(step, progress);
    return false;
  }
  sendAppend(step, progress, []);
  return true;
}

/** Sends what follows from memory; returns false if it has to be read first, or is gone. */
function sendNextEntries(step: Step, progress: Progress): boolean {
  const { state, options } = step;
  if (termAt(state.log, offsetIndex(progress.next, -1)) === null) {
    offerSnapshot(step, progress);
    return false;
  }
  const { appendMaxEntries, appendMaxBytes } = options.replication;
  const last = sendableIndex(step);
  const entries = cachedEntries(state.log, progress.next, last, appendMaxEntries, appendMaxBytes);
  if (entries === null) {
    progress.readPending = true;
    // Only what has left memory is certain to be in storage: the rest may still be on its way there.
    const stored = firstCachedIndex(state.log) - 1;
    askForEntries(step, {
      purpose: { kind: 'replicate', peer: progress.id },
      first: progress.next,
      last: Math.min(last, stored, progress.next + appendMaxEntries - 1) as LogIndex,
      maxBytes: appendMaxBytes,
    });
    return false;
  }
  sendEntries(step, progress, entries);
  return true;
}

function sendEntries(step: Step, progress: Progress, entries: readonly Entry[]): void {
  sendAppend(step, progress, entries);
  if (progress.state === 'probe') {
    progress.paused = true;
    return;
  }
  progress.next = offsetIndex(progress.next, entries.length);
  addInflight(progress, offsetIndex(progress.next, -1), totalBytes(entries));
}

function sendAppend(step: Step, progress: Progress, entries: readonly Entry[]): void {
  const { state } = step;
  const previousIndex = offsetIndex(progress.next, -1);
  const previousTerm = termAt(state.log, previousIndex);
  assert(previousTerm !== null, 'an append follows an entry whose term is known');
  progress.commitSent = state.commit;
  send(step, {
    type: 'append-request',
    from: state.id,
    to: progress.id,
    term: state.term,
    previousIndex,
    previousTerm,
    entries,
    commit: state.commit,
  });
}

/** The entries that the peer needs have left the log (Raft, section 7). */
function offerSnapshot(step: Step, progress: Progress): void {
  const { state } = step;
  const { snapshot } = state;
  assert(snapshot !== null, 'entries leave the log only when a snapshot holds them');
  changeState(step, progress, () => enterSnapshot(progress, snapshot.index));
  send(step, { type: 'snapshot-request', from: state.id, to: progress.id, term: state.term, snapshot });
}

/** The last entry that may be sent: in figure 2's order, the leader's own disk comes first. */
function sendableIndex(step: Step): LogIndex {
  const { state, options } = step;
  return options.replication.persistBeforeSend ? state.persistence.durableIndex : state.log.lastIndex;
}

function isWindowFull(step: Step, progress: Progress): boolean {
  const { inflightMaxMessages, inflightMaxBytes } = step.options.replication;
  return progress.inflight.length >= inflightMaxMessages || progress.inflightBytes >= inflightMaxBytes;
}

function isNextInLog(step: Step, progress: Progress, entries: readonly Entry[]): boolean {
  const { log } = step.state;
  const isNext = (entry: Entry, position: number): boolean =>
    entry.index === progress.next + position && entry.term === termAt(log, entry.index);
  return termAt(log, offsetIndex(progress.next, -1)) !== null && entries.every(isNext);
}
