import { campaign, isElectable, ordinaryCampaign } from './election.ts';
import { checkQuorum } from './heartbeat.ts';
import { expireForwardedReads, startRound } from './read-index.ts';
import { noteUnanswered } from './replication.ts';
import type { LeaderState } from './state.ts';
import type { Step } from './step.ts';
import { tickTransfer } from './transfer.ts';

/** Everything that happens because time passes. */
export function handleTick(step: Step): void {
  const { role } = step.state;
  if (role.kind === 'leader') {
    tickLeader(step, role);
  } else {
    tickElection(step);
  }
  if (step.state.forwardedReads.size > 0) {
    expireForwardedReads(step);
  }
}

function tickLeader(step: Step, leader: LeaderState): void {
  const { state, options } = step;
  tickTransfer(step, leader);
  leader.quorumCheckElapsedTicks += 1;
  if (leader.quorumCheckElapsedTicks >= options.electionTimeoutTicks) {
    leader.quorumCheckElapsedTicks = 0;
    if (options.checkQuorum) {
      checkQuorum(step, leader);
    }
  }
  leader.heartbeatElapsedTicks += 1;
  if (state.role === leader && leader.heartbeatElapsedTicks >= options.heartbeatTicks) {
    leader.heartbeatElapsedTicks = 0;
    for (const progress of leader.peers.values()) {
      noteUnanswered(progress);
    }
    startRound(step, leader);
  }
}

/** No word from a leader for too long: campaign (Raft, section 5.2), or at least stop believing in it. */
function tickElection(step: Step): void {
  const { state, options } = step;
  const { election, role } = state;
  election.elapsedTicks += 1;
  if (election.elapsedTicks >= election.timeoutTicks) {
    campaign(step, ordinaryCampaign(step), 'election timeout');
  }
  // A member that cannot be elected does not campaign, but it stops believing in a leader all the same.
  const forsaken = election.elapsedTicks >= options.electionTimeoutTicks && !isElectable(state);
  if (forsaken && role.kind === 'follower') {
    role.leader = null;
  }
}
