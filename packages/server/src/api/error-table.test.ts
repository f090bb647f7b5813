import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoreError, type StoreErrorCode } from '@quorate/kv';
import { ReplicaError, type ReplicaErrorCode } from '@quorate/replica';
import { replicaErrors, storeErrors, toApiError } from './error-table.ts';

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
no-leader | unavailable | etcdserver: no leader | none
unknown-outcome | unavailable | etcdserver: request timed out, possibly due to previous leader failure | unknown
timed-out | unavailable | etcdserver: request timed out | none
overloaded | resource-exhausted | etcdserver: too many requests | none
request-too-large | invalid-argument | etcdserver: request is too large | none
cancelled | cancelled | etcdserver: request canceled | unknown
stopped | unavailable | etcdserver: server stopped | none
not-leader | failed-precondition | etcdserver: not leader | none
bad-transferee | failed-precondition | etcdserver: bad leader transferee | none
inconsistent-data | data-loss | etcdserver: corrupt cluster | none
`.trim();

test("errors look on the wire as etcd's do", () => {
  const storeCodes = Object.keys(storeErrors) as StoreErrorCode[];
  const replicaCodes = Object.keys(replicaErrors) as ReplicaErrorCode[];
  const errors = [
    ...storeCodes.map((code) => new StoreError(code)),
    ...replicaCodes.map((code) => new ReplicaError(code, 'internal words that clients do not see')),
  ];
  const table = errors.map((error) => {
    const { status, message, outcome } = toApiError(error) ?? assert.fail(error.code);
    return [error.code, status, message, outcome].join(' | ');
  });
  assert.equal(table.join('\n'), golden);
});

test('an error that no table knows is no answer for a client', () => {
  assert.equal(toApiError(new Error('disk on fire')), null);
});
