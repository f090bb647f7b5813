import { grpcStatus } from './grpc-status.ts';
import { type Outcome, QuorateError, type QuorateErrorCode } from './quorate-error.ts';
import type { TransportFailure } from './transport-failure.ts';

/** Reads may be repeated at will. Writes may not, unless it is certain that they had no effect. */
export type CallKind = 'read' | 'write';

/**
 * What may be done about a failed try.
 *
 * - `give-up`: trying again cannot help, or could apply a write twice.
 * - `next-endpoint`: try another endpoint at once.
 * - `pause`: try again after a pause.
 */
export type Advice = 'give-up' | 'next-endpoint' | 'pause';

export type CallFailure = { readonly error: QuorateError; readonly advice: Advice };

/** The messages of etcd's API that have a code of their own, without the prefix "etcdserver: ". */
const codeOfMessage: ReadonlyMap<string, QuorateErrorCode> = new Map([
  ['key is not provided', 'key-not-provided'],
  ['key not found', 'key-not-found'],
  ['value is provided', 'value-provided'],
  ['lease is provided', 'lease-provided'],
  ['requested lease not found', 'lease-not-found'],
  ['lease already exists', 'lease-exists'],
  ['invalid sort option', 'invalid-sort-option'],
  ['too many operations in txn request', 'too-many-operations'],
  ['duplicate key given in txn request', 'duplicate-key'],
  ['request is too large', 'request-too-large'],
  ['mvcc: required revision has been compacted', 'compacted'],
  ['mvcc: required revision is a future revision', 'future-revision'],
  ['mvcc: database space exceeded', 'database-full'],
  ['too many requests', 'overloaded'],
  ['corrupt cluster', 'corrupt'],
  ['no leader', 'no-leader'],
  ['not leader', 'not-leader'],
  ['leader changed', 'leader-changed'],
  ['rpc not supported for learner', 'learner'],
  ['member not found', 'member-not-found'],
  ['member ID already exist', 'member-exists'],
  ['Peer URLs already exists', 'peer-url-exists'],
  ['can only promote a learner member', 'not-a-learner'],
  ['can only promote a learner member which is in sync with leader', 'learner-not-in-sync'],
  ['too many learner members in cluster', 'too-many-learners'],
  ['too many members in cluster', 'too-many-members'],
  ['re-configuration failed due to not enough started members', 'not-enough-started-members'],
  ['unhealthy cluster', 'unhealthy-cluster'],
  ['request timed out', 'deadline-exceeded'],
  ['request timed out, possibly due to previous leader failure', 'deadline-exceeded'],
  ['request timed out, possibly due to connection lost', 'deadline-exceeded'],
  ['request timed out, waiting for the applied index took too long', 'deadline-exceeded'],
]);

/** What a server says that turns a request away before it does anything. */
const overloadedMessage = 'etcdserver: too many requests';

const codeOfStatus: ReadonlyMap<number, QuorateErrorCode> = new Map<number, QuorateErrorCode>([
  [grpcStatus.invalidArgument, 'invalid-argument'],
  [grpcStatus.outOfRange, 'invalid-argument'],
  [grpcStatus.notFound, 'failed-precondition'],
  [grpcStatus.alreadyExists, 'failed-precondition'],
  [grpcStatus.failedPrecondition, 'failed-precondition'],
  [grpcStatus.permissionDenied, 'permission-denied'],
  [grpcStatus.unauthenticated, 'unauthenticated'],
  [grpcStatus.unimplemented, 'unimplemented'],
  [grpcStatus.resourceExhausted, 'overloaded'],
  [grpcStatus.unavailable, 'unavailable'],
  [grpcStatus.deadlineExceeded, 'deadline-exceeded'],
]);

/** Statuses that a server gives before it proposes anything: they prove that a write had no effect. */
const refusals: ReadonlySet<number> = new Set<number>([
  grpcStatus.invalidArgument,
  grpcStatus.outOfRange,
  grpcStatus.notFound,
  grpcStatus.alreadyExists,
  grpcStatus.failedPrecondition,
  grpcStatus.permissionDenied,
  grpcStatus.unauthenticated,
  grpcStatus.unimplemented,
]);

/** Decides what a failed try means for its call: the error to give, and whether to try again. */
export function judgeFailure(
  failure: TransportFailure,
  kind: CallKind,
  endpoint: string,
  responseMaxBytes: number,
): CallFailure {
  const text = failure.details.replace(/^etcdserver: /, '');
  const code = codeOf(failure, text, responseMaxBytes);
  const outcome = kind === 'read' ? 'none' : outcomeOfWrite(failure, code);
  const details = { outcome, grpcCode: failure.grpcCode, endpoint };
  if (outcome === 'unknown') {
    const message = `${endpoint} did not answer a write, which may or may not have taken effect (${text})`;
    return { error: new QuorateError('unknown-outcome', message, details), advice: 'give-up' };
  }
  const message = messageOf(code, text, endpoint);
  return { error: new QuorateError(code, message, details), advice: adviceFor(code, failure) };
}

function messageOf(code: QuorateErrorCode, text: string, endpoint: string): string {
  if (code === 'unavailable') return `${endpoint} is not available: ${reason(text)}`;
  return code === 'deadline-exceeded' ? `no answer from ${endpoint} in time` : text;
}

function codeOf(failure: TransportFailure, text: string, responseMaxBytes: number): QuorateErrorCode {
  if (
    failure.grpcCode === grpcStatus.resourceExhausted &&
    text.startsWith('Received message larger than max')
  ) {
    // Both ends word it alike; the limit tells whose it was.
    return text.endsWith(`vs ${responseMaxBytes})`) ? 'response-too-large' : 'request-too-large';
  }
  return codeOfMessage.get(text) ?? codeOfStatus.get(failure.grpcCode) ?? 'server-error';
}

function outcomeOfWrite(failure: TransportFailure, code: QuorateErrorCode): Outcome {
  if (failure.neverSent) return 'none';
  if (failure.statedOutcome !== null) return failure.statedOutcome;
  if (refusals.has(failure.grpcCode)) return 'none';
  // These too are said only of requests that were not proposed. An answer that was too large is another matter,
  // and so is a status without words of a server: a connection that ends with ENHANCE_YOUR_CALM has it, too.
  if (code === 'overloaded') return failure.details === overloadedMessage ? 'none' : 'unknown';
  return code === 'request-too-large' || code === 'database-full' ? 'none' : 'unknown';
}

/** Whether to try again, once it is certain that this cannot apply a write twice. */
function adviceFor(code: QuorateErrorCode, failure: TransportFailure): Advice {
  if (code === 'unavailable' || code === 'corrupt' || code === 'learner') return 'next-endpoint';
  if (code === 'no-leader' || code === 'leader-changed' || code === 'overloaded') return 'pause';
  if (code === 'deadline-exceeded') return 'next-endpoint';
  // The connection broke in the middle of the answer.
  if (code === 'server-error' && failure.details.startsWith('Received RST_STREAM')) return 'next-endpoint';
  return 'give-up';
}

/** The library's words for a failed connection, cut down to what helps. */
function reason(text: string): string {
  const lastError = /Last error: (.*?)\.? Resolution note:/.exec(text)?.[1] ?? text;
  if (/ECONNREFUSED/.test(lastError)) return 'connection refused';
  if (/ECONNRESET|Connection dropped|read EPIPE/.test(lastError)) return 'the connection was lost';
  if (/ENOTFOUND|EAI_AGAIN|Name resolution failed/.test(lastError)) return 'its host name cannot be resolved';
  if (lastError === 'null' || lastError === '') return 'no connection';
  return lastError;
}
