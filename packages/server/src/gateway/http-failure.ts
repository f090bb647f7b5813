import { STATUS_CODES } from 'node:http';
import type { ApiError, StatusName } from '../api/api-error.ts';
import { statusNumbers } from '../grpc/grpc-status.ts';

/** The HTTP status for each of gRPC's, as grpc-gateway has them. */
const httpStatuses: Readonly<Record<StatusName, number>> = {
  cancelled: 499,
  unknown: 500,
  'invalid-argument': 400,
  'deadline-exceeded': 504,
  'not-found': 404,
  'resource-exhausted': 429,
  'failed-precondition': 400,
  'out-of-range': 400,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
  'data-loss': 500,
};

/** A failure as the client of the gateway is told. */
export type HttpFailure = { readonly httpStatus: number; readonly body: object };

/** What a call ends with that has answered nothing. */
export function failureOf({ status, message }: ApiError): HttpFailure {
  return {
    httpStatus: httpStatuses[status],
    body: { error: message, message, code: statusNumbers[status] },
  };
}

/** The last line of a stream that fails. */
export function streamFailureOf({ status, message }: ApiError): object {
  const code = statusNumbers[status];
  const httpCode = httpStatuses[status];
  return {
    error: { grpc_code: code, http_code: httpCode, message, http_status: STATUS_CODES[httpCode] ?? '', code },
  };
}
