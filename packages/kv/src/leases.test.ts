import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CommandBody, encodeCommand } from './command.ts';
import { MemoryEngine } from './engine/memory-engine.ts';
import { Store } from './store.ts';
import { assertRefused } from './testing/assert-refused.ts';
import { compare, operation, putRequest, StoreDriver, text } from './testing/store-driver.ts';

function keysOf(driver: StoreDriver, id: bigint): string[] | undefined {
  const lease = driver.store.lease(id);
  return lease && [...lease.keys].sort();
}

describe('a lease', () => {
  test('has an id that no other has, and a time to live', () => {
    const driver = new StoreDriver();
    driver.grant(7n, 60);
    assert.partialDeepStrictEqual(driver.store.lease(7n), { id: 7n, ttlSeconds: 60, remainingMs: 60_000 });
    assertRefused(() => driver.grant(7n, 10), 'lease-exists');
    assertRefused(() => driver.grant(8n, 9_000_000_001), 'lease-ttl-too-large');
    driver.grant(8n, 9_000_000_000);
    assert.deepEqual([driver.store.lease(7n)?.ttlSeconds, driver.store.revision], [60, 1]);
  });

  test('takes its keys with it, in their order and in one revision', () => {
    const driver = new StoreDriver();
    driver.grant(7n);
    for (const key of ['c', 'a', 'b']) driver.put(key, '', { lease: 7n });
    driver.put('d');
    assert.equal(driver.revoke(7n).header?.revision, 6);
    assert.deepEqual(driver.keys('\0', '\0'), ['d']);
    assert.deepEqual(driver.keys('\0', '\0', { revision: 5 }), ['a', 'b', 'c', 'd']);
    assert.equal(driver.store.lease(7n), undefined);
    assertRefused(() => driver.revoke(7n), 'lease-not-found');
  });

  test('that has no keys ends without a revision', () => {
    const driver = new StoreDriver();
    driver.grant(7n);
    assert.equal(driver.revoke(7n).header?.revision, 1);
  });

  test('may be granted again when it has ended, without the keys that it had', () => {
    const driver = new StoreDriver();
    driver.grant(7n);
    driver.put('a', '', { lease: 7n });
    driver.revoke(7n);
    driver.grant(7n, 5);
    assert.deepEqual([keysOf(driver, 7n), driver.store.lease(7n)?.ttlSeconds], [[], 5]);
  });
});

describe('a key', () => {
  test('belongs to the lease of its last put', () => {
    const driver = new StoreDriver();
    driver.grant(7n);
    driver.grant(8n);
    driver.put('a', '', { lease: 7n });
    driver.put('a', '', { lease: 8n });
    assert.deepEqual([keysOf(driver, 7n), keysOf(driver, 8n)], [[], ['a']]);
    driver.put('a', 'x', { ignoreLease: true });
    assert.deepEqual([driver.get('a').lease, keysOf(driver, 8n)], [8n, ['a']]);
    driver.put('a');
    assert.deepEqual(keysOf(driver, 8n), []);
    driver.revoke(8n);
    assert.equal(driver.value('a'), '');
  });

  test('leaves its lease when it is deleted', () => {
    const driver = new StoreDriver();
    driver.grant(7n);
    driver.put('a', '', { lease: 7n });
    driver.delete('a');
    assert.deepEqual(keysOf(driver, 7n), []);
    driver.put('a');
    driver.revoke(7n);
    assert.deepEqual(driver.keys('\0', '\0'), ['a']);
  });

  test('cannot be put under a lease that does not exist, in a transaction neither', () => {
    const driver = new StoreDriver();
    assertRefused(() => driver.put('a', '', { lease: 7n }), 'lease-not-found');
    const success = [operation.put('a'), operation.put('b', '', { lease: 7n })];
    assertRefused(() => driver.txn({ success }), 'lease-not-found');
    assert.deepEqual([driver.keys('\0', '\0'), driver.store.revision], [[], 1]);
    driver.grant(7n);
    driver.txn({ success });
    assert.deepEqual(keysOf(driver, 7n), ['b']);
    const succeeded = driver.txn({ compare: [compare('b', 0, 4, { $case: 'lease', lease: 7n })] });
    assert.equal(succeeded.succeeded, true);
  });
});

describe('what a leader decides by its clock', () => {
  test('ends a lease in its own term only', () => {
    const driver = new StoreDriver();
    driver.grant(7n);
    driver.put('a', '', { lease: 7n });
    driver.execute({ $case: 'leaseRevoke', leaseRevoke: { id: 7n, expiredInTerm: 2 } });
    assert.deepEqual(keysOf(driver, 7n), ['a']);
    driver.execute({ $case: 'leaseRevoke', leaseRevoke: { id: 7n, expiredInTerm: 1 } });
    assert.deepEqual([driver.store.lease(7n), driver.value('a')], [undefined, null]);
  });

  test('counts no more when somebody else leads', () => {
    const store = Store.open(new MemoryEngine());
    const bodies: [number, CommandBody][] = [
      [1, { $case: 'leaseGrant', leaseGrant: { ID: 7n, TTL: 60 } }],
      [3, { $case: 'leaseRevoke', leaseRevoke: { id: 7n, expiredInTerm: 1 } }],
      [3, { $case: 'leaseCheckpoint', leaseCheckpoint: { term: 2, leases: [{ id: 7n, remainingMs: 5 }] } }],
    ];
    for (const [offset, [term, body]] of bodies.entries()) {
      store.apply([{ index: offset + 1, term, data: encodeCommand({ requestId: undefined, body }) }]);
    }
    assert.equal(store.lease(7n)?.remainingMs, 60_000);
  });

  test('says how much is left in its own term only, and never more than was granted', () => {
    const driver = new StoreDriver();
    driver.grant(7n, 60);
    const checkpoint = (term: number, remainingMs: number): void => {
      const leases = [
        { id: 7n, remainingMs },
        { id: 9n, remainingMs },
      ];
      driver.execute({ $case: 'leaseCheckpoint', leaseCheckpoint: { term, leases } });
    };
    checkpoint(2, 10_000);
    assert.equal(driver.store.lease(7n)?.remainingMs, 60_000);
    checkpoint(1, 10_000);
    assert.equal(driver.store.lease(7n)?.remainingMs, 10_000);
    checkpoint(1, 70_000);
    assert.equal(driver.store.lease(7n)?.remainingMs, 60_000);
    assert.equal(driver.store.lease(9n), undefined);
  });
});

test('a put with a time to live grants its lease, or does nothing', () => {
  const driver = new StoreDriver();
  const put = (key: string, lease: bigint, ignoreValue = false): void => {
    const request = putRequest(key, '', { lease, ignoreValue });
    driver.execute({ $case: 'putWithTtl', putWithTtl: { put: request, ttl: 60 } });
  };
  put('a', 7n);
  assert.deepEqual([keysOf(driver, 7n), driver.get('a').lease], [['a'], 7n]);
  assertRefused(() => put('b', 7n), 'lease-exists');
  assertRefused(() => put('b', 8n, true), 'key-not-found');
  assert.deepEqual(
    [driver.keys('\0', '\0'), driver.store.lease(8n), driver.store.revision],
    [['a'], undefined, 2],
  );
});

test('leases and their keys are there again when a store is opened', async () => {
  const engine = new MemoryEngine();
  const driver = new StoreDriver(Store.open(engine));
  for (const id of [7n, 8n, -9n]) driver.grant(id);
  driver.put('a', '', { lease: 7n });
  driver.put('b', '', { lease: 8n });
  driver.put('b', '', { lease: -9n });
  driver.put('c', '', { lease: 7n });
  driver.delete('c');
  const leases = [{ id: -9n, remainingMs: 5 }];
  driver.execute({ $case: 'leaseCheckpoint', leaseCheckpoint: { term: 1, leases } });
  driver.revoke(8n);
  const digest = driver.store.digest();
  await driver.store.close();
  const reopened = new StoreDriver(Store.open(engine));
  assert.deepEqual(
    [7n, 8n, -9n].map((id) => keysOf(reopened, id)),
    [['a'], undefined, ['b']],
  );
  assert.equal(reopened.store.lease(-9n)?.remainingMs, 5);
  assert.equal(reopened.store.digest(), digest);
  reopened.revoke(-9n);
  assert.deepEqual(
    reopened.range('\0', '\0').kvs.map((kv) => text(kv.key)),
    ['a'],
  );
  assert.notEqual(reopened.store.digest(), digest);
});

test('the digest tells leases apart that differ in nothing else', () => {
  const digests = [
    (): void => undefined,
    (driver: StoreDriver): void => driver.grant(7n),
    (driver: StoreDriver): void => driver.grant(8n),
    (driver: StoreDriver): void => driver.grant(7n, 61),
    (driver: StoreDriver): void => {
      driver.grant(7n);
      const leases = [{ id: 7n, remainingMs: 5 }];
      driver.execute({ $case: 'leaseCheckpoint', leaseCheckpoint: { term: 1, leases } });
    },
  ].map((happen) => {
    const driver = new StoreDriver();
    happen(driver);
    return driver.store.digest();
  });
  assert.equal(new Set(digests).size, digests.length);
});
