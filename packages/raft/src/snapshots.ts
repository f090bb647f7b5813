import { assert } from './assert.ts';
import { advanceCommit, commitTo } from './commit.ts';
import type { SnapshotDescription } from './entry.ts';
import { type LogIndex, type MemberId, offsetIndex } from './identifiers.ts';
import { removeLogPrefix, resetLog, termAt } from './log.ts';
import { forgetDurability } from './log-changes.ts';
import type { SnapshotRequest, SnapshotResponse } from './message.ts';
import { enterProbe, enterReplicate, freeInflight, raiseMatch } from './progress.ts';
import { changeState } from './replication.ts';
import { becomeFollower, hearLeader } from './roles.ts';
import { type LeaderState, leaderOf, type State } from './state.ts';
import { emit, sendAfterPersist, type Step } from './step.ts';
import { isJoint } from './quorum.ts';

/** Snapshots (Raft, section 7). The core decides who needs one; the caller moves the bytes. */

/** The leader's log no longer reaches back to what this member needs. */
export function handleSnapshotRequest(step: Step, message: SnapshotRequest): void {
  const { state } = step;
  const { snapshot } = message;
  hearLeader(step, message.from);
  if (snapshot.index > state.commit && termAt(state.log, snapshot.index) === snapshot.term) {
    // The log holds everything that the snapshot does: it only says that this much is committed.
    commitTo(step, snapshot.index);
  }
  if (snapshot.index <= state.commit) {
    sendSnapshotResponse(step, message.from);
    return;
  }
  if (state.installing === null) {
    // The same one again means that the leader believes the first attempt failed.
    step.pending.snapshotToInstall = { from: message.from, snapshot };
  }
}

/**
 * Whether the member would gain by installing this snapshot now, and may. Not if it has all of it, and not if it
 * leads: an elected leader has all that is committed (section 5.4.3). And not before it has heard of the term of
 * the snapshot's last entry: a log never runs ahead of its member's term, and a member that offered a snapshot may
 * have gone on into another term.
 */
export function needsSnapshot(state: State, snapshot: SnapshotDescription): boolean {
  return (
    state.role.kind !== 'leader' &&
    state.installing === null &&
    snapshot.term <= state.term &&
    snapshot.index > state.commit &&
    termAt(state.log, snapshot.index) !== snapshot.term
  );
}

/** The caller has fetched a snapshot and begins to replace the state machine. */
export function handleSnapshotInstalling(step: Step, snapshot: SnapshotDescription): void {
  const { state } = step;
  assert(needsSnapshot(state, snapshot), 'a snapshot is installed by who needs it');
  if (state.role.kind !== 'follower') {
    // Votes that are under way must not make a leader of a member whose state machine is not there.
    becomeFollower(step, state.term, null, 'installs a snapshot');
  }
  state.installing = snapshot;
}

/** The caller has installed a snapshot durably: the log continues after it. */
export function handleSnapshotInstalled(step: Step, snapshot: SnapshotDescription): void {
  const { state } = step;
  const { applying } = state;
  assert(state.installing?.index === snapshot.index, 'the snapshot that is being installed is installed');
  assert(state.role.kind !== 'leader', 'a leader installs no snapshot');
  state.installing = null;
  assert(snapshot.index > state.commit, 'a snapshot brings what was not known to be committed');
  resetLog(state.log, snapshot);
  forgetDurability(state, snapshot.index);
  state.persistence.durableIndex = snapshot.index;
  state.commit = snapshot.index;
  emit(step, { type: 'committed', index: snapshot.index, term: state.term });
  applying.applied = snapshot.index;
  applying.handedOut = snapshot.index;
  applying.batches.length = 0;
  applying.entries = 0;
  applying.bytes = 0;
  adoptSnapshot(step, snapshot);
  const leader = leaderOf(state);
  if (leader !== null) {
    sendSnapshotResponse(step, leader);
  }
}

export function handleSnapshotResponse(step: Step, leader: LeaderState, message: SnapshotResponse): void {
  const progress = leader.peers.get(message.from);
  if (progress === undefined) {
    return;
  }
  progress.recentlyActive = true;
  assert(message.matchIndex <= step.state.log.lastIndex, 'a peer cannot match what the leader does not have');
  const news = raiseMatch(progress, message.matchIndex);
  if (progress.state === 'snapshot' && progress.match >= progress.pendingSnapshot) {
    changeState(step, progress, () => enterReplicate(progress));
  }
  freeInflight(progress, progress.match);
  if (news) {
    advanceCommit(step, leader);
  }
}

/** The transfer has ended one way or the other. What the peer really has, its next answer tells. */
export function handleSnapshotSent(
  step: Step,
  leader: LeaderState,
  peer: MemberId,
  delivered: boolean,
): void {
  const progress = leader.peers.get(peer);
  if (progress === undefined || progress.state !== 'snapshot') {
    return;
  }
  const resume = delivered ? Math.max(progress.match, progress.pendingSnapshot) : progress.match;
  changeState(step, progress, () => enterProbe(progress, (resume + 1) as LogIndex));
  // Not at once: a peer that refuses snapshots must not be flooded with them.
  progress.paused = true;
  progress.retryDue = true;
}

/** See `RaftCore.describeSnapshot`. */
export function describeSnapshot(state: State, index: LogIndex): SnapshotDescription {
  assert(index <= state.commit, 'a snapshot holds only what is committed');
  const term = termAt(state.log, index);
  const logged = state.configurations.findLast((candidate) => candidate.index <= index);
  assert(term !== null && logged !== undefined, 'term and configuration of what is committed are known');
  return { index, term, configuration: logged.configuration };
}

/** A snapshot of the own state machine is durable, so the log may lose its beginning. */
export function handleCompact(step: Step, snapshot: SnapshotDescription, through: LogIndex): void {
  const { state } = step;
  assert(snapshot.index <= state.applying.applied, 'a snapshot holds only what was applied');
  assert(through <= snapshot.index, 'entries leave the log only when a snapshot holds them');
  if (state.snapshot === null || snapshot.index > state.snapshot.index) {
    state.snapshot = snapshot;
  }
  removeLogPrefix(state.log, through);
  dropOldConfigurations(step, offsetIndex(state.log.firstIndex, -1));
}

function adoptSnapshot(step: Step, snapshot: SnapshotDescription): void {
  const { state } = step;
  state.snapshot = snapshot;
  const later = state.configurations.filter(
    (logged) => logged.index > snapshot.index && logged.index <= state.log.lastIndex,
  );
  state.configurations.length = 0;
  state.configurations.push({ index: snapshot.index, configuration: snapshot.configuration }, ...later);
  emit(step, {
    type: 'configuration-changed',
    index: snapshot.index,
    joint: isJoint(snapshot.configuration),
  });
}

/** Keeps the last configuration of what left the log: it is the one that the log starts with. */
function dropOldConfigurations(step: Step, through: LogIndex): void {
  const { configurations } = step.state;
  const firstKept = configurations.findLastIndex((logged) => logged.index <= through);
  if (firstKept > 0) {
    configurations.splice(0, firstKept);
  }
}

function sendSnapshotResponse(step: Step, to: MemberId): void {
  const { state } = step;
  sendAfterPersist(step, {
    type: 'snapshot-response',
    from: state.id,
    to,
    term: state.term,
    matchIndex: state.commit,
  });
}
