/**
 * Why a member could not answer.
 *
 * - `no-leader`: no leader was known until the deadline. A write was not proposed: it has no effect.
 * - `unknown-outcome`: a write was proposed, but its leader was lost or the deadline passed before it was
 *   seen to commit. It may take effect, now or later.
 * - `timed-out`: a read was not confirmed before the deadline.
 * - `overloaded`: too much is waiting already. A write has no effect.
 * - `request-too-large`: the command exceeds the limit. It has no effect.
 * - `cancelled`: the caller gave up. A write may take effect.
 * - `stopped`: the member is stopping. A write that was proposed is answered `unknown-outcome` instead.
 * - `not-leader`: the request is for the leader only.
 * - `bad-transferee`: leadership cannot go to that member.
 * - `corrupt`: this member's data differs from that of the others; it serves nothing until that is mended.
 * - `change-running`: another change of membership is under way; it has no effect, try again when that has ended.
 * - `member-exists`, `peer-url-exists`: a member with this name, or at this URL, is there already.
 * - `member-not-found`: there is no member with this id.
 * - `not-a-learner`, `learner-not-in-sync`: the member cannot be promoted, or not yet.
 * - `too-many-learners`, `too-many-members`: the cluster has as many as it may have.
 * - `not-enough-started-members`, `unhealthy-cluster`: after the change no majority of the voters would run.
 * - `learner`: a member without a vote does not serve this.
 * - `removed`: the member does not belong to its cluster any more; it must not run.
 * - `data-lost`: the member has run before, and its data is gone; it must not run as the same one.
 * - `inconsistent-data`: log and state machine on disk do not belong together; the member cannot start.
 */
export const replicaErrorCodes = [
  'no-leader',
  'unknown-outcome',
  'timed-out',
  'overloaded',
  'request-too-large',
  'cancelled',
  'stopped',
  'not-leader',
  'bad-transferee',
  'corrupt',
  'change-running',
  'member-exists',
  'peer-url-exists',
  'member-not-found',
  'not-a-learner',
  'learner-not-in-sync',
  'too-many-learners',
  'too-many-members',
  'not-enough-started-members',
  'unhealthy-cluster',
  'learner',
  'removed',
  'data-lost',
  'inconsistent-data',
] as const;

export type ReplicaErrorCode = (typeof replicaErrorCodes)[number];

/** An operating error of a member. A broken invariant is an AssertionError instead, and stops the member. */
export class ReplicaError extends Error {
  override readonly name = 'ReplicaError';
  readonly code: ReplicaErrorCode;

  constructor(code: ReplicaErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
