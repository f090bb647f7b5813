import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { testFileSystem } from './file-system-contract.ts';
import { type DiskFault, MemoryDisk } from './memory-disk.ts';
import { MemoryFileSystem } from './memory-file-system.ts';
import { seededRandom } from './seeded-random.ts';

testFileSystem('the simulated disk', async () => {
  const disk = new MemoryDisk({ random: seededRandom(1) });
  const fileSystem = new MemoryFileSystem(disk);
  await fileSystem.makeDirectory('/data');
  return {
    fileSystem,
    directory: '/data',
    other: new MemoryFileSystem(disk),
    tearDown: async () => undefined,
  };
});

const payload = Uint8Array.from({ length: 2000 }, (_, at) => 1 + (at % 250));

/** A disk with a durable, empty file `/file`, and what a power loss made of one write to it. */
async function tornWrite(seed: number, synced: boolean): Promise<Uint8Array> {
  const disk = new MemoryDisk({ random: seededRandom(seed) });
  const fileSystem = new MemoryFileSystem(disk);
  const file = await fileSystem.open('/file', 'create');
  await fileSystem.syncDirectory('/');
  await file.write(payload, 0);
  if (synced) await file.sync();
  disk.losePower();
  return disk.peek('/file');
}

const seeds = Array.from({ length: 200 }, (_, seed) => seed);

describe('the simulated disk, when power is lost', () => {
  test('keeps what was synced', async () => {
    for (const seed of seeds) assert.deepEqual(await tornWrite(seed, true), payload);
  });

  test('keeps all, nothing, a prefix, or some sectors of what was not', async () => {
    const outcomes = { all: 0, nothing: 0, prefix: 0, pieces: 0 };
    for (const seed of seeds) {
      const found = await tornWrite(seed, false);
      for (const [at, byte] of found.entries()) assert(byte === 0 || byte === payload[at]);
      const lost = found.indexOf(0);
      if (found.length === 0) outcomes.nothing += 1;
      else if (lost >= 0) outcomes.pieces += 1;
      else if (found.length === payload.length) outcomes.all += 1;
      else outcomes.prefix += 1;
    }
    for (const [outcome, count] of Object.entries(outcomes)) assert(count > 0, `never ${outcome}`);
  });

  test('keeps or loses each name that was not synced', async () => {
    const found = new Set<string>();
    for (const seed of seeds) {
      const disk = new MemoryDisk({ random: seededRandom(seed) });
      const before = new MemoryFileSystem(disk);
      await (await before.open('/old', 'create')).close();
      await before.syncDirectory('/');
      await before.rename('/old', '/new');
      await (await before.open('/other', 'create')).close();
      disk.losePower();
      found.add([...(await new MemoryFileSystem(disk).list('/'))].sort().join());
    }
    assert.deepEqual([...found].sort(), ['new', 'new,other', 'old', 'old,other']);
  });

  test('drops locks, and the dead process has no effect any more', async () => {
    const disk = new MemoryDisk({ random: seededRandom(1) });
    const dead = new MemoryFileSystem(disk);
    const file = await dead.open('/file', 'create');
    await dead.syncDirectory('/');
    const held = await dead.lock('/lock');
    assert(held.kind === 'acquired');
    disk.losePower();
    const alive = new MemoryFileSystem(disk);
    assert.equal((await alive.lock('/lock')).kind, 'acquired');
    await held.lock.release();
    assert.equal((await alive.lock('/lock')).kind, 'held');
    await assert.rejects(file.write(payload, 0), { code: 'EIO' });
    await assert.rejects(dead.remove('/file'), { code: 'EIO' });
    assert.equal(disk.peek('/file').length, 0);
  });
});

describe('the simulated disk, when something fails', () => {
  test('a process that dies loses nothing that was written', async () => {
    const disk = new MemoryDisk({ random: seededRandom(1) });
    const file = await new MemoryFileSystem(disk).open('/file', 'create');
    await file.write(payload, 0);
    disk.killProcesses();
    assert.deepEqual(disk.peek('/file'), payload);
  });

  test('after a failed sync the cache lies: the next one succeeds and writes nothing', async () => {
    let lied = 0;
    for (const seed of seeds) {
      let fault: DiskFault | null = { kind: 'fail', code: 'EIO' };
      const disk = new MemoryDisk({
        random: seededRandom(seed),
        fault: ({ kind }) => (kind === 'sync' ? fault : null),
      });
      const fileSystem = new MemoryFileSystem(disk);
      const file = await fileSystem.open('/file', 'create');
      await fileSystem.syncDirectory('/');
      await file.write(payload, 0);
      await assert.rejects(file.sync(), { code: 'EIO' });
      fault = null;
      await file.sync();
      assert.deepEqual(disk.peek('/file'), payload);
      disk.losePower();
      if (Buffer.compare(disk.peek('/file'), payload) !== 0) lied += 1;
    }
    assert(lied > 0);
  });

  test('a full disk takes what fits and refuses the rest, until something is removed', async () => {
    const disk = new MemoryDisk({ random: seededRandom(1), capacityBytes: 2500 });
    const fileSystem = new MemoryFileSystem(disk);
    const first = await fileSystem.open('/first', 'create');
    const second = await fileSystem.open('/second', 'create');
    await first.write(payload, 0);
    await assert.rejects(second.write(payload, 0), { code: 'ENOSPC' });
    assert.deepEqual(disk.peek('/second'), payload.subarray(0, 500));
    await first.write(payload, 0);
    await fileSystem.remove('/first');
    await second.write(payload, 0);
    assert.deepEqual(disk.peek('/second'), payload);
  });

  test('faults and latency are asked for every operation, in order', async () => {
    const seen: string[] = [];
    const disk = new MemoryDisk({
      random: seededRandom(1),
      latency: async ({ kind, path, number }) => {
        seen.push(`${number} ${kind} ${path}`);
      },
      fault: ({ kind }) => (kind === 'rename' ? { kind: 'fail', code: 'EACCES' } : null),
    });
    const fileSystem = new MemoryFileSystem(disk);
    const file = await fileSystem.open('/file', 'create');
    await file.write(payload, 0);
    await assert.rejects(fileSystem.rename('/file', '/other'), { code: 'EACCES' });
    assert.deepEqual(seen, ['1 open /file', '2 write /file', '3 rename /file']);
    assert.deepEqual(await fileSystem.list('/'), ['file']);
  });
});
