import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from './roles.ts';
import type { MemberId, Term } from './identifiers.ts';
import { isPromised } from './lease.ts';
import { isUpToDate, lastTerm } from './log.ts';
import type { PreVoteRequest, PreVoteResponse, VoteRequest, VoteResponse } from './message.ts';
import { isOwnVoteDurable } from './persistence.ts';
import { isVoter, voteResult, votersOf } from './quorum.ts';
import { configurationOf, leaderOf, type State } from './state.ts';
import { emit, send, sendAfterPersist, type Step } from './step.ts';

/** Leader election (Raft, section 5.2), with pre-vote and loyalty to a live leader (dissertation, 9.6 and 4.2.3). */

/** Ticks between the campaigns of members that saw their leader's connection close, in order of rank. */
const CLOSED_LEADER_STAGGER_TICKS = 2;

/**
 * How a campaign begins: `pre-vote` asks first; `election` enters the new term at once; `transfer` does so
 * on the leader's own invitation, and tells voters.
 */
export type CampaignKind = 'pre-vote' | 'election' | 'transfer';

/** Campaigns, if this member may: it can be elected, does not lead, and is bound by no promise to a leader. */
export function campaign(step: Step, kind: CampaignKind, reason: string): void {
  const { state } = step;
  if (state.role.kind === 'leader' || !isElectable(state) || state.installing !== null) {
    return;
  }
  if (kind !== 'transfer' && isPromised(step)) {
    return;
  }
  if (kind === 'pre-vote') {
    askForPreVotes(step, reason);
  } else {
    askForVotes(step, kind === 'transfer', reason);
  }
}

/**
 * Whether this member has a vote in the configuration in force, or in an earlier one that is in force until the
 * later ones commit. A voter that is being removed may hold the only log that can win: if it did not campaign,
 * nobody could. Its own vote does not count where it has none (dissertation, section 4.2.2).
 */
export function isElectable(state: State): boolean {
  const settled = state.configurations.findLastIndex(({ index }) => index <= state.commit);
  return state.configurations
    .slice(Math.max(0, settled))
    .some(({ configuration }) => isVoter(configuration, state.id));
}

/** The kind of campaign that the options ask for when nobody invited it. */
export function ordinaryCampaign(step: Step): CampaignKind {
  return step.options.preVote ? 'pre-vote' : 'election';
}

/**
 * The host of the leader closed the connection: its process is gone. All voters see that at the same moment,
 * so they start in the order of their ids, or they would split the vote. It is only a hint (a pre-vote does no
 * harm if the leader lives), but a promise for the sake of the leader's lease outlasts it.
 */
export function handleLeaderClosed(step: Step, leader: MemberId): void {
  const { state, options } = step;
  const { role, election } = state;
  if (role.kind !== 'follower' || role.leader !== leader || isPromised(step)) {
    return;
  }
  role.leader = null;
  const rank = votersOf(configurationOf(state))
    .filter((id) => id !== leader)
    .indexOf(state.id);
  if (rank < 0 || !options.preVote) {
    return;
  }
  if (rank === 0) {
    campaign(step, 'pre-vote', "the leader's connection closed");
    return;
  }
  const staggered = election.elapsedTicks + rank * CLOSED_LEADER_STAGGER_TICKS;
  election.timeoutTicks = Math.min(election.timeoutTicks, staggered);
}

/** Whether this member hears a leader, and so helps nobody to depose it (dissertation, section 4.2.3). */
export function isLoyal(step: Step): boolean {
  const { state, options } = step;
  if (state.role.kind === 'leader' || isPromised(step)) {
    return true;
  }
  return leaderOf(state) !== null && state.election.elapsedTicks < options.electionTimeoutTicks;
}

/** Would it vote for the sender? Promises nothing, so it needs no disk. */
export function handlePreVoteRequest(step: Step, message: PreVoteRequest): void {
  const { state } = step;
  const granted =
    !isLoyal(step) &&
    couldVote(step, message.term, message.from) &&
    isUpToDate(state.log, message.lastTerm, message.lastIndex);
  send(step, {
    type: 'pre-vote-response',
    from: state.id,
    to: message.from,
    term: granted ? message.term : state.term,
    granted,
  });
}

export function handlePreVoteResponse(step: Step, message: PreVoteResponse): void {
  const { state } = step;
  const { role } = state;
  if (role.kind !== 'pre-candidate' || (message.granted && message.term !== state.term + 1)) {
    return;
  }
  countVote(role.votes, message.from, message.granted);
  switch (voteResult(configurationOf(state), role.votes)) {
    case 'won':
      askForVotes(step, false, 'won the pre-vote');
      break;
    case 'lost':
      becomeFollower(step, state.term, null, 'lost the pre-vote');
      break;
    case 'pending':
      break;
  }
}

/** First come, first served, once a term, and only to a log as good as the own (Raft, sections 5.2 and 5.4.1). */
export function handleVoteRequest(step: Step, message: VoteRequest): void {
  const { state } = step;
  const granted =
    couldVote(step, message.term, message.from) && isUpToDate(state.log, message.lastTerm, message.lastIndex);
  if (granted && state.vote === null) {
    state.vote = message.from;
    emit(step, { type: 'voted', term: state.term, candidate: message.from });
  }
  if (granted) {
    state.election.elapsedTicks = 0;
  }
  sendAfterPersist(step, {
    type: 'vote-response',
    from: state.id,
    to: message.from,
    term: state.term,
    granted,
  });
}

export function handleVoteResponse(step: Step, message: VoteResponse): void {
  const { role } = step.state;
  if (role.kind === 'candidate') {
    countVote(role.votes, message.from, message.granted);
    concludeElection(step);
  }
}

/** The disk has caught up: a candidate's vote for itself may count now. */
export function countOwnVote(step: Step): void {
  const { state } = step;
  if (state.role.kind === 'candidate' && !state.role.votes.has(state.id) && isOwnVoteDurable(state)) {
    countVote(state.role.votes, state.id, true);
    concludeElection(step);
  }
}

function askForPreVotes(step: Step, reason: string): void {
  const { state } = step;
  becomePreCandidate(step, reason);
  if (state.role.kind === 'pre-candidate' && voteResult(configurationOf(state), state.role.votes) === 'won') {
    askForVotes(step, false, reason);
    return;
  }
  const term = (state.term + 1) as Term;
  for (const to of votersOf(configurationOf(state))) {
    if (to !== state.id) {
      send(step, {
        type: 'pre-vote-request',
        from: state.id,
        to,
        term,
        lastIndex: state.log.lastIndex,
        lastTerm: lastTerm(state.log),
      });
    }
  }
}

function askForVotes(step: Step, leadershipTransfer: boolean, reason: string): void {
  const { state } = step;
  becomeCandidate(step, reason);
  for (const to of votersOf(configurationOf(state))) {
    if (to !== state.id) {
      // After the disk: a candidate that forgets its term could campaign twice in it.
      sendAfterPersist(step, {
        type: 'vote-request',
        from: state.id,
        to,
        term: state.term,
        lastIndex: state.log.lastIndex,
        lastTerm: lastTerm(state.log),
        leadershipTransfer,
      });
    }
  }
}

function concludeElection(step: Step): void {
  const { state } = step;
  if (state.role.kind !== 'candidate') {
    return;
  }
  switch (voteResult(configurationOf(state), state.role.votes)) {
    case 'won':
      becomeLeader(step, 'won the election');
      break;
    case 'lost':
      becomeFollower(step, state.term, null, 'lost the election');
      break;
    case 'pending':
      break;
  }
}

/** Whether the vote of `term` is still to be had, or already the candidate's. */
function couldVote(step: Step, term: Term, candidate: MemberId): boolean {
  const { state } = step;
  if (term !== state.term) {
    return term > state.term;
  }
  return state.vote === candidate || (state.vote === null && leaderOf(state) === null);
}

/** The first answer counts: a repeated or contradictory one changes nothing. */
function countVote(votes: Map<MemberId, boolean>, from: MemberId, granted: boolean): void {
  if (!votes.has(from)) {
    votes.set(from, granted);
  }
}
