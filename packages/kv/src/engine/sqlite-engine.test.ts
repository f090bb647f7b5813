import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { batchOf, recordAt } from '../testing/engine-batches.ts';
import { assertEngineError, engineContract, withDirectory } from '../testing/engine-contract.ts';
import type { EngineBatch } from './engine.ts';
import { EngineError } from './engine-error.ts';
import { SqliteEngine } from './sqlite-engine.ts';

engineContract({ name: 'sqlite', isPersistent: true, open: (directory) => SqliteEngine.open({ directory }) });

const fileName = 'store.sqlite';

test('a full disk is a clear error, and what was committed before is still there', () =>
  withDirectory(async (directory) => {
    const engine = SqliteEngine.open({ directory, maxBytes: 1024 * 1024 });
    engine.commit(batchOf(1, 10));
    const value = new Uint8Array(2 * 1024 * 1024);
    const batch = batchOf(11, 0, {
      records: [{ position: 11, header: value, value }],
      removedPositions: [1],
    });
    assert.throws(() => engine.commit(batch), {
      code: 'disk-full',
      message: /^no space left on the disk for .*store\.sqlite: free some space/,
    });
    await engine.close();
    const reopened = SqliteEngine.open({ directory });
    assert.notEqual(reopened.read(1), null);
    assert.equal(reopened.read(11), null);
    await reopened.close();
  }));

test('a file that is no database is a clear error', () =>
  withDirectory((directory) => {
    writeFileSync(path.join(directory, fileName), 'not a database, but long enough to be one'.repeat(100));
    assertEngineError(() => SqliteEngine.open({ directory }), 'damaged');
  }));

test('a file with a damaged page is a clear error', () =>
  withDirectory(async (directory) => {
    const engine = SqliteEngine.open({ directory });
    engine.commit(batchOf(1, 5000));
    await engine.close();
    const file = path.join(directory, fileName);
    const descriptor = openSync(file, 'r+');
    const size = readFileSync(file).length;
    // Everything but the first page, which says what kind of file this is.
    writeSync(descriptor, Buffer.alloc(size - 8192, 0xa5), 0, size - 8192, 8192);
    closeSync(descriptor);
    assert.throws(
      () => {
        const damaged = SqliteEngine.open({ directory });
        for (const { position } of damaged.openView().headers()) {
          assert.ok(position > 0);
        }
      },
      (error) => error instanceof EngineError && error.code === 'damaged' && error.path === file,
    );
  }));

test('the file of a later release is refused, and so is that of another application', () =>
  withDirectory(async (directory) => {
    const file = path.join(directory, fileName);
    await SqliteEngine.open({ directory }).close();
    const database = new DatabaseSync(file);
    database.exec('PRAGMA user_version = 2');
    assertEngineError(() => SqliteEngine.open({ directory }), 'newer-format');
    database.exec('PRAGMA application_id = 7');
    assertEngineError(() => SqliteEngine.open({ directory }), 'damaged');
    database.close();
  }));

test('the error of a file in use by someone else says so', () =>
  withDirectory(async (directory) => {
    const engine = SqliteEngine.open({ directory, busyTimeoutMs: 1 });
    const other = new DatabaseSync(path.join(directory, fileName));
    other.exec('BEGIN IMMEDIATE');
    assertEngineError(() => engine.commit(batchOf(1, 1)), 'locked');
    other.close();
    await engine.close();
  }));

/** Values that fill pages: 8 MiB for every 1,000 records. */
function largeBatch(firstPosition: number, count: number): EngineBatch {
  const value = new Uint8Array(8000);
  const records = Array.from({ length: count }, (_, index) => ({
    ...recordAt(firstPosition + index),
    value,
  }));
  return batchOf(firstPosition, 0, { records });
}

function positions(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

test('space that removed records took goes back to the file system, in steps, but for a reserve', () =>
  withDirectory(async (directory) => {
    const engine = SqliteEngine.open({ directory });
    engine.commit(largeBatch(1, 4000));
    assert.equal(engine.shrink(), false);
    const before = engine.size();
    engine.commit(batchOf(4001, 0, { removedPositions: positions(101, 3900) }));
    assert.equal(engine.size().totalBytes, before.totalBytes);
    let steps = 0;
    for (let last = before.totalBytes; engine.shrink(); steps += 1) {
      const { totalBytes } = engine.size();
      assert.ok(last - totalBytes > 0 && last - totalBytes <= 40 * 8192, 'a small step');
      last = totalBytes;
    }
    const after = engine.size();
    assert.ok(steps > 10);
    assert.ok(after.totalBytes < before.totalBytes / 4, `${after.totalBytes} of ${before.totalBytes} bytes`);
    for (const position of [1, 100, 3901, 4000]) assert.notEqual(engine.read(position), null);
    await engine.close();
    assert.ok(statSync(path.join(directory, fileName)).size <= after.totalBytes);
  }));

test('a file of an earlier release is used as it is, and keeps its size', () =>
  withDirectory(async (directory) => {
    const old = new DatabaseSync(path.join(directory, fileName));
    old.exec('PRAGMA page_size = 8192; PRAGMA auto_vacuum = NONE; CREATE TABLE x (y); DROP TABLE x');
    old.close();
    const file = path.join(directory, fileName);
    const empty = new DatabaseSync(file);
    empty.exec(`
      CREATE TABLE record (position INTEGER PRIMARY KEY, header BLOB NOT NULL, value BLOB NOT NULL) STRICT;
      CREATE TABLE fact (name TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT, WITHOUT ROWID;
      PRAGMA application_id = 1366650738;
      PRAGMA user_version = 1;
    `);
    empty.close();
    const engine = SqliteEngine.open({ directory });
    engine.commit(largeBatch(1, 1000));
    const before = engine.size().totalBytes;
    engine.commit(batchOf(1001, 0, { removedPositions: positions(1, 990) }));
    assert.equal(engine.shrink(), false);
    engine.commit(largeBatch(1001, 900));
    assert.equal(engine.size().totalBytes, before, 'what is free is used again');
    await engine.close();
  }));

test("SQLite's own log is cut when a view kept it from starting again", () =>
  withDirectory(async (directory) => {
    const engine = SqliteEngine.open({ directory });
    const logBytes = (): number => statSync(path.join(directory, `${fileName}-wal`)).size;
    const view = engine.openView();
    let committed = 0;
    const commitMore = (): void => {
      engine.commit(largeBatch(committed + 1, 100));
      committed += 100;
    };
    while (logBytes() < 80 * 1024 * 1024) commitMore();
    view.close();
    while (logBytes() > 40 * 1024 * 1024) {
      commitMore();
      do await setImmediate();
      while (engine.upkeep !== 'done');
    }
    await engine.close();
    const reopened = SqliteEngine.open({ directory });
    assert.equal(reopened.readFrom(1, committed + 1).length, committed);
    await reopened.close();
  }));

test("a commit that cannot be put off is made while SQLite's own log is cut", () =>
  withDirectory(async (directory) => {
    const engine = SqliteEngine.open({ directory });
    const logBytes = (): number => statSync(path.join(directory, `${fileName}-wal`)).size;
    const view = engine.openView();
    let committed = 0;
    const commit = (count: number): void => {
      engine.commit(largeBatch(committed + 1, count));
      committed += count;
    };
    while (logBytes() < 80 * 1024 * 1024) commit(100);
    view.close();
    while (logBytes() > 40 * 1024 * 1024) {
      commit(engine.upkeep === 'finishing' ? 1 : 100);
      // Leaves a transaction open, in which SQLite does not wait for a lock.
      assert.notEqual(engine.read(committed), null);
      if (engine.upkeep === 'finishing') engine.shrink();
      await setImmediate();
    }
    await engine.close();
  }));

test("SQLite's own log is copied by a thread, and starts again, while commits and reads go on", () =>
  withDirectory(async (directory) => {
    const engine = SqliteEngine.open({ directory });
    const sizeOf = (name: string): number => statSync(path.join(directory, name)).size;
    let longest = 0;
    for (let committed = 0; committed < 18_000; committed += 100) {
      engine.commit(largeBatch(committed + 1, 100));
      // Leaves a transaction open, which must not hold up the log for ever.
      assert.notEqual(engine.read(committed + 1), null);
      // The disk may be slow: the copy may lag behind by a thousand pages.
      while (sizeOf(fileName) < (committed - 1000) * 8192) await setImmediate();
      while (engine.upkeep !== 'done') await setImmediate();
      longest = Math.max(longest, sizeOf(`${fileName}-wal`));
    }
    await engine.close();
    assert.ok(longest < 48 * 1024 * 1024, `${longest} bytes`);
    const reopened = SqliteEngine.open({ directory });
    for (const position of [1, 9000, 18_000]) assert.notEqual(reopened.read(position), null);
    await reopened.close();
  }));
