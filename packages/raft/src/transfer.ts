import { campaign } from './election.ts';
import type { MemberId } from './identifiers.ts';
import { configurationOf, type LeaderState } from './state.ts';
import { emit, send, type Step } from './step.ts';

/**
 * Leadership transfer (dissertation, section 3.10): stop taking commands, bring the target's log up to
 * date, and invite it to campaign at once. The lease ends first: voters that follow the invitation break
 * their promise to this leader.
 */
export function startTransfer(step: Step, to: MemberId): void {
  const { state } = step;
  const { role } = state;
  if (to === state.id && role.kind === 'leader') {
    return;
  }
  if (role.kind !== 'leader' || !configurationOf(state).voters.includes(to)) {
    emit(step, { type: 'transfer-aborted', to });
    return;
  }
  if (role.transfer !== null) {
    if (role.transfer.to === to) {
      return;
    }
    emit(step, { type: 'transfer-aborted', to: role.transfer.to });
  }
  role.lease.untilMs = 0;
  role.transfer = { to, elapsedTicks: 0, timeoutNowSent: false };
  emit(step, { type: 'transfer-started', to });
}

/** Invites the target once its log is complete. Called at the end of each step. */
export function continueTransfer(step: Step, leader: LeaderState): void {
  const { state } = step;
  const { transfer } = leader;
  if (transfer === null || transfer.timeoutNowSent) {
    return;
  }
  if (leader.peers.get(transfer.to)?.match === state.log.lastIndex) {
    transfer.timeoutNowSent = true;
    // The invitation may arrive at any time, so voters may break their promise at any time.
    leader.lease.forfeited = true;
    send(step, { type: 'timeout-now', from: state.id, to: transfer.to, term: state.term });
  }
}

/** A target that has not taken over within an election timeout will not: commands are taken again. */
export function tickTransfer(step: Step, leader: LeaderState): void {
  const { transfer } = leader;
  if (transfer === null) {
    return;
  }
  transfer.elapsedTicks += 1;
  if (transfer.elapsedTicks >= step.options.electionTimeoutTicks) {
    leader.transfer = null;
    emit(step, { type: 'transfer-aborted', to: transfer.to });
  }
}

/** The leader's invitation: no pre-vote, and voters put aside their loyalty. */
export function handleTimeoutNow(step: Step): void {
  campaign(step, 'transfer', 'leadership transfer');
}
