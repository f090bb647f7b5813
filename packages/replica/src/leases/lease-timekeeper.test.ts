import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryEngine, Store, encodeCommand, type CommandBody, type Lease } from '@quorate/kv';
import { toTerm } from '@quorate/raft';
import { LeaseTimekeeper } from './lease-timekeeper.ts';

const term = toTerm(1);

/** A store with its timekeeper, which decides from time 0 on. */
function begun(grants: readonly (readonly [bigint, number])[]) {
  const store = Store.open(new MemoryEngine());
  const apply = (body: CommandBody): void => {
    store.apply([
      { index: store.appliedIndex + 1, term, data: encodeCommand({ requestId: undefined, body }) },
    ]);
  };
  const grant = (ID: bigint, TTL: number): void => apply({ $case: 'leaseGrant', leaseGrant: { ID, TTL } });
  const revoke = (id: bigint): void => apply({ $case: 'leaseRevoke', leaseRevoke: { id, expiredInTerm: 0 } });
  const checkpoint = (leases: readonly { readonly id: bigint; readonly remainingMs: number }[]): void =>
    apply({ $case: 'leaseCheckpoint', leaseCheckpoint: { term, leases: [...leases] } });
  for (const [id, ttl] of grants) grant(id, ttl);
  const timekeeper = new LeaseTimekeeper(store);
  timekeeper.begin(term, 0);
  const lease = (id: bigint): Lease => store.lease(id) ?? assert.fail('the lease exists');
  return { store, timekeeper, grant, revoke, checkpoint, lease };
}

test('a lease expires when its TTL has passed since the member leads, and stays expired', () => {
  const { timekeeper, lease } = begun([[7n, 10]]);
  timekeeper.step(9_999);
  assert.deepEqual(timekeeper.expiredLeases(9), []);
  assert.equal(timekeeper.remainingMs(lease(7n), 9_999), 1);
  timekeeper.step(10_000);
  assert.deepEqual(timekeeper.expiredLeases(9), [7n]);
  assert.equal(timekeeper.hasExpired(lease(7n), 10_000), true);
  assert.throws(() => timekeeper.renew(lease(7n), 10_000), /can be/);
});

test('what asks to be kept alive finds out by itself that the lease has expired', () => {
  const { timekeeper, lease } = begun([[7n, 10]]);
  assert.equal(timekeeper.hasExpired(lease(7n), 10_000), true);
  assert.deepEqual(timekeeper.expiredLeases(9), [7n]);
});

test('a lease that is kept alive at every third of its TTL neither expires nor is checkpointed', () => {
  const { timekeeper, lease } = begun([[7n, 9]]);
  for (let nowMs = 0; nowMs < 100_000; nowMs += 100) {
    if (nowMs % 3_000 === 0) timekeeper.renew(lease(7n), nowMs);
    assert.deepEqual(timekeeper.step(nowMs).checkpoints, []);
  }
  assert.deepEqual(timekeeper.expiredLeases(9), []);
});

test('half a TTL after it was kept alive, or five minutes, what is left is to be logged', () => {
  const { timekeeper, lease } = begun([
    [7n, 10],
    [8n, 3600],
  ]);
  timekeeper.renew(lease(7n), 1_000);
  assert.deepEqual(timekeeper.step(5_900).checkpoints, []);
  assert.deepEqual(timekeeper.step(6_000).checkpoints, [{ id: 7n, remainingMs: 5_000 }]);
  assert.deepEqual(timekeeper.step(299_900).checkpoints, []);
  assert.deepEqual(timekeeper.step(300_000).checkpoints, [{ id: 8n, remainingMs: 3_300_000 }]);
});

test('a lease is whole while no checkpoint says less, be it logged or on its way', () => {
  const { timekeeper, lease, checkpoint } = begun([[7n, 10]]);
  assert.equal(timekeeper.isWhole(lease(7n)), true);
  const { checkpoints } = timekeeper.step(5_000);
  assert.equal(timekeeper.isWhole(lease(7n)), false, 'on its way');
  const applied = timekeeper.makesWhole(lease(7n));
  assert.equal(timekeeper.isWhole(lease(7n)), false, 'the next leader may have the first one only');
  checkpoint(checkpoints);
  assert.equal(timekeeper.isWhole(lease(7n)), false, 'logged');
  checkpoint([{ id: 7n, remainingMs: 10_000 }]);
  applied();
  assert.equal(timekeeper.isWhole(lease(7n)), true);
});

test('a new leader gives a lease what its last checkpoint has left it', () => {
  const { timekeeper, lease, checkpoint } = begun([[7n, 10]]);
  checkpoint([{ id: 7n, remainingMs: 4_000 }]);
  timekeeper.begin(toTerm(2), 20_000);
  assert.equal(timekeeper.remainingMs(lease(7n), 21_000), 3_000);
  timekeeper.step(24_000);
  assert.deepEqual(timekeeper.expiredLeases(9), [7n]);
});

test('leases that end otherwise are forgotten, and another one with the same id starts anew', () => {
  const { timekeeper, grant, revoke, lease } = begun([[7n, 10]]);
  timekeeper.step(10_000);
  revoke(7n);
  grant(7n, 60);
  timekeeper.granted(7n, 10_000);
  timekeeper.step(10_100);
  assert.deepEqual(timekeeper.expiredLeases(9), []);
  assert.equal(timekeeper.hasExpired(lease(7n), 69_999), false);
  revoke(7n);
  for (let nowMs = 10_000; nowMs <= 100_000; nowMs += 1_000) timekeeper.step(nowMs);
  assert.deepEqual(timekeeper.expiredLeases(9), []);
});

test('a lease that is granted anew is not the one that has expired', () => {
  const { timekeeper, grant, revoke } = begun([[7n, 10]]);
  timekeeper.step(10_000);
  assert.equal(timekeeper.isExpired(7n), true);
  revoke(7n);
  assert.equal(timekeeper.isExpired(7n), false);
  grant(7n, 60);
  timekeeper.granted(7n, 10_000);
  assert.equal(timekeeper.isExpired(7n), false);
});

test('leases that were there before are looked at by and by, and count from when the member leads', () => {
  const { timekeeper } = begun(
    Array.from({ length: 25_000 }, (_, index) => [BigInt(index + 1), 10] as const),
  );
  const found: number[] = [];
  for (let nowMs = 10_000; nowMs <= 10_500; nowMs += 100) {
    timekeeper.step(nowMs);
    const expired = timekeeper.expiredLeases(100_000);
    expired.forEach((id) => timekeeper.endProposed(id));
    found.push(expired.length);
  }
  assert.ok(found.every((count) => count <= 10_000));
  assert.equal(
    found.reduce((sum, count) => sum + count),
    25_000,
  );
});

test('who does not lead decides nothing', () => {
  const { timekeeper, lease } = begun([[7n, 10]]);
  timekeeper.end();
  assert.equal(timekeeper.term, null);
  assert.throws(() => timekeeper.hasExpired(lease(7n), 1), /only a leader/);
  assert.deepEqual(timekeeper.expiredLeases(9), []);
});
