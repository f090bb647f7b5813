import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoreError, type StoreErrorCode } from '@quorate/kv';
import { ReplicaError, type ReplicaErrorCode } from '@quorate/replica';
import type { ApiError } from './api-error.ts';
import {
  concurrencyErrors,
  type ConcurrencyErrorCode,
  concurrencyFailure,
  replicaErrors,
  storeErrors,
  streamErrors,
  streamFailure,
  type StreamErrorCode,
  toApiError,
} from './error-table.ts';

/** What clients of etcd compare with, word for word (etcd's rpctypes). Changing a line here breaks clients. */
const golden = `
key-not-provided | invalid-argument | etcdserver: key is not provided | none
key-not-found | invalid-argument | etcdserver: key not found | none
value-provided | invalid-argument | etcdserver: value is provided | none
lease-provided | invalid-argument | etcdserver: lease is provided | none
too-many-operations | invalid-argument | etcdserver: too many operations in txn request | none
duplicate-key | invalid-argument | etcdserver: duplicate key given in txn request | none
compacted | out-of-range | etcdserver: mvcc: required revision has been compacted | none
future-revision | out-of-range | etcdserver: mvcc: required revision is a future revision | none
invalid-sort-option | invalid-argument | etcdserver: invalid sort option | none
lease-not-found | not-found | etcdserver: requested lease not found | none
lease-exists | failed-precondition | etcdserver: lease already exists | none
lease-ttl-too-large | out-of-range | etcdserver: too large lease TTL | none
installing | unavailable | etcdserver: the member is installing a snapshot | none
no-space | resource-exhausted | etcdserver: mvcc: database space exceeded | none
invalid-alarm | invalid-argument | etcdserver: unknown alarm | none
no-leader | unavailable | etcdserver: no leader | none
unknown-outcome | unavailable | etcdserver: request timed out, possibly due to previous leader failure | unknown
timed-out | unavailable | etcdserver: request timed out | none
overloaded | resource-exhausted | etcdserver: too many requests | none
request-too-large | invalid-argument | etcdserver: request is too large | none
cancelled | cancelled | etcdserver: request canceled | unknown
stopped | unavailable | etcdserver: server stopped | none
not-leader | failed-precondition | etcdserver: not leader | none
bad-transferee | failed-precondition | etcdserver: bad leader transferee | none
corrupt | data-loss | etcdserver: corrupt cluster | none
change-running | unavailable | etcdserver: another change of membership is in progress | none
member-exists | failed-precondition | etcdserver: member ID already exist | none
peer-url-exists | failed-precondition | etcdserver: Peer URLs already exists | none
member-not-found | not-found | etcdserver: member not found | none
not-a-learner | failed-precondition | etcdserver: can only promote a learner member | none
learner-not-in-sync | failed-precondition | etcdserver: can only promote a learner member which is in sync with leader | none
too-many-learners | failed-precondition | etcdserver: too many learner members in cluster | none
too-many-members | failed-precondition | etcdserver: too many members in cluster | none
not-enough-started-members | failed-precondition | etcdserver: re-configuration failed due to not enough started members | none
unhealthy-cluster | unavailable | etcdserver: unhealthy cluster | none
learner | failed-precondition | etcdserver: rpc not supported for learner | none
removed | unavailable | etcdserver: server stopped | none
data-lost | unavailable | etcdserver: server stopped | none
inconsistent-data | data-loss | etcdserver: corrupt cluster | none
session-expired | unknown | mutex: session is expired | none
not-elected | unknown | election: not leader | none
nobody-elected | unknown | election: no leader | none
leader-not-provided | unknown | "leader" field must be provided | none
too-many-streams | resource-exhausted | quorate: too many streams are open at this member | none
too-many-streams-over-connection | resource-exhausted | quorate: too many streams are open over this connection; end some, or open another connection | none
`.trim();

function line(code: string, { status, message, outcome }: ApiError): string {
  return [code, status, message, outcome].join(' | ');
}

test("errors look on the wire as etcd's do", () => {
  const storeCodes = Object.keys(storeErrors) as StoreErrorCode[];
  const replicaCodes = Object.keys(replicaErrors) as ReplicaErrorCode[];
  const streamCodes = Object.keys(streamErrors) as StreamErrorCode[];
  const concurrencyCodes = Object.keys(concurrencyErrors) as ConcurrencyErrorCode[];
  const errors = [
    ...storeCodes.map((code) => new StoreError(code)),
    ...replicaCodes.map((code) => new ReplicaError(code, 'internal words that clients do not see')),
  ];
  const table = [
    ...errors.map((error) => line(error.code, toApiError(error) ?? assert.fail(error.code))),
    ...concurrencyCodes.map((code) => line(code, concurrencyFailure(code))),
    ...streamCodes.map((code) => line(code, streamFailure(code))),
  ];
  assert.equal(table.join('\n'), golden);
});

test('an error that no table knows is no answer for a client', () => {
  assert.equal(toApiError(new Error('disk on fire')), null);
});
