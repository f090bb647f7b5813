import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import type { Engine } from './engine/engine.ts';
import { LmdbEngine } from './engine/lmdb-engine.ts';
import { MemoryEngine } from './engine/memory-engine.ts';
import { SqliteEngine } from './engine/sqlite-engine.ts';
import type { DigestRange, RecordDigest } from './record-digest.ts';
import { Store } from './store.ts';
import { withDirectory } from './testing/engine-contract.ts';
import { StoreDriver } from './testing/store-driver.ts';

const all: DigestRange = {
  firstPosition: 1,
  lastPosition: Infinity,
  throughRevision: Infinity,
};

function finish(digest: RecordDigest, maxRecords = 7): { crc: number; records: number } {
  let progress = digest.step(maxRecords);
  while (progress === 'unfinished') progress = digest.step(maxRecords);
  assert.equal(progress, 'finished');
  return { crc: digest.crc, records: digest.records };
}

/** Thirty keys with many versions, some of them deleted, compacted so that not everything is removed at once. */
function lived(engine: Engine): StoreDriver {
  const driver = new StoreDriver(Store.open(engine));
  for (let round = 0; round < 20; round += 1) {
    for (let key = 0; key < 30; key += 1) driver.put(`key ${key}`, `value ${round}`);
    driver.delete(`key ${round}`);
  }
  driver.compact(500);
  return driver;
}

test('is the same on every engine, with steps of any size, however far compaction has got', async () => {
  const memory = lived(new MemoryEngine());
  const expected = finish(memory.store.openDigest(all));
  assert.ok(expected.records > 40);
  assert.deepEqual(finish(memory.store.openDigest(all), 1), expected);
  await withDirectory(async (directory) => {
    for (const engine of [
      SqliteEngine.open({ directory: path.join(directory, 'sqlite') }),
      LmdbEngine.open({ directory: path.join(directory, 'lmdb') }),
    ]) {
      const { store } = lived(engine);
      assert.deepEqual(finish(store.openDigest(all), 1000), expected);
      while (!store.removeCompacted(3)) assert.deepEqual(finish(store.openDigest(all)), expected);
      assert.deepEqual(finish(store.openDigest(all)), expected);
      await store.close();
    }
  });
});

test('counts what lies within the range, whatever comes later', () => {
  const driver = lived(new MemoryEngine());
  const { revision, nextPosition } = driver.store;
  const range = { ...all, throughRevision: revision };
  const before = finish(driver.store.openDigest(range));
  const part = { ...all, firstPosition: 560, lastPosition: nextPosition - 1 };
  const partBefore = finish(driver.store.openDigest(part));
  assert.ok(partBefore.records < before.records);
  driver.put('key 5', 'later');
  driver.delete('key 6');
  assert.deepEqual(finish(driver.store.openDigest(range)), before);
  assert.deepEqual(finish(driver.store.openDigest(part)), partBefore);
  assert.notDeepEqual(finish(driver.store.openDigest(all)), before);
});

test('changes with a bit of a value, a bit of a header, and a record that is lost', () => {
  const engine = new MemoryEngine();
  const { store } = lived(engine);
  const sound = finish(store.openDigest(all));
  // The memory engine hands out the bytes that it keeps.
  const record = engine.read(595);
  assert.ok(record !== null);
  for (const bytes of [record.value, record.header]) {
    for (const offset of bytes.keys()) {
      bytes[offset] = (bytes[offset] ?? 0) ^ 1;
      assert.notDeepEqual(finish(store.openDigest(all)), sound, `byte ${offset}`);
      bytes[offset] = (bytes[offset] ?? 0) ^ 1;
    }
  }
  assert.deepEqual(finish(store.openDigest(all)), sound);
  engine.commit({ records: [], removedPositions: [595], facts: [], removedFacts: [] });
  assert.notDeepEqual(finish(store.openDigest(all)), sound);
});

test('is outdated when the store is compacted, or taken over from a snapshot', async () => {
  const driver = lived(new MemoryEngine());
  const { store } = driver;
  const first = store.openDigest(all);
  assert.equal(first.step(10), 'unfinished');
  driver.put('another');
  assert.equal(first.step(10), 'unfinished');
  driver.compact(560);
  assert.equal(first.step(10), 'outdated');

  const second = store.openDigest(all);
  assert.equal(second.step(10), 'unfinished');
  const snapshot = lived(new MemoryEngine()).store.openSnapshot();
  const chunks = async function* (): AsyncIterable<Uint8Array> {
    yield* snapshot.chunks();
  };
  await store.install(chunks(), async () => undefined);
  assert.equal(second.step(10), 'outdated');
});
