import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PublishMember, RangeRequest } from '@quorate/protocol';
import { type CommandBody, encodeCommand } from './command.ts';
import type {
  Engine,
  EngineBatch,
  EngineUpkeep,
  EngineView,
  PositionedRecord,
  StoredRecord,
} from './engine/engine.ts';
import { EngineError } from './engine/engine-error.ts';
import { MemoryEngine } from './engine/memory-engine.ts';
import { SqliteEngine } from './engine/sqlite-engine.ts';
import { Store, type StoreEntry } from './store.ts';
import { withDirectory } from './testing/engine-contract.ts';
import { bytes, putRequest, StoreDriver } from './testing/store-driver.ts';

function entry(index: number, body: CommandBody | null, term = 1): StoreEntry {
  const requestId = { member: 5n, sequence: index * 10 };
  return { index, term, data: body === null ? null : encodeCommand({ requestId, body }) };
}

function put(index: number, key: string, value = ''): StoreEntry {
  return entry(index, { $case: 'put', put: putRequest(key, value) });
}

function countOf(store: Store): number {
  const request = { key: bytes('\x00'), rangeEnd: bytes('\x00'), countOnly: true };
  return store.range(RangeRequest.create(request)).count;
}

/** A memory engine that counts commits, and fails them on demand. */
class WatchedEngine implements Engine {
  readonly isPersistent = true;
  upkeep: EngineUpkeep = 'done';
  readonly commits: EngineBatch[] = [];
  failing = false;
  closed = false;
  private readonly inner = new MemoryEngine();

  commit(batch: EngineBatch): void {
    if (this.failing) throw new EngineError('disk-full', 'no room');
    this.commits.push(batch);
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

  async sync(): Promise<void> {
    await this.inner.sync();
  }

  size(): { totalBytes: number; inUseBytes: number } {
    return this.inner.size();
  }

  shrink(): boolean {
    return this.inner.shrink();
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.inner.close();
  }
}

describe('applying', () => {
  test('answers each command, under its index and request id, and no other entry', () => {
    const store = Store.open(new MemoryEngine());
    const results = store.apply([
      entry(1, null),
      put(2, 'a'),
      entry(3, { $case: 'put', put: putRequest('') }),
      {
        index: 4,
        term: 1,
        data: encodeCommand({ requestId: undefined, body: { $case: 'put', put: putRequest('b') } }),
      },
    ]);
    assert.deepEqual(
      results.map(({ index, requestId, outcome }) => [index, requestId?.sequence ?? null, outcome.ok]),
      [
        [2, 20, true],
        [3, 30, false],
        [4, null, true],
      ],
    );
    assert.deepEqual(results[0]?.requestId, { member: 5n, sequence: 20 });
  });

  test('remembers the last entry, whatever it holds', () => {
    const store = Store.open(new MemoryEngine());
    assert.deepEqual([store.appliedIndex, store.appliedTerm], [0, 0]);
    store.apply([put(1, 'a'), entry(2, null, 7)]);
    assert.deepEqual([store.appliedIndex, store.appliedTerm], [2, 7]);
    store.apply([]);
    assert.equal(store.appliedIndex, 2);
  });

  test('skips what is applied already', () => {
    const store = Store.open(new MemoryEngine());
    store.apply([put(1, 'a'), put(2, 'b')]);
    assert.deepEqual(
      store.apply([put(1, 'x'), put(2, 'y'), put(3, 'c')]).map(({ index }) => index),
      [3],
    );
    assert.equal(store.revision, 4);
    assert.equal(countOf(store), 3);
  });

  test('refuses a gap, and whatever comes after it', () => {
    const store = Store.open(new MemoryEngine());
    store.apply([put(1, 'a')]);
    assert.throws(() => store.apply([put(3, 'c')]), /without a gap/);
    assert.throws(() => store.apply([put(2, 'b')]), /without a gap/);
  });

  test('stops at a command that it does not understand', () => {
    for (const data of [new Uint8Array(0), Uint8Array.of(0xff), bytes('\xfa\x01\x01\x00')]) {
      const store = Store.open(new MemoryEngine());
      assert.throws(() => store.apply([{ index: 1, term: 1, data }]));
      assert.equal(store.appliedIndex, 0);
      assert.throws(() => store.apply([put(1, 'a')]));
    }
  });
});

describe('commits', () => {
  test('wait until there are enough entries, or bytes, or someone needs them', async () => {
    const engine = new WatchedEngine();
    const store = Store.open(engine, { commitMaxEntries: 3, commitMaxBytes: 1000 });
    store.apply([put(1, 'a'), put(2, 'b')]);
    assert.equal(engine.commits.length, 0);
    store.apply([entry(3, null)]);
    assert.equal(engine.commits.length, 1);
    store.apply([put(4, 'c', 'x'.repeat(1000))]);
    assert.equal(engine.commits.length, 2);
    store.apply([put(5, 'd')]);
    assert.equal(await store.sync(), 5);
    assert.equal(engine.commits.length, 3);
    assert.deepEqual(
      engine.commits.map(({ records }) => [records[0]?.position, records.length]),
      [
        [1, 2],
        [3, 1],
        [4, 1],
      ],
    );
  });

  test('wait longer while the engine finishes its upkeep, within a limit', async () => {
    const engine = new WatchedEngine();
    const store = Store.open(engine, { commitMaxEntries: 2, commitMaxBytes: 1000 });
    engine.upkeep = 'finishing';
    store.apply([put(1, 'a'), put(2, 'a'), put(3, 'a')]);
    assert.equal(engine.commits.length, 0);
    store.apply([put(4, 'a')]);
    assert.equal(engine.commits.length, 1);
    store.apply([put(5, 'a', 'x'.repeat(2000))]);
    assert.equal(engine.commits.length, 2);
    store.apply([put(6, 'a'), put(7, 'a')]);
    assert.equal(await store.sync(), 7);
    assert.equal(engine.commits.length, 3);
    engine.upkeep = 'behind';
    store.apply([put(8, 'a'), put(9, 'a')]);
    assert.equal(engine.commits.length, 4);
  });

  test('are not needed for reading', () => {
    const engine = new WatchedEngine();
    const driver = new StoreDriver(Store.open(engine));
    driver.put('a', '1');
    driver.put('a', '2');
    assert.equal(driver.value('a'), '2');
    assert.equal(driver.value('a', 2), '1');
    assert.equal(engine.commits.length, 0);
  });

  test('hold everything when the store is closed', async () => {
    const engine = new WatchedEngine();
    const store = Store.open(engine);
    store.apply([put(1, 'a')]);
    await store.close();
    assert.equal(engine.closed, true);
    assert.equal(Store.open(engine).appliedIndex, 1);
  });

  test('that a crash takes away are made again from the log', () => {
    const engine = new WatchedEngine();
    const log = Array.from({ length: 10 }, (_, index) => put(index + 1, `${index}`));
    Store.open(engine, { commitMaxEntries: 4 }).apply(log.slice(0, 3));
    const crashed = Store.open(engine, { commitMaxEntries: 4 });
    crashed.apply(log.slice(0, 6));
    const restarted = Store.open(engine);
    assert.equal(restarted.appliedIndex, 6);
    assert.deepEqual(
      restarted.apply(log).map(({ index }) => index),
      [7, 8, 9, 10],
    );
    assert.equal(countOf(restarted), 10);
  });
});

test('a store whose engine fails answers nothing any more, and can be closed', async () => {
  const engine = new WatchedEngine();
  const store = Store.open(engine, { commitMaxEntries: 1 });
  store.apply([put(1, 'a')]);
  engine.failing = true;
  const isDiskFull = (error: unknown): boolean => error instanceof EngineError && error.code === 'disk-full';
  assert.throws(() => store.apply([put(2, 'b')]), isDiskFull);
  engine.failing = false;
  assert.throws(() => store.apply([put(2, 'b')]), isDiskFull);
  assert.throws(() => store.range(RangeRequest.create({ key: bytes('a') })), isDiskFull);
  assert.throws(() => store.digest(), isDiskFull);
  await assert.rejects(store.sync(), isDiskFull);
  await store.close();
  assert.equal(engine.closed, true);
  assert.equal(Store.open(engine).appliedIndex, 1);
});

test('nothing is durable on an engine in memory', async () => {
  const store = Store.open(new MemoryEngine());
  store.apply([put(1, 'a')]);
  assert.equal(await store.sync(), 0);
});

test("members' attributes are kept with the data", async () => {
  const engine = new MemoryEngine();
  const store = Store.open(engine);
  const publish = (index: number, name: string, ...clientUrls: string[]): StoreEntry =>
    entry(index, { $case: 'publishMember', publishMember: { memberId: 2n ** 64n - 1n, name, clientUrls } });
  const [result] = store.apply([
    publish(1, 'first', 'http://a:1'),
    publish(2, 'second', 'http://b:2', 'http://c:3'),
  ]);
  assert.deepEqual(result?.outcome, { ok: true, response: { $case: 'publishMember' } });
  assert.equal(store.revision, 1);
  const expected = new Map([[2n ** 64n - 1n, { name: 'second', clientUrls: ['http://b:2', 'http://c:3'] }]]);
  assert.deepEqual(store.memberAttributes(), expected);
  await store.close();
  assert.deepEqual(Store.open(engine).memberAttributes(), expected);
});

describe('the digest', () => {
  const base = (): StoreEntry[] => [put(1, 'a', '1'), put(2, 'b', '2'), put(3, 'a', '3')];
  const digestOf = (entries: readonly StoreEntry[]): string => {
    const store = Store.open(new MemoryEngine());
    store.apply(entries);
    return store.digest();
  };

  test('is the same for the same entries, however they are grouped', () => {
    const store = Store.open(new MemoryEngine(), { commitMaxEntries: 1 });
    for (const single of base()) store.apply([single]);
    assert.equal(store.digest(), digestOf(base()));
  });

  test('differs if anything differs that can be read', () => {
    const digests = [
      base(),
      [...base().slice(0, 2), put(3, 'a', '4')],
      [...base().slice(0, 2), put(3, 'c', '3')],
      [...base(), entry(4, { $case: 'compaction', compaction: { revision: 2, physical: false } })],
      [...base(), entry(4, { $case: 'publishMember', publishMember: PublishMember.create({ name: 'x' }) })],
      [put(1, 'b', '2'), put(2, 'a', '1'), put(3, 'a', '3')],
    ].map(digestOf);
    assert.equal(new Set(digests).size, digests.length);
  });
});

test('a store in a file can be opened again after the process was killed', () =>
  withDirectory(async (directory) => {
    const engine = SqliteEngine.open({ directory });
    const store = Store.open(engine, { commitMaxEntries: 2 });
    store.apply([put(1, 'a'), put(2, 'b'), put(3, 'c')]);
    // A connection that is never closed is what a killed process leaves behind: the log beside the file.
    const other = SqliteEngine.open({ directory });
    const restarted = Store.open(other);
    assert.equal(restarted.appliedIndex, 3);
    await restarted.close();
    await engine.close();
  }));
