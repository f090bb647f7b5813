import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { MemoryEngine, Store, summarizeSnapshot } from '@quorate/kv';
import { PutRequest } from '@quorate/protocol';
import { type FileSystem, SnapshotDirectory, WriteAheadLog } from '@quorate/storage';
import { MemoryDisk, MemoryFileSystem, seededRandom } from '@quorate/storage/testing';
import { clusterIdentity } from '../configuration/cluster-identity.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { SoloMember } from '../testing/solo-member.ts';
import { openBackupFile, saveBackup } from './backup-file.ts';
import { openBackup } from './backup-stream.ts';
import { restoreBackup, type RestoreOptions } from './restore-backup.ts';

const file = '/backups/daily.snapshot';

async function memberWith(keys: number, valueBytes = 100): Promise<SoloMember> {
  const member = new SoloMember(new ManualClock());
  for (let key = 0; key < keys; key += 1) {
    const put = PutRequest.create({ key: Buffer.from(`key ${key}`), value: new Uint8Array(valueBytes) });
    await member.propose({ $case: 'put', put }, { deadlineMs: 1_000 });
  }
  return member;
}

async function newDisk(): Promise<{ disk: MemoryDisk; fileSystem: MemoryFileSystem }> {
  const disk = new MemoryDisk({ random: seededRandom(1) });
  const fileSystem = new MemoryFileSystem(disk);
  await fileSystem.makeDirectory('/backups');
  return { disk, fileSystem };
}

async function read(fileSystem: FileSystem, path: string): Promise<Buffer> {
  const opened = await fileSystem.open(path, 'read');
  const bytes = Buffer.alloc(await opened.size());
  await opened.read(bytes, 0);
  await opened.close();
  return bytes;
}

async function write(fileSystem: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  await fileSystem.remove(path).catch(() => undefined);
  const opened = await fileSystem.open(path, 'create');
  await opened.write(bytes, 0);
  await opened.sync();
  await opened.close();
}

/** What a client of etcd saves. */
function withTrailer(snapshot: Uint8Array): Buffer {
  const rest = (snapshot.length + 2) % 512;
  const padding = Buffer.alloc(2 + (rest === 0 ? 0 : 512 - rest));
  padding.writeUInt16LE(padding.length, padding.length - 2);
  const stream = Buffer.concat([snapshot, padding]);
  return Buffer.concat([stream, createHash('sha256').update(stream).digest()]);
}

async function keysOf(fileSystem: FileSystem): Promise<number> {
  const backup = await openBackupFile(fileSystem, file);
  try {
    return (await summarizeSnapshot(backup.content())).keys;
  } finally {
    await backup.close();
  }
}

describe('saving', () => {
  test('keeps what a member had, and replaces an older file', async () => {
    const { fileSystem } = await newDisk();
    const saved = await saveBackup(fileSystem, file, openBackup(await memberWith(20)).bytes);
    assert.equal((await read(fileSystem, file)).length, saved.sizeBytes);
    assert.equal(saved.header.description.index, 20);
    assert.equal(await keysOf(fileSystem), 20);
    await saveBackup(fileSystem, file, openBackup(await memberWith(30)).bytes);
    assert.equal(await keysOf(fileSystem), 30);
    assert.deepEqual(await fileSystem.list('/backups'), ['daily.snapshot']);
  });

  test('a stream that breaks off, or is not what was sent, leaves the older file as it was', async () => {
    const { fileSystem } = await newDisk();
    await saveBackup(fileSystem, file, openBackup(await memberWith(20)).bytes);
    const whole: Uint8Array[] = [];
    for await (const bytes of openBackup(await memberWith(2_000)).bytes) whole.push(bytes);
    assert.ok(whole.length > 4);
    const streams: (readonly Uint8Array[])[] = [
      [],
      whole.slice(0, -1),
      whole.slice(1),
      whole.with(
        2,
        (whole[2] ?? new Uint8Array(0)).map((byte, at) => (at === 20 ? byte ^ 1 : byte)),
      ),
      [...whole, new Uint8Array(600)],
      [...whole, new Uint8Array(50)],
    ];
    for (const [number, stream] of streams.entries()) {
      const source = (async function* () {
        yield* stream;
      })();
      await assert.rejects(saveBackup(fileSystem, file, source), { code: 'damaged' }, `stream ${number}`);
    }
    const broken = (async function* () {
      yield* whole.slice(0, 3);
      throw new RangeError('the connection broke');
    })();
    await assert.rejects(saveBackup(fileSystem, file, broken), RangeError);
    assert.equal(await keysOf(fileSystem), 20);
    assert.deepEqual(await fileSystem.list('/backups'), ['daily.snapshot']);
  });

  test('a full disk is a clean error, and trying again works', async () => {
    const { disk, fileSystem } = await newDisk();
    const member = await memberWith(500, 1_000);
    for (const capacity of [0, 1_000, 100_000, 400_000]) {
      disk.capacityBytes = capacity;
      await assert.rejects(saveBackup(fileSystem, file, openBackup(member).bytes), { code: 'disk-full' });
      assert.deepEqual(await fileSystem.list('/backups'), []);
    }
    disk.capacityBytes = 10_000_000;
    await saveBackup(fileSystem, file, openBackup(member).bytes);
    assert.equal(await keysOf(fileSystem), 500);
  });
});

describe('opening', () => {
  test('finds the snapshot in what a client of etcd saved, whatever its size', async () => {
    const { fileSystem } = await newDisk();
    for (let keys = 1; keys < 20; keys += 1) {
      await saveBackup(fileSystem, file, openBackup(await memberWith(keys)).bytes);
      const bytes = withTrailer(await read(fileSystem, file));
      assert.equal(bytes.length % 512, 32);
      await write(fileSystem, file, bytes);
      assert.equal(await keysOf(fileSystem), keys);
      bytes[40] = (bytes[40] ?? 0) ^ 1;
      await write(fileSystem, file, bytes);
      await assert.rejects(keysOf(fileSystem), { code: 'damaged' });
    }
  });

  test('a file that is cut anywhere is damaged, and says where', async () => {
    const { fileSystem } = await newDisk();
    await saveBackup(fileSystem, file, openBackup(await memberWith(20)).bytes);
    const bytes = await read(fileSystem, file);
    for (let length = 0; length < bytes.length; length += 37) {
      await write(fileSystem, file, bytes.subarray(0, length));
      await assert.rejects(keysOf(fileSystem), { code: 'damaged', message: /daily\.snapshot/ });
    }
  });

  test('another file is told to be none, an etcd database by its name, and a later format too', async () => {
    const { fileSystem } = await newDisk();
    await write(fileSystem, file, Buffer.from('quorum or not, this is a letter and no snapshot at all'));
    await assert.rejects(keysOf(fileSystem), {
      code: 'damaged',
      message: /does not start as a snapshot does/,
    });
    const bbolt = Buffer.alloc(8192);
    bbolt.writeUInt32LE(0xed0cdaed, 16);
    await write(fileSystem, file, bbolt);
    await assert.rejects(keysOf(fileSystem), { code: 'damaged', message: /database of etcd/ });
    await saveBackup(fileSystem, file, openBackup(await memberWith(3)).bytes);
    const bytes = await read(fileSystem, file);
    bytes.writeUInt32LE(2, 8);
    await write(fileSystem, file, bytes);
    await assert.rejects(keysOf(fileSystem), { code: 'newer-format' });
  });
});

describe('restoring', () => {
  const founding = ['n1', 'n2', 'n3'].map((name) => ({ name, peerUrl: `http://${name}:2380` }));

  function options(fileSystem: FileSystem, changes: Partial<RestoreOptions> = {}): RestoreOptions {
    const { clusterId, members } = clusterIdentity('token', founding);
    const own = members.find(({ name }) => name === 'n1');
    assert.ok(own !== undefined);
    return {
      fileSystem,
      file,
      configuration: {
        dataDir: '/data',
        name: 'n1',
        memberId: own.id,
        clusterId,
        members,
        initialClusterToken: 'token',
      },
      random: seededRandom(1),
      bumpRevision: 0,
      progress: () => undefined,
      ...changes,
    };
  }

  async function restoredStore(fileSystem: FileSystem): Promise<Store> {
    const snapshots = await SnapshotDirectory.open(fileSystem, '/data/snapshot');
    const latest = await snapshots.openLatest();
    assert.ok(latest !== null);
    const store = Store.open(new MemoryEngine());
    await store.install(latest.content(), async () => undefined);
    await latest.close();
    return store;
  }

  test('makes a founding member of another cluster, with the same keys', async () => {
    const { fileSystem } = await newDisk();
    const member = await memberWith(20);
    await saveBackup(fileSystem, file, openBackup(member).bytes);
    const portions: number[] = [];
    const restored = await restoreBackup(options(fileSystem, { progress: (part) => portions.push(part) }));
    assert.equal(restored.keys, 20);
    assert.equal(restored.revision, member.store.revision);
    assert.notEqual(restored.clusterId, clusterIdentity('token', founding).clusterId);
    assert.ok(portions.every((part) => part > 0 && part <= 1));
    const store = await restoredStore(fileSystem);
    assert.deepEqual([store.appliedIndex, store.appliedTerm], [1, 1]);
    const log = await WriteAheadLog.open({ fileSystem, directory: '/data/log', random: seededRandom(2) });
    assert.equal(log.recovered.lastIndex, 1);
    assert.equal(log.recovered.configurations[0]?.configuration.voters.length, 3);
    await log.close();
    const identity = JSON.parse((await read(fileSystem, '/data/identity.json')).toString()) as object;
    assert.equal(Reflect.get(identity, 'clusterId'), restored.clusterId.toString(16));
  });

  test('raises the revision and forgets history, if that is wanted', async () => {
    const { fileSystem } = await newDisk();
    await saveBackup(fileSystem, file, openBackup(await memberWith(20)).bytes);
    const restored = await restoreBackup(options(fileSystem, { bumpRevision: 1_000 }));
    assert.equal(restored.revision, 1_021);
    const store = await restoredStore(fileSystem);
    assert.deepEqual([store.revision, store.compactedRevision], [1_021, 1_021]);
  });

  test('refuses a directory with something in it, and leaves that alone', async () => {
    const { fileSystem } = await newDisk();
    await saveBackup(fileSystem, file, openBackup(await memberWith(20)).bytes);
    await fileSystem.makeDirectory('/data');
    await write(fileSystem, '/data/precious', Buffer.from('x'));
    await assert.rejects(restoreBackup(options(fileSystem)), { code: 'not-empty', message: /precious/ });
    assert.deepEqual((await read(fileSystem, '/data/precious')).toString(), 'x');
    await fileSystem.remove('/data/precious');
    await restoreBackup(options(fileSystem));
    await assert.rejects(restoreBackup(options(fileSystem)), { code: 'not-empty' });
  });

  test('a damaged file or a full disk leaves no directory that a member could start on; then it works', async () => {
    const { disk, fileSystem } = await newDisk();
    await saveBackup(fileSystem, file, openBackup(await memberWith(500, 1_000)).bytes);
    const bytes = await read(fileSystem, file);
    const used = bytes.length;
    for (const free of [0, 100, 10_000, 300_000, 600_000]) {
      disk.capacityBytes = used + free;
      await assert.rejects(restoreBackup(options(fileSystem)), { code: 'disk-full' });
      for (const directory of ['log', 'snapshot']) {
        assert.deepEqual(await fileSystem.list(`/data/${directory}`).catch(() => []), []);
      }
    }
    disk.capacityBytes = 100_000_000;
    const damaged = Buffer.from(bytes);
    damaged[bytes.length >> 1] = (damaged[bytes.length >> 1] ?? 0) ^ 1;
    await write(fileSystem, file, damaged);
    await assert.rejects(restoreBackup(options(fileSystem)), { code: 'damaged' });
    assert.equal((await fileSystem.list('/data')).includes('identity.json'), false);
    await write(fileSystem, file, bytes);
    assert.equal((await restoreBackup(options(fileSystem))).keys, 500);
  });
});
