import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { open } from 'lmdb';
import { batchOf } from '../testing/engine-batches.ts';
import { assertEngineError, engineContract, withDirectory } from '../testing/engine-contract.ts';
import { LmdbEngine } from './lmdb-engine.ts';

engineContract({ name: 'lmdb', isPersistent: true, open: (directory) => LmdbEngine.open({ directory }) });

test('a file that is no database is a clear error, whatever its length', () =>
  withDirectory((directory) => {
    for (const length of [0, 1, 63, 4096, 100_000]) {
      writeFileSync(path.join(directory, 'data.mdb'), randomFillSync(new Uint8Array(length)));
      assertEngineError(() => LmdbEngine.open({ directory }), 'damaged');
    }
  }));

test('the file of a later release is refused', () =>
  withDirectory(async (directory) => {
    const root = open({ path: directory, noSubdir: false, maxDbs: 2 });
    root
      .openDB<Uint8Array, string>({ name: 'fact', encoding: 'binary' })
      .putSync('lmdb-format', Uint8Array.of(2));
    await root.close();
    assertEngineError(() => LmdbEngine.open({ directory }), 'newer-format');
  }));

test('a failed commit changes nothing', () =>
  withDirectory(async (directory) => {
    const engine = LmdbEngine.open({ directory });
    engine.commit(batchOf(1, 3));
    // Positions only ever grow: LMDB refuses to append one that is there.
    assertEngineError(() => engine.commit(batchOf(3, 2, { removedPositions: [1] })), 'failed');
    assert.notEqual(engine.read(1), null);
    assert.equal(engine.read(4), null);
    await engine.close();
  }));
