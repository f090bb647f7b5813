import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { batchOf } from '../testing/engine-batches.ts';
import { assertEngineError, engineContract, withDirectory } from '../testing/engine-contract.ts';
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
    assertEngineError(() => engine.commit(batch), 'disk-full');
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
