import { assert } from './assert.ts';
import { cachedDataBytes } from './commit.ts';
import { type MemberId, offsetIndex, type Term } from './identifiers.ts';
import { createLease, renewPromise } from './lease.ts';
import { appendEntries, syncPeers } from './log-changes.ts';
import { createRounds, refuseLeaderReads, startRound } from './read-index.ts';
import type { LeaderState, RoleState } from './state.ts';
import { emit, type Step } from './step.ts';

/** The passages between the roles (Raft, figure 4). Nothing else assigns a role, a term or clears a vote. */

/** Steps down, follows someone else, or enters a newer term as a follower. */
export function becomeFollower(step: Step, term: Term, leader: MemberId | null, reason: string): void {
  const { state } = step;
  const previous = state.role;
  assert(term >= state.term, 'the term never goes back (section 5.1)');
  if (previous.kind === 'leader') {
    refuseLeaderReads(step, previous);
  }
  if (term > state.term) {
    state.term = term;
    state.vote = null;
  }
  if (previous.kind !== 'follower' || leader !== null) {
    // Merely learning of a newer term says nothing about a live leader, so it buys no time.
    resetElectionTimer(step);
  }
  setRole(step, { kind: 'follower', leader }, reason);
}

/** Hears the leader of the current term: its heartbeats, appends or snapshots (Raft, section 5.2). */
export function hearLeader(step: Step, leader: MemberId): void {
  const { state } = step;
  const { role } = state;
  assert(role.kind !== 'leader', 'at most one leader a term (section 5.2)');
  if (role.kind !== 'follower' || role.leader !== leader) {
    assert(role.kind !== 'follower' || role.leader === null, 'at most one leader a term (section 5.2)');
    becomeFollower(step, state.term, leader, 'heard from the leader');
  }
  state.election.elapsedTicks = 0;
  renewPromise(step);
}

/** Asks around before it campaigns (dissertation, section 9.6). Changes neither term nor vote. */
export function becomePreCandidate(step: Step, reason: string): void {
  const { state } = step;
  assert(state.role.kind !== 'leader', 'a leader does not campaign');
  resetElectionTimer(step);
  setRole(step, { kind: 'pre-candidate', votes: new Map([[state.id, true]]) }, reason);
}

/** Opens a new term and votes for itself; the vote counts when it is durable (Raft, section 5.2). */
export function becomeCandidate(step: Step, reason: string): void {
  const { state } = step;
  assert(state.role.kind !== 'leader', 'a leader does not campaign');
  state.term = (state.term + 1) as Term;
  state.vote = state.id;
  resetElectionTimer(step);
  setRole(step, { kind: 'candidate', votes: new Map() }, reason);
}

/**
 * Takes over: announces itself by heartbeats, and opens its term with a no-op, without which it could
 * commit nothing that earlier terms left (Raft, sections 5.2, 5.4.2 and 8).
 */
export function becomeLeader(step: Step, reason: string): void {
  const { state } = step;
  assert(state.role.kind === 'candidate', 'only a candidate is elected');
  const termStart = offsetIndex(state.log.lastIndex, 1);
  const leader: LeaderState = {
    kind: 'leader',
    peers: new Map(),
    termStart,
    heartbeatElapsedTicks: 0,
    quorumCheckElapsedTicks: 0,
    uncommittedBytes: cachedDataBytes(state.log, state.commit, state.log.lastIndex),
    rounds: createRounds(),
    lease: createLease(),
    transfer: null,
  };
  syncPeers(state, leader);
  setRole(step, leader, reason);
  appendEntries(step, [{ kind: 'no-op', term: state.term, index: termStart }]);
  startRound(step, leader);
}

/** Starts waiting anew, for a time that differs from everyone else's (Raft, section 5.2). */
export function resetElectionTimer(step: Step): void {
  const { state, options } = step;
  state.election.elapsedTicks = 0;
  state.election.timeoutTicks = options.electionTimeoutTicks + options.random(options.electionTimeoutTicks);
}

function setRole(step: Step, role: RoleState, reason: string): void {
  const { state } = step;
  const changed = state.role.kind !== role.kind;
  state.role = role;
  if (changed) {
    const leader = role.kind === 'leader' ? state.id : role.kind === 'follower' ? role.leader : null;
    emit(step, { type: 'role-changed', role: role.kind, term: state.term, leader, reason });
  }
}
