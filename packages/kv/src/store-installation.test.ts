import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RangeRequest, TxnRequest } from '@quorate/protocol';
import type { Engine, EngineBatch, EngineView, PositionedRecord, StoredRecord } from './engine/engine.ts';
import { EngineError } from './engine/engine-error.ts';
import { MemoryEngine } from './engine/memory-engine.ts';
import { SnapshotDecoder } from './snapshot-decoder.ts';
import { SnapshotError } from './snapshot-error.ts';
import { Store } from './store.ts';
import { StoreError } from './store-error.ts';
import { batchOf } from './testing/engine-batches.ts';
import { asSource, chunksOf, noPause } from './testing/snapshot-source.ts';
import { bytes, StoreDriver } from './testing/store-driver.ts';

/** A store with some facts and many records, and its snapshot. */
function source(): { readonly chunks: readonly Uint8Array[]; readonly digest: string } {
  const driver = new StoreDriver();
  for (let key = 0; key < 600; key++) driver.put(`new${key}`, 'x'.repeat(300));
  driver.delete('new5');
  driver.compact(400);
  publish(driver, 1n);
  const digest = driver.store.digest();
  return { chunks: chunksOf(driver.store.openSnapshot()), digest };
}

/** A store with other content, of which nothing may be left. */
function target(engine: Engine = new MemoryEngine()): StoreDriver {
  const driver = new StoreDriver(Store.open(engine));
  for (let key = 0; key < 30; key++) driver.put(`old${key}`);
  publish(driver, 2n);
  return driver;
}

function publish(driver: StoreDriver, memberId: bigint): void {
  driver.execute({ $case: 'publishMember', publishMember: { memberId, name: 'm', clientUrls: [] } });
}

function isRefused(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'installing';
}

function isDamaged(error: unknown): boolean {
  return error instanceof SnapshotError && error.code === 'damaged';
}

/** Keeps every batch that was committed. */
class RecordingEngine implements Engine {
  readonly isPersistent = true;
  readonly upkeep = 'done';
  readonly commits: EngineBatch[] = [];
  failing = false;
  private readonly inner = new MemoryEngine();

  commit(batch: EngineBatch): void {
    if (this.failing) throw new EngineError('disk-full', 'no room');
    const records = batch.records.map((record) => structuredClone(record));
    this.commits.push({ ...batch, records });
    this.inner.commit(batch);
  }

  read(position: number): StoredRecord | null {
    return this.inner.read(position);
  }

  readFrom(position: number, maxRecords: number): readonly PositionedRecord[] {
    return this.inner.readFrom(position, maxRecords);
  }

  openView(): EngineView {
    return this.inner.openView();
  }

  sync(): Promise<void> {
    return this.inner.sync();
  }

  size(): { totalBytes: number; inUseBytes: number } {
    return this.inner.size();
  }

  shrink(): boolean {
    return this.inner.shrink();
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

describe('installing a snapshot', () => {
  test('replaces everything', async () => {
    const { chunks, digest } = source();
    const driver = target();
    await driver.store.install(asSource(chunks), noPause);
    const { store } = driver;
    assert.equal(store.digest(), digest);
    assert.deepEqual(
      [store.appliedIndex, store.appliedTerm, store.revision, store.compactedRevision],
      [603, 1, 602, 400],
    );
    assert.deepEqual([...store.memberAttributes().keys()], [1n]);
    const rest = new StoreDriver(store);
    assert.deepEqual(rest.keys('new1', 'new11'), [
      'new1',
      'new10',
      'new100',
      'new101',
      'new102',
      'new103',
      'new104',
      'new105',
      'new106',
      'new107',
      'new108',
      'new109',
    ]);
    assert.deepEqual(rest.keys('o', 'p'), []);
    assert.equal(rest.put('new1', 'y', { prevKv: true }).prevKv?.version, 1);
  });

  test('is what a store that is opened on the same engine finds', async () => {
    const { chunks, digest } = source();
    const engine = new MemoryEngine();
    const { store } = target(engine);
    await store.install(asSource(chunks), noPause);
    await store.close();
    const reopened = Store.open(engine);
    assert.equal(reopened.digest(), digest);
    assert.deepEqual([...reopened.memberAttributes().keys()], [1n]);
  });

  test('pauses between small slices', async () => {
    const { chunks } = source();
    const engine = new RecordingEngine();
    const { store } = target(engine);
    await store.sync();
    const before = engine.commits.length;
    let pauses = 0;
    let atLastPause = before;
    await store.install(asSource(chunks), async () => {
      pauses += 1;
      assert.ok(engine.commits.length <= atLastPause + 1, 'one commit between two pauses');
      atLastPause = engine.commits.length;
    });
    assert.ok(pauses >= chunks.length);
  });

  test('refuses everything else meanwhile', async () => {
    const { chunks } = source();
    const { store } = target();
    let looks = 0;
    await store.install(asSource(chunks), async () => {
      looks += 1;
      assert.throws(() => store.range(RangeRequest.create({ key: bytes('a') })), isRefused);
      assert.throws(() => store.readTransaction(TxnRequest.create({})), isRefused);
      assert.throws(() => store.apply([{ index: 1, term: 1, data: null }]), isRefused);
      assert.throws(() => store.removeCompacted(1), isRefused);
      assert.throws(() => store.openSnapshot(), isRefused);
      await assert.rejects(store.sync(), isRefused);
    });
    assert.ok(looks > 0);
    assert.equal(store.range(RangeRequest.create({ key: bytes('new1') })).count, 1);
  });

  test('changes nothing if the first chunk is no good', async () => {
    const { store } = target();
    const digest = store.digest();
    await assert.rejects(store.install(asSource([]), noPause), isDamaged);
    await assert.rejects(store.install(asSource([Uint8Array.of(1, 2, 0, 0, 0)]), noPause), {
      code: 'newer-format',
    });
    assert.equal(store.digest(), digest);
  });

  test('that fails in the middle can be made again', async () => {
    const { chunks, digest } = source();
    const { store } = target();
    await assert.rejects(store.install(asSource(chunks.slice(0, 3)), noPause), isDamaged);
    assert.throws(() => store.range(RangeRequest.create({ key: bytes('a') })), isRefused);
    assert.equal(store.appliedIndex, 0);
    await store.install(asSource(chunks), noPause);
    assert.equal(store.digest(), digest);
  });

  test('that fails because of the engine ends the store', async () => {
    const { chunks } = source();
    const engine = new RecordingEngine();
    const { store } = target(engine);
    const failLater = async (): Promise<void> => {
      engine.failing = engine.commits.length > 3;
    };
    await assert.rejects(store.install(asSource(chunks), failLater), { code: 'disk-full' });
    assert.throws(() => store.apply([]), { code: 'disk-full' });
    await assert.rejects(store.install(asSource(chunks), noPause), { code: 'disk-full' });
  });

  test('is never half there after a crash, whatever commits that took away', async () => {
    const { chunks, digest } = source();
    const engine = new RecordingEngine();
    const { store } = target(engine);
    const oldDigest = store.digest();
    const before = engine.commits.length;
    await store.install(asSource(chunks), noPause);
    const seen: string[] = [];
    for (let kept = before; kept <= engine.commits.length; kept += 1) {
      const left = new MemoryEngine();
      for (const batch of engine.commits.slice(0, kept)) left.commit(batch);
      const reopened = Store.open(left);
      if (reopened.appliedIndex === 0) {
        assert.deepEqual([...reopened.memberAttributes()], []);
        assert.equal(left.openView().facts().length, 0);
        seen.push('empty');
        await reopened.install(asSource(chunks), noPause);
        assert.equal(reopened.digest(), digest);
      } else {
        seen.push(reopened.digest() === digest ? 'new' : 'old');
        assert.ok([oldDigest, digest].includes(reopened.digest()));
      }
    }
    assert.deepEqual([seen[0], seen.at(-1)], ['old', 'new']);
    assert.deepEqual([...new Set(seen)], ['old', 'empty', 'new']);
  });

  test('that was interrupted leaves an engine that a store finds empty', async () => {
    const { chunks } = source();
    const engine = new MemoryEngine();
    const { store } = target(engine);
    await assert.rejects(store.install(asSource(chunks.slice(0, 4)), noPause), isDamaged);
    await store.close();
    const reopened = new StoreDriver(Store.open(engine));
    assert.deepEqual([reopened.store.appliedIndex, reopened.store.revision], [0, 1]);
    reopened.put('a', '1');
    assert.deepEqual(reopened.keys('\x00', '\x00'), ['a']);
  });

  test('keeps facts that this release does not know', async () => {
    const engine = new MemoryEngine();
    const { store } = target(engine);
    await store.sync();
    engine.commit(batchOf(1000, 0, { facts: [{ name: 'unknown/1', content: Uint8Array.of(1, 2) }] }));
    const chunks = chunksOf(store.openSnapshot());
    const copy = new MemoryEngine();
    await target(copy).store.install(asSource(chunks), noPause);
    const names = copy
      .openView()
      .facts()
      .map(({ name }) => name);
    assert.deepEqual(names, ['member/2', 'state', 'unknown/1']);
    assert.deepEqual(copy.openView().facts().at(-1)?.content, Uint8Array.of(1, 2));
  });
});

describe('content that is no snapshot', () => {
  const { chunks } = source();

  async function installed(changed: readonly Uint8Array[]): Promise<void> {
    await target().store.install(asSource(changed), noPause);
  }

  test('a chunk that is missing, twice there or in the wrong place is found', async () => {
    await installed(chunks);
    for (let index = 0; index < chunks.length; index += 1) {
      await assert.rejects(installed(chunks.toSpliced(index, 1)), isDamaged, `without ${index}`);
      const twice = chunks.toSpliced(index, 0, chunks[index] as Uint8Array);
      await assert.rejects(installed(twice), isDamaged, `twice ${index}`);
      const [moved] = chunks.slice(index, index + 1);
      const swapped = chunks.toSpliced(index, 1).toSpliced(index + 1, 0, moved as Uint8Array);
      if (index + 1 < chunks.length) await assert.rejects(installed(swapped), isDamaged, `moved ${index}`);
    }
  });

  test('a chunk that is cut is found, wherever it is cut', () => {
    for (const [index, chunk] of chunks.entries()) {
      for (const length of [0, 1, 2, 7, 20, chunk.length - 1].filter((length) => length < chunk.length)) {
        const decoder = new SnapshotDecoder();
        assert.throws(
          () => {
            for (const before of chunks.slice(0, index)) decoder.decode(before);
            decoder.decode(chunk.subarray(0, length));
            for (const after of chunks.slice(index + 1)) decoder.decode(after);
            decoder.expectEnd();
          },
          isDamaged,
          `chunk ${index} cut to ${length}`,
        );
      }
    }
  });

  test('a record with a header that cannot be read is found', async () => {
    const header = Uint8Array.of(0xff);
    const driver = new MemoryEngine();
    driver.commit(batchOf(1, 0, { records: [{ position: 1, header, value: header }] }));
    const broken = chunks[2]?.slice() ?? assert.fail();
    broken[1 + 16] = 0xff;
    await assert.rejects(installed(chunks.toSpliced(2, 1, broken)), isDamaged);
  });
});
