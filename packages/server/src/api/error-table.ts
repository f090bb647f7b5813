import { StoreError, type StoreErrorCode } from '@quorate/kv';
import { ReplicaError, type ReplicaErrorCode } from '@quorate/replica';
import { ApiError, type Outcome, type StatusName } from './api-error.ts';

/** How one error looks on the wire. */
export type WireError = {
  readonly status: StatusName;
  /** Word for word what etcd says: its clients compare these texts. */
  readonly message: string;
  readonly outcome: Outcome;
};

/** What the state machine refuses. */
export const storeErrors: Readonly<Record<StoreErrorCode, WireError>> = {
  'key-not-provided': refused('invalid-argument', 'etcdserver: key is not provided'),
  'key-not-found': refused('invalid-argument', 'etcdserver: key not found'),
  'value-provided': refused('invalid-argument', 'etcdserver: value is provided'),
  'lease-provided': refused('invalid-argument', 'etcdserver: lease is provided'),
  'too-many-operations': refused('invalid-argument', 'etcdserver: too many operations in txn request'),
  'duplicate-key': refused('invalid-argument', 'etcdserver: duplicate key given in txn request'),
  compacted: refused('out-of-range', 'etcdserver: mvcc: required revision has been compacted'),
  'future-revision': refused('out-of-range', 'etcdserver: mvcc: required revision is a future revision'),
  'invalid-sort-option': refused('invalid-argument', 'etcdserver: invalid sort option'),
  'lease-not-found': refused('not-found', 'etcdserver: requested lease not found'),
  'lease-exists': refused('failed-precondition', 'etcdserver: lease already exists'),
  'lease-ttl-too-large': refused('out-of-range', 'etcdserver: too large lease TTL'),
  installing: refused('unavailable', 'etcdserver: the member is installing a snapshot'),
  'no-space': refused('resource-exhausted', 'etcdserver: mvcc: database space exceeded'),
  'invalid-alarm': refused('invalid-argument', 'etcdserver: unknown alarm'),
};

/** What keeps a member from answering. */
export const replicaErrors: Readonly<Record<ReplicaErrorCode, WireError>> = {
  'no-leader': refused('unavailable', 'etcdserver: no leader'),
  'unknown-outcome': {
    status: 'unavailable',
    message: 'etcdserver: request timed out, possibly due to previous leader failure',
    outcome: 'unknown',
  },
  'timed-out': refused('unavailable', 'etcdserver: request timed out'),
  overloaded: refused('resource-exhausted', 'etcdserver: too many requests'),
  'request-too-large': refused('invalid-argument', 'etcdserver: request is too large'),
  cancelled: { status: 'cancelled', message: 'etcdserver: request canceled', outcome: 'unknown' },
  stopped: refused('unavailable', 'etcdserver: server stopped'),
  'not-leader': refused('failed-precondition', 'etcdserver: not leader'),
  'bad-transferee': refused('failed-precondition', 'etcdserver: bad leader transferee'),
  corrupt: refused('data-loss', 'etcdserver: corrupt cluster'),
  // Not one of etcd's: its leader takes changes one after the other and lets clients wait.
  'change-running': refused('unavailable', 'etcdserver: another change of membership is in progress'),
  'member-exists': refused('failed-precondition', 'etcdserver: member ID already exist'),
  'peer-url-exists': refused('failed-precondition', 'etcdserver: Peer URLs already exists'),
  'member-not-found': refused('not-found', 'etcdserver: member not found'),
  'not-a-learner': refused('failed-precondition', 'etcdserver: can only promote a learner member'),
  'learner-not-in-sync': refused(
    'failed-precondition',
    'etcdserver: can only promote a learner member which is in sync with leader',
  ),
  'too-many-learners': refused('failed-precondition', 'etcdserver: too many learner members in cluster'),
  // Not one of etcd's: it has no such limit.
  'too-many-members': refused('failed-precondition', 'etcdserver: too many members in cluster'),
  'not-enough-started-members': refused(
    'failed-precondition',
    'etcdserver: re-configuration failed due to not enough started members',
  ),
  'unhealthy-cluster': refused('unavailable', 'etcdserver: unhealthy cluster'),
  learner: refused('failed-precondition', 'etcdserver: rpc not supported for learner'),
  removed: refused('unavailable', 'etcdserver: server stopped'),
  'data-lost': refused('unavailable', 'etcdserver: server stopped'),
  'inconsistent-data': refused('data-loss', 'etcdserver: corrupt cluster'),
};

export type ConcurrencyErrorCode =
  | 'session-expired'
  | 'not-elected'
  | 'nobody-elected'
  | 'leader-not-provided';

/** What locks and elections fail with, in the words and with the status of etcd, where these errors have none. */
export const concurrencyErrors: Readonly<Record<ConcurrencyErrorCode, WireError>> = {
  'session-expired': refused('unknown', 'mutex: session is expired'),
  'not-elected': refused('unknown', 'election: not leader'),
  'nobody-elected': refused('unknown', 'election: no leader'),
  'leader-not-provided': refused('unknown', '"leader" field must be provided'),
};

export type StreamErrorCode = 'too-many-streams' | 'too-many-streams-over-connection';

/** What keeps a stream from being opened. etcd has no such limits, and no words for them. */
export const streamErrors: Readonly<Record<StreamErrorCode, WireError>> = {
  'too-many-streams': refused('resource-exhausted', 'quorate: too many streams are open at this member'),
  'too-many-streams-over-connection': refused(
    'resource-exhausted',
    'quorate: too many streams are open over this connection; end some, or open another connection',
  ),
};

/** The error that the client is told, if this is one that clients are told; null for a fault of the server's own. */
export function toApiError(error: unknown): ApiError | null {
  if (error instanceof ApiError) return error;
  if (error instanceof StoreError) return fromTable(storeErrors[error.code], error);
  if (error instanceof ReplicaError) return fromTable(replicaErrors[error.code], error);
  return null;
}

/** The error for a code of the table, where the API itself finds what is wrong. */
export function replicaFailure(code: ReplicaErrorCode): ApiError {
  return fromTable(replicaErrors[code]);
}

export function concurrencyFailure(code: ConcurrencyErrorCode): ApiError {
  return fromTable(concurrencyErrors[code]);
}

export function streamFailure(code: StreamErrorCode): ApiError {
  return fromTable(streamErrors[code]);
}

function fromTable(entry: WireError, cause?: unknown): ApiError {
  return new ApiError(entry.status, entry.message, entry.outcome, cause);
}

function refused(status: StatusName, message: string): WireError {
  return { status, message, outcome: 'none' };
}
