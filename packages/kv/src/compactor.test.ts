import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Compactor } from './compactor.ts';
import { MemoryEngine } from './engine/memory-engine.ts';
import { KeyIndex } from './key-index.ts';
import { LeaseTable } from './lease-table.ts';
import { initialState } from './store-state.ts';
import { bytes } from './testing/store-driver.ts';
import { VersionedMap } from './versioned-map.ts';

/** Two versions of each of so many keys. */
function twoVersions(keys: number): VersionedMap {
  const map = new VersionedMap(new MemoryEngine(), new KeyIndex(), new LeaseTable(), initialState);
  for (let round = 0; round < 2; round++) {
    for (let index = 0; index < keys; index++) {
      const key = `${index}`.padStart(6, '0');
      map.put(key, bytes(key), bytes(''), 0n);
      map.endStep();
    }
  }
  return map;
}

test('a step stops at its limits of records and of keys, and the next one goes on from there', () => {
  const map = twoVersions(10);
  const compactor = new Compactor(map, 0);
  map.compact(map.revision);
  assert.deepEqual(compactor.step(3, 100), [1, 2, 3]);
  assert.deepEqual(compactor.step(100, 2), [4, 5]);
  assert.equal(compactor.isDone, false);
  assert.deepEqual(compactor.step(100, 100), [6, 7, 8, 9, 10]);
  assert.equal(compactor.isDone, true);
  assert.equal(compactor.removedRevision, map.revision);
  assert.deepEqual(compactor.step(100, 100), []);
});

test('keys that are gone leave the index', () => {
  const map = twoVersions(10);
  map.delete({ start: '000003', end: '000007' });
  map.endStep();
  map.put('z', bytes('z'), bytes(''), 0n);
  map.endStep();
  const compactor = new Compactor(map, 0);
  map.compact(map.revision);
  while (!compactor.isDone) {
    assert.ok(compactor.step(1, 1).length <= 1);
  }
  assert.equal(map.index.size, 7);
});

test('a compaction during a walk is done by the next one', () => {
  const map = twoVersions(3);
  const compactor = new Compactor(map, 0);
  map.compact(5);
  assert.deepEqual(compactor.step(1, 100), [1]);
  map.compact(6);
  assert.deepEqual(compactor.step(100, 100), []);
  assert.equal(compactor.removedRevision, 5);
  assert.deepEqual(compactor.step(100, 100), [2]);
  assert.equal(compactor.isDone, true);
});

test('nothing is done without a compaction, nor for one that was completed earlier', () => {
  const map = twoVersions(3);
  assert.deepEqual(new Compactor(map, 0).step(100, 100), []);
  map.compact(7);
  assert.equal(new Compactor(map, 7).isDone, true);
});
