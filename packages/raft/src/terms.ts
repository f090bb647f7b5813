import { isLoyal } from './election.ts';
import { answerStaleLeader } from './heartbeat.ts';
import type { MemberId } from './identifiers.ts';
import type { Message } from './message.ts';
import { becomeFollower } from './roles.ts';
import { configurationOf, type State } from './state.ts';
import { sendAfterPersist, type Step } from './step.ts';

/**
 * Whether a message is to be handled, after settling its term (Raft, section 5.1): a newer one makes this
 * member a follower in it, an older one is turned away, with an answer if the sender should know.
 */
export function isAdmitted(step: Step, message: Message): boolean {
  const { state } = step;
  if (message.to !== state.id || message.from === state.id) {
    return false;
  }
  switch (message.type) {
    case 'forwarded-proposals':
    case 'proposals-refused':
    case 'forwarded-read':
    case 'forwarded-read-response':
    case 'forwarded-read-refused':
      // They carry clients' requests, not claims about the log: the term does not matter.
      return isMember(state, message.from);
    case 'pre-vote-request':
      return true;
    case 'pre-vote-response':
      // A granted one names the term that was asked about, which nobody has entered yet; a refusal may well
      // come from a member in an older term.
      return (
        isMember(state, message.from) &&
        (message.granted || message.term <= state.term || isOfCurrentTerm(step, message))
      );
    case 'vote-response':
    case 'append-response':
    case 'heartbeat-response':
    case 'snapshot-response':
      return isMember(state, message.from) && isOfCurrentTerm(step, message);
    case 'vote-request':
    case 'append-request':
    case 'heartbeat-request':
    case 'snapshot-request':
    case 'timeout-now':
      // From anyone: this member's configuration may be older than the sender's (section 6).
      return isOfCurrentTerm(step, message);
  }
}

function isOfCurrentTerm(step: Step, message: Message): boolean {
  const { state } = step;
  if (message.term > state.term) {
    if (message.type === 'vote-request' && !message.leadershipTransfer && ignoresCampaigns(step)) {
      return false;
    }
    becomeFollower(step, message.term, null, 'saw a newer term');
    return true;
  }
  if (message.term < state.term) {
    turnAway(step, message);
    return false;
  }
  return true;
}

/** A member that hears its leader does not even enter the candidate's term (dissertation, section 4.2.3). */
function ignoresCampaigns(step: Step): boolean {
  return step.options.checkQuorum && isLoyal(step);
}

function turnAway(step: Step, message: Message): void {
  const { state } = step;
  const { type } = message;
  if (type === 'append-request' || type === 'heartbeat-request' || type === 'snapshot-request') {
    answerStaleLeader(step, message.from);
  } else if (type === 'vote-request') {
    sendAfterPersist(step, {
      type: 'vote-response',
      from: state.id,
      to: message.from,
      term: state.term,
      granted: false,
    });
  }
}

function isMember(state: State, id: MemberId): boolean {
  const { voters, outgoingVoters, learners } = configurationOf(state);
  return voters.includes(id) || outgoingVoters.includes(id) || learners.includes(id);
}
