/** The status codes of gRPC that this server answers with. The numbers are gRPC's. */
export const statusCodes = {
  cancelled: 1,
  unknown: 2,
  'invalid-argument': 3,
  'deadline-exceeded': 4,
  'not-found': 5,
  'permission-denied': 7,
  'resource-exhausted': 8,
  'failed-precondition': 9,
  'out-of-range': 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  'data-loss': 15,
} as const;

export type StatusName = keyof typeof statusCodes;

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

  /** The number that goes over the wire. */
  get code(): number {
    return statusCodes[this.status];
  }
}
