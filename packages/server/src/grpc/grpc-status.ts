import type { ApiError, StatusName } from '../api/api-error.ts';

/** The trailing metadata of a failed call that says what is known of its effect: `none` or `unknown`. */
export const outcomeKey = 'quorate-outcome';

/** gRPC's numbers of the statuses (grpc/status in the protocol's documentation). */
export const statusNumbers: Readonly<Record<StatusName, number>> = {
  cancelled: 1,
  unknown: 2,
  'invalid-argument': 3,
  'deadline-exceeded': 4,
  'not-found': 5,
  'resource-exhausted': 8,
  'failed-precondition': 9,
  'out-of-range': 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  'data-loss': 15,
};

export type Trailers = Readonly<Record<string, string>>;

export const okTrailers: Trailers = { 'grpc-status': '0' };

/** How a failure ends a call. */
export function errorTrailers(error: ApiError): Trailers {
  return {
    'grpc-status': String(statusNumbers[error.status]),
    'grpc-message': percentEncode(error.message),
    [outcomeKey]: error.outcome,
  };
}

/** Everything but printable ASCII, and the percent sign itself, is sent as the percent-encoded bytes of its UTF-8. */
function percentEncode(message: string): string {
  return message.toWellFormed().replace(/[^\x20-\x24\x26-\x7e]/gu, encodeURIComponent);
}
