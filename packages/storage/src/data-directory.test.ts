import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type MemberId, toLogIndex, toMemberId } from '@quorate/raft';
import { DataDirectory } from './data-directory.ts';
import type { Identity } from './identity-file.ts';
import { NodeFileSystem } from './node-file-system.ts';
import { StorageError } from './storage-error.ts';
import { commands, entriesWrite, hardState } from './testing/log-fixture.ts';
import { type DiskFault, type DiskOperation, MemoryDisk } from './testing/memory-disk.ts';
import { MemoryFileSystem } from './testing/memory-file-system.ts';
import { runSource } from './testing/run-source.ts';
import { seededRandom } from './testing/seeded-random.ts';
import { WriteAheadLog } from './write-ahead-log.ts';

const PATH = '/var/lib/quorate';
const identity: Identity = { clusterId: 0xc1n, memberId: 0xa1n as MemberId, name: 'alpha' };
const random = seededRandom(3);

function newDisk(): MemoryDisk {
  return new MemoryDisk({ random: seededRandom(1) });
}

function openOn(disk: MemoryDisk, expected: Identity = identity, path = PATH): Promise<DataDirectory> {
  const fileSystem = new MemoryFileSystem(disk);
  return DataDirectory.open({ fileSystem, path, identity: expected, random, segmentMaxBytes: 4096 });
}

async function refusal(disk: MemoryDisk, expected: Identity = identity): Promise<StorageError> {
  try {
    await openOn(disk, expected);
  } catch (error) {
    assert(error instanceof StorageError, String(error));
    return error;
  }
  return assert.fail('the directory was opened');
}

/** A directory that was opened and closed, and has some entries in its log if asked for. */
async function usedDisk(entries: number): Promise<MemoryDisk> {
  const disk = newDisk();
  const directory = await openOn(disk);
  const log = await WriteAheadLog.open({
    fileSystem: new MemoryFileSystem(disk),
    directory: directory.logDirectory,
    random,
  });
  if (entries > 0) await log.append([entriesWrite(commands(1, 1, entries), hardState(1))]);
  await log.close();
  await directory.close();
  return disk;
}

/** How many disk operations it takes to create a directory. */
async function creationOperations(): Promise<number> {
  const disk = newDisk();
  await openOn(disk);
  return disk.operations;
}

/** Opens the directory, with a fault at some operation; whether it was opened nevertheless. */
async function openWithFault(
  disk: MemoryDisk,
  isFaulty: (operation: DiskOperation) => boolean,
  fault: DiskFault,
): Promise<boolean> {
  disk.fault = (operation) => (isFaulty(operation) ? fault : null);
  try {
    await openOn(disk);
    return true;
  } catch (error) {
    assert(error instanceof StorageError, String(error));
    assert.equal(error.code, 'disk-failed');
    return false;
  } finally {
    disk.fault = null;
    disk.killProcesses();
  }
}

async function assertEmpty(disk: MemoryDisk): Promise<DataDirectory> {
  const directory = await openOn(disk);
  const fileSystem = new MemoryFileSystem(disk);
  const log = await WriteAheadLog.open({ fileSystem, directory: directory.logDirectory, random });
  assert.equal(log.lastIndex, 0);
  await log.close();
  return directory;
}

describe('a data directory', () => {
  test('is created with its parents, and remembers whose it is', async () => {
    const disk = newDisk();
    const first = await openOn(disk, identity, `${PATH}/`);
    assert.equal(first.isNew, true);
    assert.equal(first.path, PATH);
    assert.equal(first.logDirectory, `${PATH}/log`);
    assert.equal(first.stateDirectory, `${PATH}/state`);
    assert.deepEqual(JSON.parse(new TextDecoder().decode(disk.peek(`${PATH}/identity.json`))), {
      formatVersion: 2,
      clusterId: 'c1',
      memberId: 'a1',
      name: 'alpha',
    });
    await first.close();
    const second = await openOn(disk, { ...identity, name: 'renamed' });
    assert.equal(second.isNew, false);
    assert.deepEqual(second.identity, identity);
  });

  test('that was opened survives a power loss, at once', async () => {
    for (let seed = 0; seed < 100; seed += 1) {
      const disk = new MemoryDisk({ random: seededRandom(seed) });
      await openOn(disk);
      disk.losePower();
      const again = await openOn(disk);
      assert.equal(again.isNew, false);
    }
  });

  test('whose creation was interrupted is created by the next start, wherever that was', async () => {
    const faults: readonly DiskFault[] = [
      { kind: 'power-loss' },
      { kind: 'process-death' },
      { kind: 'fail', code: 'EIO' },
    ];
    const operations = await creationOperations();
    for (const fault of faults) {
      for (let at = 1; at <= operations + 1; at += 1) {
        const disk = new MemoryDisk({ random: seededRandom(at) });
        assert.equal(await openWithFault(disk, ({ number }) => number === at, fault), at > operations);
        disk.losePower();
        await assertEmpty(disk);
      }
    }
  });

  test('whose creation was interrupted twice, too', async () => {
    const operations = await creationOperations();
    for (let first = 1; first <= operations; first += 1) {
      for (let second = 1; second <= operations; second += 1) {
        const disk = new MemoryDisk({ random: seededRandom(first * 100 + second) });
        await openWithFault(disk, ({ number }) => number === first, { kind: 'process-death' });
        const later = disk.operations + second;
        const opened = await openWithFault(disk, ({ number }) => number === later, { kind: 'power-loss' });
        disk.losePower();
        assert.equal((await assertEmpty(disk)).isNew && opened, false, 'it was opened, and is gone');
      }
    }
  });

  test('gets its identity only when the log is durable, whoever created that', async () => {
    const operations = await creationOperations();
    for (let first = 1; first <= operations; first += 1) {
      for (let seed = 0; seed < 10; seed += 1) {
        const disk = new MemoryDisk({ random: seededRandom(seed) });
        await openWithFault(disk, ({ number }) => number === first, { kind: 'process-death' });
        const isNaming = ({ kind, path }: DiskOperation) => kind === 'rename' && path.includes('identity');
        await openWithFault(disk, isNaming, { kind: 'power-loss' });
        await assertEmpty(disk);
      }
    }
  });

  test('of another cluster or member is refused, with both named and what to do', async () => {
    const disk = await usedDisk(0);
    const cluster = await refusal(disk, { ...identity, clusterId: 0xc2n });
    assert.equal(cluster.code, 'wrong-cluster');
    assert.equal(
      cluster.message,
      'the data directory /var/lib/quorate belongs to member a1 ("alpha") of cluster c1, and this is member a1 ("alpha") of cluster c2: choose another data directory, or correct the configuration of this member',
    );
    const member = await refusal(disk, { ...identity, memberId: 0xb2n as MemberId, name: 'beta' });
    assert.equal(member.code, 'wrong-member');
    assert.match(
      member.message,
      /belongs to member a1 \("alpha"\) of cluster c1, and this is member b2 \("beta"\)/,
    );
    // A refusal keeps nothing locked.
    await (await openOn(disk)).close();
  });

  test('of a newer format is refused', async () => {
    const disk = await usedDisk(0);
    const newer = JSON.stringify({ formatVersion: 3, anything: [] });
    disk.truncate(`${PATH}/identity.json`, 0);
    disk.poke(`${PATH}/identity.json`, 0, new TextEncoder().encode(newer));
    const error = await refusal(disk);
    assert.equal(error.code, 'newer-format');
    assert.match(error.message, /format version 3, and this version of Quorate reads up to 2/);
  });

  test('of the previous format is opened, and marked as one of this format, whatever crash there is', async () => {
    const older = JSON.stringify({ formatVersion: 1, clusterId: 'c1', memberId: 'a1', name: 'alpha' });
    for (let operation = 1; ; operation += 1) {
      const disk = await usedDisk(3);
      disk.truncate(`${PATH}/identity.json`, 0);
      disk.poke(`${PATH}/identity.json`, 0, new TextEncoder().encode(older));
      const first = disk.operations + operation;
      const isOpened = await openWithFault(disk, ({ number }) => number === first, { kind: 'power-loss' });
      const directory = await openOn(disk);
      assert.deepEqual(directory.identity, identity);
      await directory.close();
      const text = new TextDecoder().decode(disk.peek(`${PATH}/identity.json`));
      assert.partialDeepStrictEqual(JSON.parse(text), { formatVersion: 2, name: 'alpha' });
      if (isOpened) break;
    }
  });

  test('with an identity that makes no sense is damaged', async () => {
    const texts = [
      '',
      '[]x',
      '7',
      'null',
      '{}',
      '{"formatVersion":0}',
      '{"formatVersion":1,"clusterId":"c1","memberId":"a1"}',
      '{"formatVersion":1,"clusterId":"c1","memberId":"","name":""}',
      '{"formatVersion":1,"clusterId":"11223344556677889","memberId":"a1","name":""}',
      '{"formatVersion":2,"clusterId":"c1","memberId":"a1","name":"","joinedAt":7,"joinedPeers":{}}',
      '{"formatVersion":2,"clusterId":"c1","memberId":"a1","name":"","joinedAt":7,"joinedPeers":[7]}',
      '{"formatVersion":2,"clusterId":"c1","memberId":"a1","name":"","joinedAt":7,"joinedPeers":[{"id":"g","urls":[]}]}',
      '{"formatVersion":2,"clusterId":"c1","memberId":"a1","name":"","joinedAt":7,"joinedPeers":[{"id":"b2","urls":[7]}]}',
    ];
    for (const text of texts) {
      const disk = await usedDisk(0);
      disk.truncate(`${PATH}/identity.json`, 0);
      disk.poke(`${PATH}/identity.json`, 0, new TextEncoder().encode(text));
      const error = await refusal(disk);
      assert.equal(error.code, 'damaged', text);
      assert.equal(error.file, `${PATH}/identity.json`);
    }
  });

  test('that lost its log is damaged: the member must not forget what it promised', async () => {
    const disk = await usedDisk(0);
    disk.delete(`${PATH}/log/0000000000000001.wal`);
    const error = await refusal(disk);
    assert.equal(error.code, 'damaged');
    assert.match(error.message, /the log is missing/);
  });

  test('that lost its identity is damaged, unless its log is empty', async () => {
    const empty = await usedDisk(0);
    empty.delete(`${PATH}/identity.json`);
    assert.equal((await openOn(empty)).isNew, true);
    const used = await usedDisk(1);
    used.delete(`${PATH}/identity.json`);
    const error = await refusal(used);
    assert.equal(error.code, 'damaged');
    assert.equal(error.file, `${PATH}/identity.json`);
  });

  test('on a disk that is full, read-only or broken says which', async () => {
    const codes = { ENOSPC: 'disk-full', EROFS: 'not-writable', EACCES: 'not-writable', EIO: 'disk-failed' };
    for (const [code, expected] of Object.entries(codes)) {
      for (const kind of ['make-directory', 'lock', 'write', 'rename'] as const) {
        const disk = newDisk();
        disk.fault = (operation) => (operation.kind === kind ? { kind: 'fail', code } : null);
        assert.equal((await refusal(disk)).code, expected, `${kind} fails with ${code}`);
      }
    }
  });

  test('in a place where nothing can be created is refused, not tried for ever', async () => {
    const disk = newDisk();
    disk.fault = ({ kind, path }) =>
      kind === 'make-directory' && path.startsWith(PATH) ? { kind: 'fail', code: 'ENOENT' } : null;
    assert.equal((await refusal(disk)).code, 'disk-failed');
  });

  test('that is in use is refused until it is closed', async () => {
    const disk = newDisk();
    const first = await openOn(disk);
    const error = await refusal(disk);
    assert.equal(error.code, 'locked');
    assert.equal(
      error.message,
      'the data directory /var/lib/quorate is in use by another process: stop that one first, or choose another directory for this member',
    );
    await first.close();
    await (await openOn(disk)).close();
  });
});

describe('whose directory it is', () => {
  test('may be decided when it is known whether there is one', async () => {
    const disk = newDisk();
    const joinedPeers = [{ id: toMemberId(0xa2n), urls: ['http://n2:2380'] }];
    const joined: Identity = { ...identity, joinedAt: toLogIndex(7), joinedPeers };
    const asked: (Identity | null)[] = [];
    const open = async (answer: Identity): Promise<DataDirectory> =>
      DataDirectory.open({
        fileSystem: new MemoryFileSystem(disk),
        path: PATH,
        random,
        identity: async (found) => {
          asked.push(found);
          return found ?? answer;
        },
      });
    const first = await open(joined);
    assert.deepEqual(first.identity, joined);
    await first.close();
    const second = await open({ ...identity, name: 'not asked for' });
    assert.deepEqual(second.identity, joined);
    assert.deepEqual(asked, [null, joined]);
    await second.close();
  });

  test('stays undecided, and nothing is written, if that fails', async () => {
    const disk = newDisk();
    const fileSystem = new MemoryFileSystem(disk);
    const failing = async (): Promise<Identity> => Promise.reject(new Error('nobody answers'));
    await assert.rejects(DataDirectory.open({ fileSystem, path: PATH, random, identity: failing }), {
      message: 'nobody answers',
    });
    const directory = await openOn(disk);
    assert.equal(directory.isNew, true);
    await directory.close();
  });

  test('keeps the word that a founder was given', async () => {
    const disk = newDisk();
    await (await openOn(disk, { ...identity, token: 'east' })).close();
    const again = await openOn(disk);
    assert.equal(again.identity.token, 'east');
    await again.close();
  });
});

const MEMBER = `
  import { DataDirectory } from '@quorate/storage';
  import { NodeFileSystem } from '@quorate/storage/node';
  const open = () => DataDirectory.open({
    fileSystem: new NodeFileSystem(),
    path: process.argv[1],
    identity: { clusterId: 0xc1n, memberId: 0xa1n, name: 'alpha' },
    random: { integer: (bound) => Math.floor(Math.random() * bound) },
    segmentMaxBytes: 4096,
  });
  await open().then(
    () => { process.stdout.write('opened'); setInterval(() => undefined, 1000); },
    (error) => process.stdout.write(error.code + ': ' + error.message),
  );
`;

test('two processes that start together on one new directory: one gets it, the other is told who', async (context) => {
  const parent = await mkdtemp(join(tmpdir(), 'quorate-directory-'));
  context.after(() => rm(parent, { recursive: true }));
  const path = join(parent, 'data');
  const members = await Promise.all([runSource(context, MEMBER, path), runSource(context, MEMBER, path)]);
  const winner = members.find((member) => member.said === 'opened') ?? assert.fail('nobody got it');
  const loser = members.find((member) => member !== winner) ?? assert.fail();
  assert.match(loser.said, /^locked: .* is in use by (another process|process \d+): stop that one first/);

  const third = await runSource(context, MEMBER, path);
  assert.match(third.said, new RegExp(`is in use by process ${winner.pid}:`));
  await winner.kill();

  const successor = await DataDirectory.open({ fileSystem: new NodeFileSystem(), path, identity, random });
  assert.equal(successor.isNew, false);
  await successor.close();
});
