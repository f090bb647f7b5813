import { assert } from './assert.ts';
import { commitTo } from './commit.ts';
import type { MemberId } from './identifiers.ts';
import type { HeartbeatRequest, HeartbeatResponse } from './message.ts';
import { isTermDurable } from './persistence.ts';
import { isQuorum } from './quorum.ts';
import { confirmRounds } from './read-index.ts';
import { retryUnanswered } from './replication.ts';
import { becomeFollower, hearLeader } from './roles.ts';
import { configurationOf, type LeaderState } from './state.ts';
import { send, sendAfterPersist, type Step } from './step.ts';

/** Heartbeats: empty AppendEntries that never wait for a disk (Raft, section 5.2; dissertation, 6.4). */
export function handleHeartbeatRequest(step: Step, message: HeartbeatRequest): void {
  const { state } = step;
  hearLeader(step, message.from);
  assert(message.commit <= state.log.lastIndex, 'the log has lost entries that it acknowledged');
  if (message.commit > state.commit) {
    commitTo(step, message.commit);
  }
  answerHeartbeat(step, message.from, message.round);
}

export function handleHeartbeatResponse(step: Step, leader: LeaderState, message: HeartbeatResponse): void {
  const progress = leader.peers.get(message.from);
  if (progress === undefined) {
    return;
  }
  progress.recentlyActive = true;
  if (message.round > progress.ackedRound) {
    assert(message.round <= leader.rounds.started, 'only a round that was started is answered');
    progress.ackedRound = message.round;
    confirmRounds(step, leader);
  }
  retryUnanswered(step, progress);
}

/** Tells a leader of an older term that it is one, whatever it sent (Raft, section 5.1). Confirms nothing: round 0. */
export function answerStaleLeader(step: Step, leader: MemberId): void {
  answerHeartbeat(step, leader, 0);
}

/**
 * A leader that has not heard a quorum for an election timeout steps down, so that its clients look
 * elsewhere (dissertation, section 6.2).
 */
export function checkQuorum(step: Step, leader: LeaderState): void {
  const { state } = step;
  const active = (id: MemberId): boolean =>
    id === state.id || (leader.peers.get(id)?.recentlyActive ?? false);
  if (!isQuorum(configurationOf(state), active)) {
    becomeFollower(step, state.term, null, 'heard no quorum');
    return;
  }
  for (const progress of leader.peers.values()) {
    progress.recentlyActive = false;
  }
}

function answerHeartbeat(step: Step, to: MemberId, round: number): void {
  const { state } = step;
  const response = { type: 'heartbeat-response', from: state.id, to, term: state.term, round } as const;
  if (isTermDurable(state)) {
    send(step, response);
  } else {
    // The answer counts in this term: a crash must not let this member fall back behind it.
    sendAfterPersist(step, response);
  }
}
