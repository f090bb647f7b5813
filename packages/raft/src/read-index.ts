import { hasCommittedOwnTerm } from './commit.ts';
import type { LogIndex, MemberId } from './identifiers.ts';
import { extendLease, leaseHolds, noteRoundSent } from './lease.ts';
import type { ForwardedRead, ForwardedReadRefused, ForwardedReadResponse, RefusalReason } from './message.ts';
import { quorumValue } from './quorum.ts';
import { configurationOf, type LeaderState, leaderOf, type PendingRead, type Rounds } from './state.ts';
import { readyRead, refuseRead, send, type Step } from './step.ts';

/**
 * Linearizable reads without a log entry (dissertation, section 6.4). The leader notes its commit index,
 * proves by a round of heartbeats sent *afterwards* that it still leads, and the read may be served where
 * the state machine has applied that index. Reads that arrive while a round is under way share the next one.
 */

export function createRounds(): Rounds {
  return { started: 0, confirmed: 0, waiting: [], batches: [], pendingReads: 0 };
}

/** A read of this member's own client. */
export function handleRead(step: Step, id: number): void {
  const { state, options } = step;
  if (state.role.kind === 'leader') {
    if (!enqueueRead(step, state.role, { from: null, id })) {
      refuseRead(step, { id, reason: 'read-limit' });
    }
    return;
  }
  const leader = leaderOf(state);
  if (leader === null) {
    refuseRead(step, { id, reason: 'no-leader' });
    return;
  }
  if (state.forwardedReads.size >= options.pendingReadsMax) {
    refuseRead(step, { id, reason: 'read-limit' });
    return;
  }
  const number = state.nextForwardedRead;
  state.nextForwardedRead += 1;
  state.forwardedReads.set(number, { id, elapsedTicks: 0 });
  send(step, { type: 'forwarded-read', from: state.id, to: leader, term: state.term, id: number });
}

/** Another member asks for its client. The answer waits for the round like any other. */
export function handleForwardedRead(step: Step, message: ForwardedRead): void {
  const { role } = step.state;
  if (role.kind !== 'leader') {
    sendRefusal(step, message.from, message.id, 'not-leader');
  } else if (!enqueueRead(step, role, { from: message.from, id: message.id })) {
    sendRefusal(step, message.from, message.id, 'read-limit');
  }
}

export function handleForwardedReadResponse(step: Step, message: ForwardedReadResponse): void {
  const { forwardedReads } = step.state;
  const read = forwardedReads.get(message.id);
  if (read !== undefined) {
    forwardedReads.delete(message.id);
    readyRead(step, { id: read.id, index: message.index });
  }
}

export function handleForwardedReadRefused(step: Step, message: ForwardedReadRefused): void {
  const { forwardedReads } = step.state;
  const read = forwardedReads.get(message.id);
  if (read !== undefined) {
    forwardedReads.delete(message.id);
    refuseRead(step, { id: read.id, reason: message.reason });
  }
}

/** The leader that reads were passed to is not the leader any more, or not to be reached. */
export function refuseForwardedReads(step: Step, reason: RefusalReason): void {
  const { forwardedReads } = step.state;
  for (const { id } of forwardedReads.values()) {
    refuseRead(step, { id, reason });
  }
  forwardedReads.clear();
}

/** Gives up on answers that must have been lost: a read costs nothing to repeat. Called once a tick. */
export function expireForwardedReads(step: Step): void {
  const { state, options } = step;
  for (const [number, read] of state.forwardedReads) {
    read.elapsedTicks += 1;
    if (read.elapsedTicks > options.electionTimeoutTicks) {
      state.forwardedReads.delete(number);
      refuseRead(step, { id: read.id, reason: 'no-leader' });
    }
  }
}

/** Answers waiting reads by the lease, or starts their round unless one is under way. Called at the end of each step. */
export function serveWaitingReads(step: Step, leader: LeaderState): void {
  const { state } = step;
  const { rounds } = leader;
  if (rounds.waiting.length === 0 || !hasCommittedOwnTerm(state, leader)) {
    return;
  }
  if (leaseHolds(step, leader)) {
    answerReads(step, rounds, rounds.waiting, state.commit);
    rounds.waiting = [];
  } else if (rounds.started === rounds.confirmed) {
    startRound(step, leader);
  }
}

/** Sends a round of heartbeats; the waiting reads go with it, if the commit index is known to be current. */
export function startRound(step: Step, leader: LeaderState): void {
  const { state } = step;
  const { rounds } = leader;
  rounds.started += 1;
  if (rounds.waiting.length > 0 && hasCommittedOwnTerm(state, leader)) {
    rounds.batches.push({ round: rounds.started, index: state.commit, reads: rounds.waiting });
    rounds.waiting = [];
  }
  for (const progress of leader.peers.values()) {
    send(step, {
      type: 'heartbeat-request',
      from: state.id,
      to: progress.id,
      term: state.term,
      commit: progress.match < state.commit ? progress.match : state.commit,
      round: rounds.started,
    });
  }
  noteRoundSent(step, leader.lease, rounds.started);
  // A cluster of one has a quorum already.
  confirmRounds(step, leader);
}

/** Answers the reads of all rounds that a quorum has answered, and extends the lease. */
export function confirmRounds(step: Step, leader: LeaderState): void {
  const { state } = step;
  const { rounds, peers } = leader;
  const confirmed = quorumValue(configurationOf(state), (id) =>
    id === state.id ? rounds.started : (peers.get(id)?.ackedRound ?? 0),
  );
  if (confirmed <= rounds.confirmed) {
    return;
  }
  rounds.confirmed = confirmed;
  extendLease(step, leader.lease, confirmed);
  for (let batch = rounds.batches[0]; batch !== undefined && batch.round <= confirmed; ) {
    rounds.batches.shift();
    answerReads(step, rounds, batch.reads, batch.index);
    batch = rounds.batches[0];
  }
}

/** The member does not lead any more: none of its reads can be confirmed. */
export function refuseLeaderReads(step: Step, leader: LeaderState): void {
  const { rounds } = leader;
  for (const read of [...rounds.batches.flatMap((batch) => batch.reads), ...rounds.waiting]) {
    if (read.from === null) {
      refuseRead(step, { id: read.id, reason: 'not-leader' });
    } else {
      sendRefusal(step, read.from, read.id, 'not-leader');
    }
  }
}

function enqueueRead(step: Step, leader: LeaderState, read: PendingRead): boolean {
  const { rounds } = leader;
  if (rounds.pendingReads >= step.options.pendingReadsMax) {
    return false;
  }
  rounds.pendingReads += 1;
  rounds.waiting.push(read);
  return true;
}

function answerReads(step: Step, rounds: Rounds, reads: readonly PendingRead[], index: LogIndex): void {
  const { state } = step;
  rounds.pendingReads -= reads.length;
  for (const { from, id } of reads) {
    if (from === null) {
      readyRead(step, { id, index });
    } else {
      send(step, { type: 'forwarded-read-response', from: state.id, to: from, term: state.term, id, index });
    }
  }
}

function sendRefusal(step: Step, to: MemberId, id: number, reason: RefusalReason): void {
  const { state } = step;
  send(step, { type: 'forwarded-read-refused', from: state.id, to, term: state.term, id, reason });
}
