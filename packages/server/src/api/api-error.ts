/** The statuses of gRPC that this server answers with, by their names. */
export type StatusName =
  | 'cancelled'
  | 'unknown'
  | 'invalid-argument'
  | 'deadline-exceeded'
  | 'not-found'
  | 'resource-exhausted'
  | 'failed-precondition'
  | 'out-of-range'
  | 'unimplemented'
  | 'internal'
  | 'unavailable'
  | 'data-loss';

/**
 * What is known about the effect of a request that failed.
 *
 * - `none`: it had none and will have none. Whoever repeats it does not do it twice.
 * - `unknown`: it may have taken effect, or still may.
 */
export type Outcome = 'none' | 'unknown';

/** A request that failed, as the client is told: gRPC's status, and for etcd's clients a text that they compare. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: StatusName;
  readonly outcome: Outcome;

  constructor(status: StatusName, message: string, outcome: Outcome, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.outcome = outcome;
  }
}
