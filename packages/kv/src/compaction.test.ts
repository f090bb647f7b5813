import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryEngine } from './engine/memory-engine.ts';
import { decodeHeader } from './record.ts';
import { Store } from './store.ts';
import { assertRefused } from './testing/assert-refused.ts';
import { StoreDriver } from './testing/store-driver.ts';

/** `revision key` of each record that the engine holds; a deletion has a `-` before its key. */
function recordsOf(engine: MemoryEngine): string[] {
  const view = engine.openView();
  const records = [...view.headers()].map(({ header }) => {
    const { key, modRevision, version } = decodeHeader(header);
    return `${modRevision} ${version === 0 ? '-' : ''}${key}`;
  });
  view.close();
  return records;
}

function removeAll(driver: StoreDriver): void {
  while (!driver.store.removeCompacted(1)) {
    assert.ok(driver.store.compactedRevision > 0);
  }
}

/** Revisions 2 to 7: a twice and then deleted, b twice, c once. */
function someHistory(engine = new MemoryEngine()): StoreDriver {
  const driver = new StoreDriver(Store.open(engine));
  driver.put('a', '1'); // 2
  driver.put('b', '1'); // 3
  driver.put('a', '2'); // 4
  driver.delete('a'); // 5
  driver.put('b', '2'); // 6
  driver.put('c', '1'); // 7
  return driver;
}

test('the compacted revision stays readable, those before it do not', () => {
  const driver = someHistory();
  driver.compact(4);
  assert.equal(driver.store.compactedRevision, 4);
  assert.deepEqual(driver.keys('a', 'z', { revision: 4 }), ['a', 'b']);
  assert.equal(driver.value('b', 4), '1');
  assertRefused(() => driver.range('a', 'z', { revision: 3 }), 'compacted');
  assert.deepEqual(driver.keys('a', 'z'), ['b', 'c']);
});

test('compaction makes no revision, and may go up to the current one', () => {
  const driver = someHistory();
  driver.compact(7);
  assert.equal(driver.store.revision, 7);
  assert.deepEqual(driver.keys('a', 'z', { revision: 7 }), ['b', 'c']);
});

test('compacting again, or before what is compacted, is refused', () => {
  const driver = someHistory();
  driver.compact(4);
  assertRefused(() => driver.compact(4), 'compacted');
  assertRefused(() => driver.compact(3), 'compacted');
  assertRefused(() => driver.compact(0), 'compacted');
  assertRefused(() => driver.compact(-1), 'compacted');
  driver.compact(5);
});

test('compacting the future is refused', () => {
  const driver = someHistory();
  assertRefused(() => driver.compact(8), 'future-revision');
  assert.equal(driver.store.compactedRevision, 0);
});

test('of each key the version that is current at the compacted revision is kept, and all later ones', () => {
  const engine = new MemoryEngine();
  const driver = someHistory(engine);
  driver.compact(4);
  removeAll(driver);
  assert.deepEqual(recordsOf(engine), ['3 b', '4 a', '5 -a', '6 b', '7 c']);
});

test('a deletion at the compacted revision is kept until the next compaction', () => {
  const engine = new MemoryEngine();
  const driver = someHistory(engine);
  driver.compact(5);
  removeAll(driver);
  assert.deepEqual(recordsOf(engine), ['3 b', '5 -a', '6 b', '7 c']);
  assert.equal(driver.value('a', 5), null);
  driver.compact(6);
  removeAll(driver);
  assert.deepEqual(recordsOf(engine), ['6 b', '7 c']);
});

test('a key that comes back after its deletion is gone is new', () => {
  const driver = someHistory();
  driver.compact(7);
  removeAll(driver);
  driver.put('a', '3');
  const { createRevision, version } = driver.get('a');
  assert.deepEqual({ createRevision, version }, { createRevision: 8, version: 1 });
});

test('prev_kv of a put does not depend on compaction', () => {
  const driver = someHistory();
  driver.compact(7);
  removeAll(driver);
  assert.equal(driver.put('b', '3', { prevKv: true }).prevKv?.version, 2);
});

test('how far removal has got is invisible, at every step and after a restart at any of them', async () => {
  const engine = new MemoryEngine();
  let driver = someHistory(engine);
  driver.compact(6);
  const digest = driver.store.digest();
  for (let step = 0; step < 10; step++) {
    driver.store.removeCompacted(1);
    assert.equal(driver.store.digest(), digest);
    await driver.store.close();
    driver = new StoreDriver(Store.open(engine));
    assert.equal(driver.store.digest(), digest);
    assert.deepEqual(driver.keys('a', 'z', { revision: 6 }), ['b']);
    assertRefused(() => driver.range('a', '', { revision: 5 }), 'compacted');
  }
  assert.deepEqual(recordsOf(engine), ['6 b', '7 c']);
});

test('applying entries removes what is compacted, too', () => {
  const engine = new MemoryEngine();
  const driver = new StoreDriver(Store.open(engine, { commitMaxEntries: 1 }));
  for (let version = 0; version < 1000; version++) driver.put('a');
  driver.compact(1001);
  const before = recordsOf(engine).length;
  driver.put('b');
  assert.equal(recordsOf(engine).length, before + 1 - (4 + 2), 'a put removes not much more than it adds');
  for (let round = 1; round < 170; round++) driver.put('b');
  assert.equal(recordsOf(engine).length, 1 + 170);
});

test('a compaction while another one is under way is completed as well', () => {
  const engine = new MemoryEngine();
  const driver = new StoreDriver(Store.open(engine));
  for (const key of ['a', 'b', 'c']) for (let version = 0; version < 300; version++) driver.put(key);
  driver.compact(400);
  driver.store.removeCompacted(5);
  driver.compact(901);
  removeAll(driver);
  assert.deepEqual(recordsOf(engine), ['301 a', '601 b', '901 c']);
});

test('idle times remove what is compacted, too, and then nothing', () => {
  const engine = new MemoryEngine();
  const driver = new StoreDriver(Store.open(engine));
  for (let version = 0; version < 2000; version++) driver.put('a');
  driver.compact(2001);
  driver.store.tidy();
  assert.ok(recordsOf(engine).length > 1, 'a slice at a time');
  for (let round = 0; round < 5; round++) driver.store.tidy();
  assert.deepEqual(recordsOf(engine), ['2001 a']);
});
