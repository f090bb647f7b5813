import type { MonotonicMs } from './identifiers.ts';
import type { RaftOptions } from './options.ts';
import type { LeaderState, Lease } from './state.ts';
import type { Step } from './step.ts';

/**
 * The read lease (dissertation, section 6.4.1): a quorum that answered a heartbeat has promised to elect
 * nobody else for an election timeout. The promise began no earlier than the heartbeat was *sent*, so the
 * lease runs from there: an answer that was slow to arrive must not prolong it.
 */

/** More unconfirmed rounds than that tell nothing: a leader without a quorum steps down. */
const SENT_ROUNDS_MAX = 64;

export function createLease(): Lease {
  return { sent: [], untilMs: 0, forfeited: false };
}

export function noteRoundSent(step: Step, lease: Lease, round: number): void {
  if (step.options.reads !== 'lease') {
    return;
  }
  if (lease.sent.length >= SENT_ROUNDS_MAX) {
    lease.sent.shift();
  }
  lease.sent.push({ round, sentMs: step.nowMs });
}

/** A quorum has answered `round`. */
export function extendLease(step: Step, lease: Lease, round: number): void {
  for (let oldest = lease.sent[0]; oldest !== undefined && oldest.round <= round; oldest = lease.sent[0]) {
    lease.untilMs = Math.max(lease.untilMs, oldest.sentMs + leaseMs(step.options));
    lease.sent.shift();
  }
}

/** Whether a read may be answered without asking anyone. */
export function leaseHolds(step: Step, leader: LeaderState): boolean {
  return (
    step.options.reads === 'lease' &&
    !leader.lease.forfeited &&
    leader.transfer === null &&
    step.nowMs < leader.lease.untilMs
  );
}

/** A member has heard the leader: it promises not to help depose it for an election timeout. */
export function renewPromise(step: Step): void {
  if (step.options.reads === 'lease') {
    step.state.election.promisedUntilMs = step.nowMs + step.options.electionTimeoutMs;
  }
}

/** A member that has just started does not remember what it promised before, so it keeps the longest possible promise. */
export function startPromise(step: Step): void {
  if (step.state.election.promisedUntilMs === null) {
    renewPromise(step);
  }
}

/** Whether such a promise binds this member. */
export function isPromised(step: Step): boolean {
  const { promisedUntilMs } = step.state.election;
  return promisedUntilMs !== null && step.nowMs < promisedUntilMs;
}

function leaseMs(options: RaftOptions): MonotonicMs {
  return options.electionTimeoutMs * (1 - options.leaseDriftPercent / 100);
}
