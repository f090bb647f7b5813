import { advanceCommit, hasCommittedOwnTerm } from './commit.ts';
import type { Configuration } from './configuration.ts';
import { type MemberId, offsetIndex } from './identifiers.ts';
import { appendEntries } from './log-changes.ts';
import type { RefusalReason } from './message.ts';
import { isJoint, isVoter, sortedUnion } from './quorum.ts';
import { becomeFollower } from './roles.ts';
import { configurationOf, type LeaderState, type State } from './state.ts';
import { refuseProposal, type Step } from './step.ts';

/**
 * Changes of membership (Raft, section 6). A configuration is in force from the moment it is appended. A joint
 * one is proposed like any other, and left by the leader itself.
 */
export function proposeConfiguration(step: Step, id: number, configuration: Configuration): void {
  const { state } = step;
  const { role } = state;
  const reason = role.kind === 'leader' ? refusalReason(state, role, configuration) : 'not-leader';
  if (role.kind !== 'leader' || reason !== null) {
    refuseProposal(step, { id, reason: reason ?? 'not-leader' });
    return;
  }
  appendConfiguration(step, role, configuration);
}

/**
 * Once both majorities have the joint configuration, its leader, or whoever leads after it, moves on to the new
 * one (section 6, figure 11): nobody needs to remember that a change is under way. Called at the end of each step.
 */
export function leaveJointPhase(step: Step, leader: LeaderState): void {
  const { state } = step;
  const current = configurationOf(state);
  if (!isJoint(current)) {
    return;
  }
  const next = afterJointPhase(current);
  if (refusalReason(state, leader, next) === null) {
    appendConfiguration(step, leader, next);
  }
}

/** What a joint configuration leads to: its incoming voters, and as learners those outgoing ones that stay. */
export function afterJointPhase(joint: Configuration): Configuration {
  const learners = sortedUnion(joint.learners, joint.learnersNext).filter((id) => !joint.voters.includes(id));
  const stays = (id: MemberId): boolean => joint.voters.includes(id) || learners.includes(id);
  const addresses = joint.addresses.filter(({ id }) => stays(id));
  return { voters: joint.voters, outgoingVoters: [], learners, learnersNext: [], addresses };
}

/** A leader that is not a voter any more leads until that is committed, and then steps down (end of section 6). */
export function stepDownIfRemoved(step: Step): void {
  const { state } = step;
  const current = state.configurations.at(-1);
  if (current !== undefined && current.index <= state.commit && !isVoter(current.configuration, state.id)) {
    becomeFollower(step, state.term, null, 'removed from the configuration');
  }
}

/**
 * Whether one configuration may follow another so that no two disjoint majorities ever decide: into a joint
 * one from its outgoing voters, out of it to its incoming ones, or by at most one voter (dissertation, 4.1
 * and 4.3).
 */
export function maySucceed(current: Configuration, next: Configuration): boolean {
  if (next.voters.length === 0) {
    return false;
  }
  if (isJoint(current)) {
    return !isJoint(next) && sameMembers(current.voters, next.voters);
  }
  if (isJoint(next)) {
    return sameMembers(current.voters, next.outgoingVoters);
  }
  const added = next.voters.filter((id) => !current.voters.includes(id)).length;
  const removed = current.voters.filter((id) => !next.voters.includes(id)).length;
  return added + removed <= 1;
}

function appendConfiguration(step: Step, leader: LeaderState, configuration: Configuration): void {
  const { state } = step;
  const index = offsetIndex(state.log.lastIndex, 1);
  appendEntries(step, [{ kind: 'configuration', term: state.term, index, configuration }]);
  // A smaller quorum may have been reached already.
  advanceCommit(step, leader);
}

function refusalReason(state: State, leader: LeaderState, next: Configuration): RefusalReason | null {
  if (leader.transfer !== null) {
    return 'transferring';
  }
  const pending = (state.configurations.at(-1)?.index ?? 0) > state.commit;
  // Without a committed entry of its term a leader may build on a configuration that another will undo.
  if (pending || !hasCommittedOwnTerm(state, leader) || !maySucceed(configurationOf(state), next)) {
    return 'configuration-change';
  }
  return null;
}

function sameMembers(left: readonly MemberId[], right: readonly MemberId[]): boolean {
  return left.length === right.length && left.every((id) => right.includes(id));
}
