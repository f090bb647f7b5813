import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AlarmRequest_AlarmAction, AlarmType } from '@quorate/protocol';
import { MemoryEngine } from './engine/memory-engine.ts';
import { type Restoration, restoredContent, summarizeSnapshot } from './snapshot-restoration.ts';
import { Store } from './store.ts';
import { assertRefused } from './testing/assert-refused.ts';
import { StoreDriver } from './testing/store-driver.ts';

/** Twenty keys with three versions each, five of them deleted; a lease, an alarm and a member. */
function lived(): StoreDriver {
  const driver = new StoreDriver();
  driver.execute({ $case: 'leaseGrant', leaseGrant: { ID: 7n, TTL: 60 } });
  for (let round = 0; round < 3; round += 1) {
    for (let key = 0; key < 20; key += 1) driver.put(`key ${key}`, `value ${round}`);
  }
  driver.put('leased', 'value', { lease: 7n });
  for (let key = 0; key < 5; key += 1) driver.delete(`key ${key}`);
  const publishMember = { memberId: 9n, name: 'old', clientUrls: [] };
  driver.execute({ $case: 'publishMember', publishMember });
  const alarm = { action: AlarmRequest_AlarmAction.ACTIVATE, alarm: AlarmType.NOSPACE, memberID: 9n };
  driver.execute({ $case: 'alarm', alarm });
  return driver;
}

async function* contentOf({ store }: StoreDriver): AsyncGenerator<Uint8Array> {
  const snapshot = store.openSnapshot();
  yield* snapshot.chunks();
  snapshot.close();
}

async function restored(driver: StoreDriver, changes: Partial<Restoration>): Promise<StoreDriver> {
  const defaults = { appliedIndex: 1, appliedTerm: 1, bumpRevision: 0, markCompacted: false };
  const store = Store.open(new MemoryEngine());
  const content = restoredContent(() => contentOf(driver), { ...defaults, ...changes });
  await store.install(content, async () => undefined);
  return new StoreDriver(store);
}

test('a summary counts keys, records and leases, and says where the snapshot stands', async () => {
  const driver = lived();
  const { appliedIndex, revision } = driver.store;
  assert.deepEqual(await summarizeSnapshot(contentOf(driver)), {
    appliedIndex,
    appliedTerm: 1,
    revision,
    compactedRevision: 0,
    keys: 16,
    records: 66,
    leases: 1,
  });
});

test('a restored store has all of the history, and nothing of the old members', async () => {
  const driver = lived();
  const { store } = await restored(driver, {});
  assert.deepEqual([store.appliedIndex, store.appliedTerm], [1, 1]);
  assert.equal(store.revision, driver.store.revision);
  assert.deepEqual(store.alarms(), []);
  assert.equal(store.memberAttributes().size, 0);
  assert.equal(store.lease(7n)?.ttlSeconds, 60);
  for (const revision of [5, 30, 60, driver.store.revision]) {
    const all = ['\x00', '\x00', { revision }] as const;
    assert.deepEqual(new StoreDriver(store).range(...all).kvs, driver.range(...all).kvs);
  }
});

test('with a bump no revision that was seen comes again, and history is told to be compacted', async () => {
  const driver = lived();
  const before = driver.store.revision;
  const { store } = await restored(driver, { bumpRevision: 1_000_000, markCompacted: true });
  const after = new StoreDriver(store);
  assert.equal(store.revision, before + 1_000_000);
  assert.equal(store.compactedRevision, before + 1_000_000);
  assertRefused(() => after.range('key 9', '', { revision: before }), 'compacted');
  assert.deepEqual(after.range('\x00', '\x00').kvs, driver.range('\x00', '\x00').kvs);
  assert.equal(after.put('key 9').header?.revision, before + 1_000_001);
  // Only what is needed is in it: 15 keys and the leased one, and the put.
  assert.equal((await summarizeSnapshot(contentOf(after))).records, 17);
});

test('a snapshot that is cut off is none', async () => {
  const cut = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of contentOf(lived())) {
      if (chunk[0] === 4) return;
      yield chunk;
    }
  };
  await assert.rejects(summarizeSnapshot(cut()), { name: 'SnapshotError', code: 'damaged' });
  const content = restoredContent(cut, {
    appliedIndex: 1,
    appliedTerm: 1,
    bumpRevision: 0,
    markCompacted: true,
  });
  await assert.rejects(
    content.next().then(() => content.next()),
    { code: 'damaged' },
  );
});
