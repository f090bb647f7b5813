import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommandBody, encodeCommand, MemoryEngine, Store, toKey } from '@quorate/kv';
import { PutRequest } from '@quorate/protocol';
import type { LeaseRecord } from '../workload/lease-record.ts';
import type { LeaseEnd } from './lease-ends.ts';
import { checkLeaseKeys } from './lease-keys.ts';
import { checkLeasesOverdue } from './lease-overdue.ts';
import { checkLeasePromises } from './lease-promises.ts';

const second = 1_000_000;

function record(promisedUs: number[], lastAskedUs = 0): LeaseRecord {
  return { id: 7n, client: 'l0', ttlSeconds: 10, promisedUs, lastAskedUs };
}

test('a lease that ends before what was promised has passed is found, and one that is kept alive after its end', () => {
  const property = (end: LeaseEnd | null, ...promisedUs: number[]): string | null =>
    checkLeasePromises([record(promisedUs)], () => end, 1)?.property ?? null;
  assert.equal(property(null, 0), null);
  assert.equal(property({ kind: 'expired', atUs: 10 * second }, 0), null);
  assert.equal(property({ kind: 'expired', atUs: 10 * second }, 0, second), 'lease-promise');
  assert.equal(property({ kind: 'revoked', atUs: 5 * second }, 0), null);
  assert.equal(property({ kind: 'revoked', atUs: 5 * second }, 0, 6 * second), 'lease-promise');
  const fast = checkLeasePromises([record([0])], () => ({ kind: 'expired', atUs: 9.5 * second }), 1.08);
  assert.equal(fast, null, 'the fastest clock counts');
});

test('a lease that does not end is found', () => {
  const at = (nowUs: number, exists: boolean): string | null =>
    checkLeasesOverdue([record([], 2 * second)], () => exists, {
      servingSinceUs: second,
      nowUs,
      slowestRate: 1,
    })?.property ?? null;
  assert.equal(at(12 * second, true), null);
  assert.equal(at(60 * second, false), null);
  assert.equal(at(60 * second, true), 'lease-overdue');
});

test('keys and leases that do not belong together are found', () => {
  const store = Store.open(new MemoryEngine());
  const apply = (body: CommandBody): void => {
    const data = encodeCommand({ requestId: undefined, body });
    store.apply([{ index: store.appliedIndex + 1, term: 1, data }]);
  };
  apply({ $case: 'leaseGrant', leaseGrant: { ID: 7n, TTL: 10 } });
  const key = Uint8Array.of(1);
  apply({ $case: 'put', put: PutRequest.create({ key, lease: 7n }) });
  assert.equal(checkLeaseKeys(store), null);
  const lease = store.lease(7n) ?? assert.fail();
  const seen = (leases: readonly (typeof lease)[]): string | null => {
    const wrong = {
      appliedIndex: 2,
      range: (request: Parameters<Store['range']>[0]) => store.range(request),
      lease: (id: bigint) => leases.find((each) => each.id === id),
      leases: () => leases,
    };
    return checkLeaseKeys(wrong)?.property ?? null;
  };
  assert.equal(seen([lease]), null);
  assert.equal(seen([]), 'lease-keys');
  assert.equal(seen([{ ...lease, keys: new Set() }]), 'lease-keys');
  assert.equal(seen([{ ...lease, keys: new Set([toKey(key), 'other']) }]), 'lease-keys');
});
