import assert from 'node:assert/strict';
import test from 'node:test';
import { judgeFailure } from './call-failure.ts';
import { grpcStatus } from './grpc-status.ts';
import type { TransportFailure } from './transport-failure.ts';

function failure(grpcCode: number, details: string, rest: Partial<TransportFailure> = {}): TransportFailure {
  return { grpcCode, details, statedOutcome: null, neverSent: false, ...rest };
}

function judge(kind: 'read' | 'write', of: TransportFailure): string {
  const { error, advice } = judgeFailure(of, kind, 'host:1', 1_000);
  return `${error.code} ${error.outcome} ${advice}`;
}

test('a refusal proves that a write had no effect, and has a code of its own', () => {
  const refusals: [number, string, string][] = [
    [3, 'key is not provided', 'key-not-provided'],
    [3, 'key not found', 'key-not-found'],
    [3, 'value is provided', 'value-provided'],
    [3, 'lease is provided', 'lease-provided'],
    [3, 'too many operations in txn request', 'too-many-operations'],
    [3, 'duplicate key given in txn request', 'duplicate-key'],
    [3, 'invalid sort option', 'invalid-sort-option'],
    [3, 'request is too large', 'request-too-large'],
    [3, 'something new', 'invalid-argument'],
    [5, 'requested lease not found', 'lease-not-found'],
    [8, 'mvcc: database space exceeded', 'database-full'],
    [9, 'not leader', 'not-leader'],
    [9, 'something new', 'failed-precondition'],
    [11, 'mvcc: required revision has been compacted', 'compacted'],
    [11, 'mvcc: required revision is a future revision', 'future-revision'],
    [12, 'unknown method', 'unimplemented'],
    [16, 'invalid auth token', 'unauthenticated'],
    [7, 'permission denied', 'permission-denied'],
  ];
  for (const [grpcCode, message, code] of refusals) {
    for (const kind of ['read', 'write'] as const) {
      assert.equal(judge(kind, failure(grpcCode, `etcdserver: ${message}`)), `${code} none give-up`);
    }
  }
});

test('a read is tried again wherever that can help', () => {
  const lost = failure(grpcStatus.unavailable, 'Connection dropped');
  assert.equal(judge('read', lost), 'unavailable none next-endpoint');
  const noLeader = failure(grpcStatus.unavailable, 'etcdserver: no leader');
  assert.equal(judge('read', noLeader), 'no-leader none pause');
  const changed = failure(grpcStatus.unavailable, 'etcdserver: leader changed');
  assert.equal(judge('read', changed), 'leader-changed none pause');
  const late = failure(grpcStatus.deadlineExceeded, 'Deadline exceeded');
  assert.equal(judge('read', late), 'deadline-exceeded none next-endpoint');
  const broken = failure(13, 'Received RST_STREAM with code 2 (Internal server error)');
  assert.equal(judge('read', broken), 'server-error none next-endpoint');
  assert.equal(judge('read', failure(2, 'panic')), 'server-error none give-up');
});

test('the outcome of a write is unknown unless something proves that it had none', () => {
  for (const [grpcCode, details] of [
    [grpcStatus.unavailable, 'Connection dropped'],
    [grpcStatus.unavailable, 'etcdserver: leader changed'],
    [grpcStatus.unavailable, 'etcdserver: no leader'],
    [grpcStatus.unavailable, 'etcdserver: request timed out'],
    [grpcStatus.deadlineExceeded, 'Deadline exceeded'],
    [1, 'Cancelled on client'],
    [13, 'Received RST_STREAM with code 2'],
    [2, 'panic'],
    // What the library says when a connection ends with ENHANCE_YOUR_CALM: also to calls that are under way.
    [grpcStatus.resourceExhausted, 'Bandwidth exhausted or memory limit exceeded'],
  ] as const) {
    assert.equal(judge('write', failure(grpcCode, details)), 'unknown-outcome unknown give-up', details);
  }
});

test("the server's word on the outcome of a write counts", () => {
  const none = { statedOutcome: 'none' } as const;
  const noLeader = failure(grpcStatus.unavailable, 'etcdserver: no leader', none);
  assert.equal(judge('write', noLeader), 'no-leader none pause');
  const late = failure(grpcStatus.deadlineExceeded, 'etcdserver: request timed out', none);
  assert.equal(judge('write', late), 'deadline-exceeded none next-endpoint');
  const unknown = failure(grpcStatus.unavailable, 'etcdserver: no leader', { statedOutcome: 'unknown' });
  assert.equal(judge('write', unknown), 'unknown-outcome unknown give-up');
});

test('a write that was never sent may go to another endpoint', () => {
  const refused = failure(
    grpcStatus.unavailable,
    'No connection established. Last error: connect ECONNREFUSED 1.2.3.4:5. Resolution note: ',
    { neverSent: true },
  );
  assert.equal(judge('write', refused), 'unavailable none next-endpoint');
  const { error } = judgeFailure(refused, 'write', '1.2.3.4:5', 1_000);
  assert.equal(error.message, '1.2.3.4:5 is not available: connection refused');
  assert.equal(error.grpcCode, grpcStatus.unavailable);
  assert.equal(error.endpoint, '1.2.3.4:5');
});

test('overload is refused before anything happens, so both reads and writes wait and try again', () => {
  const overloaded = failure(grpcStatus.resourceExhausted, 'etcdserver: too many requests');
  assert.equal(judge('read', overloaded), 'overloaded none pause');
  assert.equal(judge('write', overloaded), 'overloaded none pause');
});

test('an answer that is too large for the client is told from a request that is too large for the server', () => {
  const answer = failure(grpcStatus.resourceExhausted, 'Received message larger than max (2000 vs 1000)');
  assert.equal(judge('read', answer), 'response-too-large none give-up');
  assert.equal(judge('write', answer), 'unknown-outcome unknown give-up');
  const request = failure(grpcStatus.resourceExhausted, 'Received message larger than max (2000 vs 1500)');
  assert.equal(judge('write', request), 'request-too-large none give-up');
});
