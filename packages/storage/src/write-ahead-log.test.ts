import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { StorageError } from './storage-error.ts';
import {
  command,
  commands,
  configuration,
  emptyDisk,
  entriesWrite,
  hardState,
  index,
  LOG_DIRECTORY,
  openLog,
  readFiles,
  term,
} from './testing/log-fixture.ts';
import type { DiskFault, DiskOperation, MemoryDisk } from './testing/memory-disk.ts';
import { MemoryFileSystem } from './testing/memory-file-system.ts';
import type { WriteAheadLog } from './write-ahead-log.ts';

async function newLog(
  options: Parameters<typeof openLog>[1] = {},
): Promise<{ disk: MemoryDisk; log: WriteAheadLog }> {
  const { disk } = await emptyDisk();
  return { disk, log: await openLog(disk, options) };
}

/** The operations on the disk while something is done. */
async function operationsOf(disk: MemoryDisk, work: () => Promise<unknown>): Promise<readonly string[]> {
  const seen: string[] = [];
  disk.fault = ({ kind }) => {
    seen.push(kind);
    return null;
  };
  await work();
  disk.fault = null;
  return seen;
}

function failAt(kind: DiskOperation['kind'], code: string): (operation: DiskOperation) => DiskFault | null {
  return (operation) => (operation.kind === kind ? { kind: 'fail', code } : null);
}

describe('a new log', () => {
  test('is empty', async () => {
    const { log } = await newLog();
    assert.deepEqual(log.recovered, {
      hardState: hardState(0),
      entries: [],
      firstIndex: 1,
      lastIndex: 0,
      previousTerm: 0,
      terms: [],
      configurations: [],
      snapshot: null,
      tornTail: null,
    });
    assert.equal(log.firstIndex, 1);
    assert.equal(log.lastIndex, 0);
  });

  test('needs its directory', async () => {
    const { disk } = await emptyDisk();
    await assert.rejects(openLog(disk, { directory: '/nowhere' }), { code: 'disk-failed' });
  });

  test('does not begin on a full disk, and leaves nothing behind that keeps it full', async () => {
    const { disk } = await emptyDisk();
    disk.capacityBytes = 3000;
    await assert.rejects(openLog(disk), { code: 'disk-full' });
    assert.equal(disk.freeBytes(), 3000);
    disk.capacityBytes = 8192;
    await (await openLog(disk)).close();
  });
});

describe('append', () => {
  test('takes one write and one sync, however many writes it is given', async () => {
    const { disk, log } = await newLog();
    const writes = [
      entriesWrite(commands(1, 1, 3), hardState(1, 0, 1n)),
      entriesWrite(commands(1, 4, 4)),
      entriesWrite([], hardState(2, 0, 2n)),
      entriesWrite(commands(2, 5, 9), hardState(2, 4, 2n)),
    ];
    assert.deepEqual(await operationsOf(disk, () => log.append(writes)), ['write', 'sync']);
  });

  test('writes a commit index alone only with the next entries, or when closed', async () => {
    const { disk, log } = await newLog();
    await log.append([entriesWrite(commands(1, 1, 5), hardState(1))]);
    const commit = (at: number) => [{ hardState: hardState(1, at), entries: [], sync: false }];
    assert.deepEqual(await operationsOf(disk, () => log.append(commit(3))), []);
    disk.killProcesses();
    const second = await openLog(disk);
    assert.equal(second.recovered.hardState.commit, 0);
    await second.append(commit(4));
    await second.append([entriesWrite([command(1, 6)])]);
    disk.losePower();
    const third = await openLog(disk);
    assert.equal(third.recovered.hardState.commit, 4);
    await third.append(commit(5));
    await third.close();
    assert.equal((await openLog(disk)).recovered.hardState.commit, 5);
  });

  test('of nothing does nothing', async () => {
    const { disk, log } = await newLog();
    assert.deepEqual(await operationsOf(disk, () => log.append([])), []);
  });

  test('at an existing index replaces that entry and all after it', async () => {
    const { disk, log } = await newLog();
    await log.append([entriesWrite(commands(1, 1, 9), hardState(1))]);
    await log.append([entriesWrite(commands(2, 4, 5), hardState(2))]);
    assert.equal(log.lastIndex, 5);
    const expected = [...commands(1, 1, 3), ...commands(2, 4, 5)];
    assert.deepEqual(await log.read(index(1), index(5), 1e6), expected);
    disk.losePower();
    const { recovered } = await openLog(disk);
    assert.deepEqual(recovered.entries, expected);
    assert.deepEqual(recovered.terms, [
      { term: 1, firstIndex: 1 },
      { term: 2, firstIndex: 4 },
    ]);
  });

  test('keeps an entry that is larger than a segment', async () => {
    const { disk, log } = await newLog();
    const entries = [command(1, 1), command(1, 2, 50_000), command(1, 3), command(1, 4, 9_000)];
    await log.append([entriesWrite(entries, hardState(1))]);
    assert.deepEqual(await log.read(index(1), index(4), 1e6), entries);
    disk.losePower();
    const again = await openLog(disk);
    assert.deepEqual(again.recovered.entries, entries);
    await again.append([entriesWrite([command(1, 5, 20_000)])]);
    assert.deepEqual(await again.read(index(5), index(5), 1), [command(1, 5, 20_000)]);
  });

  test('keeps every kind of entry, every id, and the largest term and index', async () => {
    const { disk, log } = await newLog();
    const highest = Number.MAX_SAFE_INTEGER;
    const members = configuration(1n, 0xffff_ffff_ffff_ffffn);
    await log.removeThrough(index(highest - 4), {
      index: index(highest - 4),
      term: term(5),
      configuration: members,
    });
    const entries = [
      { kind: 'no-op', term: term(6), index: index(highest - 3) },
      { kind: 'configuration', term: term(6), index: index(highest - 2), configuration: members },
      { kind: 'command', term: term(highest), index: index(highest - 1), data: new Uint8Array() },
    ] as const;
    const state = hardState(highest, highest - 4, 0xffff_ffff_ffff_ffffn);
    await log.append([entriesWrite(entries, state)]);
    disk.losePower();
    const { recovered } = await openLog(disk);
    assert.deepEqual(recovered.entries, entries);
    assert.deepEqual(recovered.hardState, state);
    assert.deepEqual(recovered.configurations, [entries[1]]);
  });

  test('refuses what would break a promise, before it writes anything', async () => {
    const { disk, log } = await newLog();
    await log.append([entriesWrite(commands(2, 1, 5), hardState(2, 3, 1n))]);
    const broken = [
      [entriesWrite([], hardState(1, 3, 1n)), /the term went back/],
      [entriesWrite([], hardState(2, 3, 2n)), /the vote in term 2 changed/],
      [entriesWrite([], hardState(2, 3, null)), /the vote in term 2 changed/],
      [entriesWrite([], hardState(2, 2, 1n)), /the commit index went back/],
      [entriesWrite([], hardState(2, 6, 1n)), /the commit index 6 is beyond/],
      [entriesWrite(commands(2, 3, 3)), /entry 3 fits nowhere/],
      [entriesWrite(commands(2, 7, 7)), /entry 7 fits nowhere/],
      [entriesWrite([command(2, 6), command(2, 8)]), /entry 8 stands where 7 belongs/],
      [entriesWrite([command(3, 6)]), /entry 6 has term 3/],
      [{ hardState: hardState(3, 3), entries: [], sync: false }, /only the commit index/],
    ] as const;
    for (const [write, message] of broken) {
      const operations = await operationsOf(disk, async () => {
        await assert.rejects(log.append([write]), { name: 'AssertionError', message });
      });
      assert.deepEqual(operations, []);
    }
  });

  test('is for one caller at a time', async () => {
    const { log } = await newLog();
    const first = log.append([entriesWrite(commands(1, 1, 1), hardState(1))]);
    await assert.rejects(log.append([entriesWrite(commands(1, 2, 2))]), { name: 'AssertionError' });
    await assert.rejects(log.close(), { name: 'AssertionError' });
    await first;
    await log.close();
    await assert.rejects(log.append([]), { code: 'closed' });
    await assert.rejects(log.read(index(1), index(1), 1), { code: 'closed' });
  });
});

describe('read', () => {
  test('stops after the entry that reaches the limit, and gives one at least', async () => {
    const { log } = await newLog();
    await log.append([entriesWrite(commands(1, 1, 9, 100), hardState(1))]);
    const count = async (maxBytes: number) => (await log.read(index(2), index(8), maxBytes)).length;
    assert.deepEqual(await Promise.all([0, 1, 100, 101, 300, 301, 10_000].map(count)), [1, 1, 1, 2, 3, 4, 7]);
  });

  test('does not see an append that runs meanwhile', async () => {
    const { disk, log } = await newLog();
    await log.append([entriesWrite(commands(1, 1, 40, 50), hardState(1))]);
    // The disk does one operation at a time, in the order of the calls, so that the two interleave.
    let turn = Promise.resolve();
    disk.latency = () => (turn = turn.then(() => undefined));
    const reading = log.read(index(1), index(40), 1e6);
    await log.append([entriesWrite(commands(2, 20, 60, 50), hardState(2))]);
    assert.deepEqual(await reading, commands(1, 1, 40, 50));
    assert.deepEqual(await log.read(index(1), index(60), 1e6), [
      ...commands(1, 1, 19, 50),
      ...commands(2, 20, 60, 50),
    ]);
  });

  test('finds every entry by itself, though only some places are remembered', async () => {
    const { log } = await newLog({ segmentMaxBytes: 256 * 1024 });
    const entries = commands(1, 1, 700, 300);
    await log.append([entriesWrite(entries, hardState(1))]);
    for (const entry of entries) assert.deepEqual(await log.read(entry.index, entry.index, 1), [entry]);
  });

  test('notices damage, with the file and the offset', async () => {
    const { disk, log } = await newLog();
    await log.append([entriesWrite(commands(1, 1, 2), hardState(1))]);
    const file = `${LOG_DIRECTORY}/0000000000000001.wal`;
    disk.poke(file, 190, Uint8Array.of(0xff));
    await assert.rejects(log.read(index(1), index(2), 1e6), { code: 'damaged', file });
  });

  test('of removed entries is refused', async () => {
    const { log } = await newLog();
    await log.append([entriesWrite(commands(1, 1, 9), hardState(1, 9))]);
    await log.removeThrough(index(4), { index: index(6), term: term(1), configuration: configuration(1n) });
    await assert.rejects(log.read(index(4), index(9), 1e6), { code: 'removed' });
    assert.equal((await log.read(index(5), index(9), 1e6)).length, 5);
  });
});

describe('removal', () => {
  const snapshotAt = (at: number, ofTerm: number) => ({
    index: index(at),
    term: term(ofTerm),
    configuration: configuration(1n, 2n),
  });

  test('deletes whole segments, and keeps what the log remembers of them', async () => {
    const { disk, log } = await newLog();
    await log.append([entriesWrite(commands(1, 1, 10), hardState(1, 0, 1n))]);
    await log.append([entriesWrite(commands(2, 11, 100, 200), hardState(2, 90, 2n))]);
    const before = (await readFiles(disk)).size;
    await log.removeThrough(index(80), snapshotAt(85, 2));
    assert((await readFiles(disk)).size <= before - 3);
    assert.equal(log.firstIndex, 81);
    disk.losePower();
    const { recovered } = await openLog(disk);
    assert.deepEqual(recovered.hardState, hardState(2, 90, 2n));
    assert.deepEqual(recovered.snapshot, snapshotAt(85, 2));
    assert.deepEqual(recovered.entries, commands(2, 81, 100, 200));
    assert.deepEqual(recovered.terms, [{ term: 2, firstIndex: 81 }]);
    assert.equal(recovered.previousTerm, 2);
  });

  test('by a snapshot beyond the log, or one that contradicts it, leaves an empty log behind the snapshot', async () => {
    for (const at of [4, 50]) {
      const { disk, log } = await newLog();
      await log.append([entriesWrite(commands(1, 1, 9), hardState(2, 3))]);
      await log.removeThrough(index(at), snapshotAt(at, 2));
      assert.equal(log.lastIndex, at);
      await log.append([entriesWrite(commands(2, at + 1, at + 2))]);
      disk.losePower();
      const { recovered } = await openLog(disk);
      assert.deepEqual(recovered.entries, commands(2, at + 1, at + 2));
      assert.equal(recovered.previousTerm, 2);
      assert.equal(recovered.hardState.commit, at);
    }
  });

  test("by a leader's snapshot commits what it holds, also for a vote that does not know that yet", async () => {
    const { disk, log } = await newLog();
    await log.append([entriesWrite(commands(1, 1, 9), hardState(2, 3))]);
    await log.removeThrough(index(50), snapshotAt(50, 2));
    await log.append([{ hardState: hardState(3, 4, 2n), entries: [], sync: true }]);
    disk.losePower();
    const { recovered } = await openLog(disk);
    assert.deepEqual(recovered.hardState, hardState(3, 50, 2n));
  });

  test('waits for reads that need what it deletes', async () => {
    const { disk, log } = await newLog();
    await log.append([entriesWrite(commands(1, 1, 100, 200), hardState(1, 100))]);
    let turn = Promise.resolve();
    disk.latency = () => (turn = turn.then(() => undefined));
    const reading = log.read(index(1), index(100), 1e6);
    await log.removeThrough(index(99), snapshotAt(100, 1));
    assert.deepEqual(await reading, commands(1, 1, 100, 200));
  });

  test('refuses what would lose entries', async () => {
    const { log } = await newLog();
    await log.append([entriesWrite(commands(1, 1, 9), hardState(1, 5))]);
    await log.removeThrough(index(4), snapshotAt(5, 1));
    await assert.rejects(log.removeThrough(index(7), snapshotAt(6, 1)), /are in no snapshot/);
    await assert.rejects(log.removeThrough(index(3), snapshotAt(6, 1)), /have been removed already/);
    await assert.rejects(log.removeThrough(index(4), snapshotAt(4, 1)), /an older snapshot/);
    await assert.rejects(log.removeThrough(index(5), snapshotAt(5, 2)), /contradicts committed entries/);
    await assert.rejects(log.removeThrough(index(6), snapshotAt(50, 2)), /removes all entries up to its own/);
    assert.equal(log.firstIndex, 5);
  });
});

describe('a failure of the disk', () => {
  test('while writing or syncing stops the log for good, with the same error for every call', async () => {
    for (const kind of ['write', 'sync'] as const) {
      const { disk, log } = await newLog();
      await log.append([entriesWrite(commands(1, 1, 2), hardState(1))]);
      disk.fault = failAt(kind, 'EIO');
      const error = await log.append([entriesWrite(commands(1, 3, 3))]).catch((reason: unknown) => reason);
      assert(error instanceof StorageError);
      assert.equal(error.code, 'disk-failed');
      assert.equal(error.file, `${LOG_DIRECTORY}/0000000000000001.wal`);
      disk.fault = null;
      const same = (reason: unknown): boolean => reason === error;
      await assert.rejects(log.append([entriesWrite(commands(1, 3, 3))]), same);
      await assert.rejects(log.append([]), same);
      await assert.rejects(log.read(index(1), index(1), 1), same);
      await assert.rejects(
        log.removeThrough(index(1), { index: index(1), term: term(1), configuration: configuration(1n) }),
        same,
      );
      await log.close();
    }
  });

  test('of permissions is named as such', async () => {
    const { disk } = await emptyDisk();
    disk.fault = failAt('open', 'EROFS');
    await assert.rejects(openLog(disk), { code: 'not-writable' });
  });

  test('that the cache hides is not believed by the next start', async () => {
    // The sync fails, and the cache goes on showing what never reached the disk. A new process finds the
    // entry, promises it to others, and then the power fails.
    const { disk, log } = await newLog();
    disk.fault = failAt('sync', 'EIO');
    await assert.rejects(log.append([entriesWrite(commands(1, 1, 1), hardState(1))]), {
      code: 'disk-failed',
    });
    disk.killProcesses();
    disk.fault = null;
    const second = await openLog(disk);
    assert.equal(second.lastIndex, 1);
    disk.losePower();
    assert.equal((await openLog(disk)).lastIndex, 1);
  });
});

describe('a full disk', () => {
  test('stops the log without losing anything acknowledged; with space again it goes on', async () => {
    const { disk, log } = await newLog();
    disk.capacityBytes = 3 * 4096;
    let acknowledged = 0;
    await assert.rejects(
      async () => {
        for (;;) {
          const next = acknowledged + 1;
          await log.append([entriesWrite([command(1, next, 500)], hardState(1, acknowledged))]);
          acknowledged = next;
        }
      },
      { code: 'disk-full', message: /free some space/ },
    );
    await log.close();
    assert(acknowledged > 15);

    // While the disk is full a restart works as far as the last segment has room.
    const full = await openLog(disk);
    assert.deepEqual(full.recovered.entries.at(-1), command(1, acknowledged, 500));
    await assert.rejects(full.append([entriesWrite([command(1, acknowledged + 1, 3900)])]), {
      code: 'disk-full',
    });
    await full.close();

    disk.capacityBytes = 1e6;
    const freed = await openLog(disk);
    assert.equal(freed.lastIndex, acknowledged);
    await freed.append([entriesWrite([command(1, acknowledged + 1, 3900)])]);
    disk.losePower();
    const { recovered } = await openLog(disk);
    assert.deepEqual(recovered.entries, [
      ...commands(1, 1, acknowledged, 500),
      command(1, acknowledged + 1, 3900),
    ]);
  });
});

describe('opening', () => {
  test('gives the newest entries up to its limit, and lets go of them at the first write', async () => {
    const { disk, log } = await newLog();
    await log.append([entriesWrite(commands(1, 1, 200, 200), hardState(1))]);
    await log.close();
    const { recovered } = await openLog(disk, { recoveredCacheMaxBytes: 10_000 });
    assert(recovered.entries.length > 10 && recovered.entries.length < 50);
    assert.deepEqual(recovered.entries, commands(1, 201 - recovered.entries.length, 200, 200));

    const none = await openLog(disk, { recoveredCacheMaxBytes: 0 });
    assert.deepEqual(none.recovered.entries, []);
    assert.equal(none.recovered.lastIndex, 200);

    const all = await openLog(disk);
    assert.equal(all.recovered.entries.length, 200);
    await all.append([entriesWrite([command(1, 201)])]);
    assert.deepEqual(all.recovered.entries, []);
  });

  test('leaves no file open when it is closed', async () => {
    const { disk } = await emptyDisk();
    const fileSystem = new MemoryFileSystem(disk);
    const log = await openLog(disk, { fileSystem });
    await log.append([entriesWrite(commands(1, 1, 100, 200), hardState(1))]);
    await log.read(index(1), index(100), 1e6);
    await log.close();
    await log.close();
    assert.equal(fileSystem.openFiles, 0);
  });

  test('and closing at once does not wait for the next segment to be prepared', async () => {
    const { disk, log } = await newLog({ segmentMaxBytes: 8 * 1024 * 1024 });
    // Each fills more than half of a segment; the one that is prepared last takes eight writes.
    for (const [at, size] of [600_000, 1_200_000, 2_400_000].entries()) {
      await log.append([entriesWrite([command(1, at + 1, size)], hardState(1))]);
    }
    const operations = await operationsOf(disk, () => log.close());
    assert(operations.filter((kind) => kind === 'write').length < 8);
    assert(![...(await readFiles(disk)).keys()].includes('spare.tmp'));
  });

  test('is the same from the same bytes: nothing depends on time', async () => {
    const contents = async () => {
      const { disk, log } = await newLog();
      await log.append([entriesWrite(commands(1, 1, 100, 200), hardState(1))]);
      await log.close();
      return readFiles(disk);
    };
    assert.deepEqual(await contents(), await contents());
  });
});
