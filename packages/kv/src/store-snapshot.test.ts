import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { describe, test } from 'node:test';
import type { Engine } from './engine/engine.ts';
import { LmdbEngine } from './engine/lmdb-engine.ts';
import { MemoryEngine } from './engine/memory-engine.ts';
import { SqliteEngine } from './engine/sqlite-engine.ts';
import { decodeHeader } from './record.ts';
import { SnapshotDecoder } from './snapshot-decoder.ts';
import { Store } from './store.ts';
import type { StoreSnapshot } from './store-snapshot.ts';
import { withDirectory } from './testing/engine-contract.ts';
import { chunksOf } from './testing/snapshot-source.ts';
import { StoreDriver } from './testing/store-driver.ts';

/** `revision key` of each record of a snapshot; a deletion has a `-` before its key. */
function recordsOf(chunks: Iterable<Uint8Array>): string[] {
  const decoder = new SnapshotDecoder();
  const found: string[] = [];
  for (const chunk of chunks) {
    const part = decoder.decode(chunk);
    if (part.kind !== 'records') continue;
    for (const { header } of part.records) {
      const { key, modRevision, version } = decodeHeader(header);
      found.push(`${modRevision} ${version === 0 ? '-' : ''}${key}`);
    }
  }
  decoder.expectEnd();
  return found;
}

/** What tells two snapshots apart, and says no more if they differ: they are large. */
function hashOf(chunks: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(`${chunk.length},`).update(chunk);
  return hash.digest('hex');
}

/** Revisions 2 to 7, compacted at 5: a twice and then deleted, b twice, c deleted after the compaction. */
function someHistory(engine: Engine = new MemoryEngine()): StoreDriver {
  const driver = new StoreDriver(Store.open(engine));
  driver.put('a', '1'); // 2
  driver.put('a', '2'); // 3
  driver.put('c', '1'); // 4
  driver.put('b', '1'); // 5
  driver.delete('a'); // 6
  driver.put('b', '2'); // 7
  driver.delete('c'); // 8
  return driver;
}

/** More to remove than applying the compaction does by itself. */
function longHistory(): StoreDriver {
  const driver = new StoreDriver(Store.open(new MemoryEngine(), { commitMaxEntries: 1 }));
  const value = 'x'.repeat(300);
  for (let round = 0; round < 3; round++) {
    for (let key = 0; key < 400; key++) driver.put(`${key}`, value);
  }
  driver.delete('7');
  driver.compact(1100);
  return driver;
}

describe('a snapshot', () => {
  test('says what it holds', () => {
    const driver = someHistory();
    driver.compact(5);
    const snapshot = driver.store.openSnapshot();
    const { appliedIndex, appliedTerm, revision, compactedRevision } = snapshot;
    assert.deepEqual(
      { appliedIndex, appliedTerm, revision, compactedRevision },
      { appliedIndex: 8, appliedTerm: 1, revision: 8, compactedRevision: 5 },
    );
    snapshot.close();
  });

  test('has everything that was applied, whether the engine had it or not, and nothing that came later', () => {
    const driver = someHistory();
    const snapshot = driver.store.openSnapshot();
    driver.put('d');
    driver.store.digest();
    assert.deepEqual(recordsOf(chunksOf(snapshot)), ['2 a', '3 a', '4 c', '5 b', '6 -a', '7 b', '8 -c']);
  });

  test('has what is needed from the compacted revision on, deletions at it or later included', () => {
    const driver = someHistory();
    driver.compact(5);
    assert.deepEqual(recordsOf(chunksOf(driver.store.openSnapshot())), [
      '3 a',
      '4 c',
      '5 b',
      '6 -a',
      '7 b',
      '8 -c',
    ]);
    driver.compact(6);
    assert.deepEqual(recordsOf(chunksOf(driver.store.openSnapshot())), ['4 c', '5 b', '6 -a', '7 b', '8 -c']);
    driver.compact(7);
    assert.deepEqual(recordsOf(chunksOf(driver.store.openSnapshot())), ['4 c', '7 b', '8 -c']);
    driver.put('d'); // 9
    driver.compact(9);
    assert.deepEqual(recordsOf(chunksOf(driver.store.openSnapshot())), ['7 b', '9 d']);
  });

  test('is not touched by later writes, compactions and removals, between any two of its chunks', () => {
    const driver = longHistory();
    const expected = recordsOf(chunksOf(driver.store.openSnapshot()));
    const snapshot = driver.store.openSnapshot();
    const chunks: Uint8Array[] = [];
    for (const chunk of snapshot.chunks()) {
      chunks.push(chunk);
      driver.delete('1', '2');
      driver.put('1', 'new');
      driver.compact(driver.store.revision);
      driver.store.removeCompacted(1000);
    }
    snapshot.close();
    assert.ok(chunks.length > 5);
    assert.deepEqual(recordsOf(chunks), expected);
  });

  test('holds up the removal of what is compacted only as long as it is open', () => {
    const driver = longHistory();
    const first = driver.store.openSnapshot();
    const second = driver.store.openSnapshot();
    assert.equal(driver.store.removeCompacted(1000), false);
    first.close();
    first.close();
    assert.equal(driver.store.removeCompacted(1000), false);
    second.close();
    assert.equal(driver.store.removeCompacted(1000), true);
  });

  test('is the same however far compaction has got', () => {
    const driver = longHistory();
    const before = hashOf(chunksOf(driver.store.openSnapshot()));
    for (let isDone = false; !isDone; ) {
      isDone = driver.store.removeCompacted(100);
      assert.equal(hashOf(chunksOf(driver.store.openSnapshot())), before);
    }
  });

  test('is the same whatever the engine', () =>
    withDirectory(async (directory) => {
      const snapshots: (readonly Uint8Array[])[] = [];
      for (const engine of [
        new MemoryEngine(),
        SqliteEngine.open({ directory: path.join(directory, 'sqlite') }),
        LmdbEngine.open({ directory: path.join(directory, 'lmdb') }),
      ]) {
        const driver = someHistory(engine);
        driver.execute({
          $case: 'publishMember',
          publishMember: { memberId: 5n, name: 'alpha', clientUrls: ['http://a:1'] },
        });
        driver.compact(6);
        await driver.store.sync();
        snapshots.push(chunksOf(driver.store.openSnapshot()));
        await driver.store.close();
      }
      assert.deepEqual(snapshots[1], snapshots[0]);
      assert.deepEqual(snapshots[2], snapshots[0]);
    }));

  test('comes in chunks of a bounded size, but for records that are larger', () => {
    const driver = new StoreDriver();
    for (let key = 0; key < 500; key++) driver.put(`${key}`, 'x'.repeat(1000));
    driver.put('large', 'x'.repeat(300_000));
    const sizes = chunksOf(driver.store.openSnapshot()).map((chunk) => chunk.length);
    assert.equal(sizes.filter((size) => size > 70_000).length, 1);
    assert.ok(sizes.length < 15);
  });

  test('of an empty store is one, too', () => {
    const snapshot: StoreSnapshot = Store.open(new MemoryEngine()).openSnapshot();
    assert.deepEqual([snapshot.appliedIndex, snapshot.revision], [0, 1]);
    assert.deepEqual(recordsOf(chunksOf(snapshot)), []);
  });
});
