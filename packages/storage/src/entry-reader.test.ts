import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StorageError } from './storage-error.ts';
import {
  command,
  commands,
  emptyDisk,
  entriesWrite,
  hardState,
  index,
  openLog,
} from './testing/log-fixture.ts';
import { MisreadingFileSystem, shiftedBy } from './testing/misreading-file-system.ts';

test('entries that a disk reads elsewhere are refused, not returned', async () => {
  const { disk } = await emptyDisk();
  const fileSystem = new MisreadingFileSystem(disk, 0, shiftedBy(0));
  const log = await openLog(disk, { fileSystem });
  // Records of one size, so that an intact one begins wherever the disk may read by mistake.
  await log.append([entriesWrite(commands(1, 1, 8), hardState(1))]);
  await log.append([entriesWrite(commands(2, 5, 8), hardState(2))]);
  const expected = [...commands(1, 1, 4), ...commands(2, 5, 8)];
  const refusals = new Set<string>();
  for (const first of [1, 3, 5, 6]) {
    const wanted = expected.slice(first - 1);
    for (let distance = -800; distance <= 800; distance += 8) {
      for (let number = 1; ; number += 1) {
        fileSystem.misread(number, shiftedBy(distance));
        const read = await log.read(index(first), index(8), 1e6).catch((error: unknown) => {
          assert(error instanceof StorageError && error.code === 'damaged', String(error));
          return error;
        });
        if (read instanceof StorageError) refusals.add(read.reason.replace(/.* at offset \d+: /, ''));
        else assert.deepEqual(read, wanted, `read ${number} went ${distance} bytes astray`);
        if (!fileSystem.hasMisread) break;
      }
    }
  }
  const said = [...refusals].join('\n');
  assert.match(said, /it holds entry 5 of term 1, and entry 5 of term 2 must follow/, 'an overwritten entry');
  assert.match(said, /it holds entry 7 of term 2, and entry 5 of term 2 must follow/, 'a later entry');
  await log.close();
});

test('entries of several terms are read with the terms that they have', async () => {
  const { disk } = await emptyDisk();
  const log = await openLog(disk);
  const entries = [1, 1, 2, 4, 4, 4, 7].map((term, at) => command(term, at + 1));
  for (const entry of entries) await log.append([entriesWrite([entry], hardState(entry.term))]);
  for (let first = 1; first <= entries.length; first += 1) {
    for (let last = first; last <= entries.length; last += 1) {
      assert.deepEqual(await log.read(index(first), index(last), 1e6), entries.slice(first - 1, last));
    }
  }
  await log.close();
});
