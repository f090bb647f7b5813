import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { Configuration, LogIndex, MemberId, Term } from '@quorate/raft';
import fc from 'fast-check';
import type { File, FileSystem } from './file-system.ts';
import type { SnapshotOffer } from './incoming-snapshot.ts';
import { SnapshotDirectory } from './snapshot-directory.ts';
import type { SnapshotFile } from './snapshot-file.ts';
import type { SnapshotHeader } from './snapshot-format.ts';
import { StorageError } from './storage-error.ts';
import { type DiskFault, type DiskOperation, MemoryDisk } from './testing/memory-disk.ts';
import { MemoryFileSystem } from './testing/memory-file-system.ts';
import { seededRandom } from './testing/seeded-random.ts';

const DIRECTORY = '/snapshot';
const configuration: Configuration = {
  voters: [1n as MemberId, 2n as MemberId],
  outgoingVoters: [],
  learners: [3n as MemberId],
  learnersNext: [],
  addresses: [{ id: 1n as MemberId, name: 'alpha', peerUrls: ['http://127.0.0.1:2380'] }],
};

function headerOf(index: number, term = 2): SnapshotHeader {
  const description = { index: index as LogIndex, term: term as Term, configuration };
  return { clusterId: 0xc1n, description };
}

/** Content that differs from one snapshot to the next. */
function contentOf(index: number, blocks = 5, bytes = 700): readonly Uint8Array[] {
  return Array.from({ length: blocks }, (_, block) =>
    Uint8Array.from({ length: bytes + block }, (_unused, at) => index * 7 + block * 3 + at),
  );
}

function newDisk(seed = 1): MemoryDisk {
  return new MemoryDisk({ random: seededRandom(seed) });
}

/** A disk that looks at what it is to write only when others have had a few turns. */
function slowFileSystem(disk: MemoryDisk): FileSystem {
  const fileSystem = new MemoryFileSystem(disk);
  const slow = (file: File): File => ({
    size: () => file.size(),
    read: (target, position) => file.read(target, position),
    write: async (source, position) => {
      for (let count = 0; count < 5; count += 1) await turn();
      await file.write(source, position);
    },
    sync: () => file.sync(),
    close: () => file.close(),
  });
  return {
    open: async (path, mode) => slow(await fileSystem.open(path, mode)),
    list: (path) => fileSystem.list(path),
    makeDirectory: (path) => fileSystem.makeDirectory(path),
    rename: (from, to) => fileSystem.rename(from, to),
    remove: (path) => fileSystem.remove(path),
    syncDirectory: (path) => fileSystem.syncDirectory(path),
    lock: (path) => fileSystem.lock(path),
  };
}

function openOn(disk: MemoryDisk): Promise<SnapshotDirectory> {
  return SnapshotDirectory.open(new MemoryFileSystem(disk), DIRECTORY);
}

async function write(directory: SnapshotDirectory, index: number, content = contentOf(index)): Promise<void> {
  const writer = await directory.create(headerOf(index));
  for (const block of content) await writer.write(block);
  await writer.finish();
}

async function contentsOf(file: SnapshotFile): Promise<readonly Uint8Array[]> {
  const contents: Uint8Array[] = [];
  for await (const content of file.content()) contents.push(content.slice());
  return contents;
}

/** A complete snapshot, as its bytes and what is said of it. */
async function finished(
  index: number,
  content = contentOf(index),
): Promise<{ offer: SnapshotOffer; bytes: Uint8Array }> {
  const directory = await openOn(newDisk());
  await write(directory, index, content);
  const file = (await directory.openLatest()) ?? assert.fail('there is a snapshot');
  const bytes = await file.read(0, file.sizeBytes);
  await file.close();
  return { offer: { index, term: 2, sizeBytes: bytes.length, digest: file.digest }, bytes };
}

/** The indexes of the complete snapshots, each of which must be what was written. */
async function intact(directory: SnapshotDirectory): Promise<readonly number[]> {
  const names = await directory.list();
  for (const name of names) {
    const file = await directory.openFile(name);
    assert.deepEqual(file.header, headerOf(name.index));
    assert.deepEqual(await contentsOf(file), contentOf(name.index));
    await file.close();
  }
  return names.map(({ index }) => index);
}

function isDamaged(error: unknown): boolean {
  return (
    error instanceof StorageError && error.code === 'damaged' && error.file !== null && error.offset !== null
  );
}

/** A fault at the n-th operation from now on. */
function faultAt(disk: MemoryDisk, operation: number, fault: DiskFault): void {
  const target = disk.operations + operation;
  disk.fault = (next: DiskOperation) => (next.number === target ? fault : null);
}

describe('a directory of snapshots', () => {
  test('gives back what was written, the newest one last', async () => {
    const disk = newDisk();
    const directory = await openOn(disk);
    assert.equal(await directory.openLatest(), null);
    await write(directory, 7);
    await write(directory, 100);
    await write(directory, 30);
    assert.deepEqual(await intact(await openOn(disk)), [7, 30, 100]);
    assert.deepEqual(
      await directory.list(),
      [7, 30, 100].map((index) => ({ index, term: 2 })),
    );
    const latest = (await directory.openLatest()) ?? assert.fail();
    assert.equal(latest.header.description.index, 100);
    await latest.close();
  });

  test('keeps a snapshot without content, and large pieces of content', async () => {
    const directory = await openOn(newDisk());
    await write(directory, 1, []);
    const large = [new Uint8Array(3 * 1024 * 1024).map((_, at) => at), Uint8Array.of(1)];
    await write(directory, 2, large);
    const [empty, full] = [
      await directory.openFile({ index: 1, term: 2 }),
      await directory.openFile({ index: 2, term: 2 }),
    ];
    assert.deepEqual(await contentsOf(empty), []);
    assert.equal(Buffer.compare(Buffer.concat(await contentsOf(full)), Buffer.concat(large)), 0);
  });

  test('forgets one that is given up, and those that are removed', async () => {
    const disk = newDisk();
    const directory = await openOn(disk);
    const writer = await directory.create(headerOf(5));
    await writer.write(Uint8Array.of(1));
    await writer.discard();
    assert.deepEqual(await new MemoryFileSystem(disk).list(DIRECTORY), []);
    for (const index of [1, 2, 3]) await write(directory, index);
    const old = await directory.openFile({ index: 1, term: 2 });
    await directory.removeBefore(3);
    assert.deepEqual(await contentsOf(old), contentOf(1), 'who reads it goes on');
    disk.losePower();
    assert.deepEqual(await intact(await openOn(disk)), [3]);
  });

  test('replaces a snapshot of the same entry', async () => {
    const directory = await openOn(newDisk());
    await write(directory, 5, [Uint8Array.of(1)]);
    await write(directory, 5);
    assert.deepEqual(await intact(directory), [5]);
  });

  test('has no snapshot, or all of it, after a crash at any operation, and the older one in any case', async () => {
    for (const kind of ['process-death', 'power-loss'] as const) {
      for (let operation = 1; ; operation += 1) {
        const disk = newDisk(operation);
        await write(await openOn(disk), 3);
        faultAt(disk, operation, { kind });
        const isWritten = await openOn(disk)
          .then((directory) => write(directory, 9))
          .then(
            () => true,
            () => false,
          );
        disk.fault = null;
        disk.losePower();
        const found = await intact(await openOn(disk));
        assert.deepEqual(found, found.length === 1 && !isWritten ? [3] : [3, 9], `${kind} at ${operation}`);
        const names = await new MemoryFileSystem(disk).list(DIRECTORY);
        assert.equal(names.length, found.length, 'nothing unfinished is left');
        if (isWritten) {
          assert.ok(operation > 5);
          break;
        }
      }
    }
  });

  test('reports a full disk, takes its space back, and a retry works', async () => {
    const disk = newDisk();
    const directory = await openOn(disk);
    await write(directory, 3);
    disk.capacityBytes = 6000;
    const writing = write(directory, 9);
    await assert.rejects(writing, { name: 'StorageError', code: 'disk-full' });
    assert.deepEqual(await intact(directory), [3]);
    assert.deepEqual((await new MemoryFileSystem(disk).list(DIRECTORY)).length, 1);
    disk.capacityBytes = 10_000;
    await write(directory, 9);
    assert.deepEqual(await intact(directory), [3, 9]);
  });

  test('of several writes is all that was given, though the caller uses its memory again', async () => {
    const content = contentOf(4, 50, 70_000);
    const directory = await SnapshotDirectory.open(slowFileSystem(newDisk()), DIRECTORY);
    const writer = await directory.create(headerOf(4));
    for (const block of content) {
      const bytes = block.slice();
      await writer.write(bytes);
      bytes.fill(0);
    }
    await writer.finish();
    const file = (await directory.openLatest()) ?? assert.fail();
    const found = (await contentsOf(file)).map((bytes) => Buffer.from(bytes));
    assert.ok(Buffer.concat(found).equals(Buffer.concat(content)));
    await file.close();
  });

  test('reports what became of a write that went on meanwhile', async () => {
    const disk = newDisk();
    const fileSystem = new MemoryFileSystem(disk);
    const directory = await SnapshotDirectory.open(fileSystem, DIRECTORY);
    for (const capacityBytes of [900_000, 1_500_000, 3_000_000]) {
      disk.capacityBytes = capacityBytes;
      await assert.rejects(write(directory, 9, contentOf(9, 50, 70_000)), { code: 'disk-full' });
      assert.deepEqual(await fileSystem.list(DIRECTORY), []);
      assert.equal(fileSystem.openFiles, 0);
    }
  });

  test('leaves no file open, whatever happens', async () => {
    const disk = newDisk();
    const fileSystem = new MemoryFileSystem(disk);
    const directory = await SnapshotDirectory.open(fileSystem, DIRECTORY);
    await write(directory, 3);
    for (let operation = 1; operation < 12; operation += 1) {
      faultAt(disk, operation, { kind: 'fail', code: 'EIO' });
      await write(directory, 9).catch(() => undefined);
      await directory.openLatest().then(
        (file) => file?.close(),
        () => undefined,
      );
    }
    assert.equal(fileSystem.openFiles, 0);
  });
});

describe('a damaged snapshot', () => {
  async function readAll(disk: MemoryDisk): Promise<void> {
    const directory = await openOn(disk);
    const file = (await directory.openLatest()) ?? assert.fail();
    try {
      await contentsOf(file);
    } finally {
      await file.close();
    }
  }

  test('is found, whichever byte has changed', async () => {
    const disk = newDisk();
    await write(await openOn(disk), 4, contentOf(4, 2, 40));
    const [name] = await new MemoryFileSystem(disk).list(DIRECTORY);
    const path = `${DIRECTORY}/${name}`;
    const bytes = disk.peek(path);
    for (let at = 0; at < bytes.length; at += 1) {
      disk.poke(path, at, Uint8Array.of((bytes[at] ?? 0) ^ 0x10));
      // A changed version may look like that of a later release.
      await assert.rejects(
        readAll(disk),
        (error) => isDamaged(error) || ([8, 9].includes(at) && error instanceof StorageError),
        `byte ${at}`,
      );
      disk.poke(path, at, bytes.subarray(at, at + 1));
    }
    await readAll(disk);
  });

  test('is found, wherever it was cut', async () => {
    const disk = newDisk();
    await write(await openOn(disk), 4, contentOf(4, 2, 40));
    const [name] = await new MemoryFileSystem(disk).list(DIRECTORY);
    const path = `${DIRECTORY}/${name}`;
    for (let size = disk.peek(path).length - 1; size >= 0; size -= 1) {
      disk.truncate(path, size);
      await assert.rejects(
        openOn(disk).then((directory) => directory.openLatest()),
        isDamaged,
        `${size} bytes`,
      );
    }
  });

  test('is found if blocks were moved, left out or repeated', async () => {
    const { bytes, offer } = await finished(4, contentOf(4, 3, 40));
    // Every block takes as much as its content and 8 bytes; the footer is 56 bytes long.
    const end = bytes.length - 56;
    const [third, second, first] = [end - 50, end - 50 - 49, end - 50 - 49 - 48];
    const [header, one, two, three, footer] = [
      bytes.subarray(0, first),
      bytes.subarray(first, second),
      bytes.subarray(second, third),
      bytes.subarray(third, end),
      bytes.subarray(end),
    ] as const;
    const arrived = async (...parts: readonly Uint8Array[]): Promise<void> => {
      const directory = await openOn(newDisk());
      const incoming = await directory.receive(offer);
      for (const part of parts) await incoming.write(part.slice());
      await incoming.finish();
    };
    await arrived(header, one, two, three, footer);
    for (const parts of [
      [one, three, two],
      [one, two],
      [one, two, two],
      [two, three],
      [one, two, three, one],
    ]) {
      await assert.rejects(arrived(header, ...parts, footer), isDamaged);
    }
  });

  test('is found if everything fits but the digest', async () => {
    const { bytes, offer } = await finished(4);
    const headerEnd = 16 + new DataView(bytes.buffer).getUint32(12, true) + 4;
    const seed = new DataView(bytes.buffer).getUint32(headerEnd - 4, true);
    const footer = bytes.subarray(-56);
    footer[30] = (footer[30] ?? 0) ^ 1;
    new DataView(footer.buffer, footer.byteOffset).setUint32(0, crc32(footer.subarray(4), seed), true);
    const digest = Buffer.from(footer.subarray(24)).toString('hex');
    const incoming = await (await openOn(newDisk())).receive({ ...offer, digest });
    await assert.rejects(incoming.write(bytes), isDamaged);
  });

  test('of a later format says so', async () => {
    const disk = newDisk();
    await write(await openOn(disk), 4);
    const [name] = await new MemoryFileSystem(disk).list(DIRECTORY);
    disk.poke(`${DIRECTORY}/${name}`, 8, Uint8Array.of(2));
    await assert.rejects(
      openOn(disk).then((directory) => directory.openLatest()),
      { code: 'newer-format' },
    );
  });
});

describe('a snapshot that comes from another member', () => {
  async function feed(
    directory: SnapshotDirectory,
    source: Awaited<ReturnType<typeof finished>>,
    pieceBytes: number,
  ): Promise<void> {
    const incoming = await directory.receive(source.offer);
    while (!incoming.isComplete) {
      const at = incoming.receivedBytes;
      await incoming.write(source.bytes.slice(at, at + pieceBytes));
    }
    await incoming.finish();
  }

  test('may come in pieces of any size', async () => {
    const source = await finished(6);
    for (const pieceBytes of [1, 7, 56, 700, 100_000]) {
      const directory = await openOn(newDisk());
      await feed(directory, source, pieceBytes);
      assert.deepEqual(await intact(directory), [6]);
    }
  });

  test('goes on where it was interrupted, also after a crash at any operation', async () => {
    const source = await finished(6, contentOf(6));
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.integer({ min: 50, max: 900 }),
        fc.array(
          fc.record({
            operation: fc.integer({ min: 1, max: 25 }),
            kind: fc.constantFrom('process-death' as const, 'power-loss' as const),
          }),
          { maxLength: 5 },
        ),
        async (seed, pieceBytes, crashes) => {
          const disk = newDisk(seed);
          await write(await openOn(disk), 3);
          for (const { operation, kind } of crashes) {
            const directory = await openOn(disk);
            const incoming = await directory.receive(source.offer);
            await incoming.write(
              source.bytes.slice(incoming.receivedBytes, incoming.receivedBytes + pieceBytes),
            );
            faultAt(disk, operation, { kind });
            await incoming
              .keep()
              .then(() => feed(directory, source, pieceBytes))
              .catch(() => undefined);
            disk.fault = null;
            disk.losePower();
          }
          const directory = await openOn(disk);
          await feed(directory, source, pieceBytes);
          assert.deepEqual(await intact(directory), [3, 6]);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('is kept when the connection breaks: nothing of it is fetched twice', async () => {
    const source = await finished(6);
    const disk = newDisk();
    const incoming = await (await openOn(disk)).receive(source.offer);
    await incoming.write(source.bytes.slice(0, 2000));
    await incoming.keep();
    disk.losePower();
    const again = await (await openOn(disk)).receive(source.offer);
    // All blocks that had come whole.
    assert.ok(again.receivedBytes > 1000 && again.receivedBytes <= 2000, `${again.receivedBytes}`);
    assert.deepEqual(again.header, headerOf(6));
    assert.deepEqual(await (await openOn(disk)).list(), []);
  });

  test('does not mix with another one', async () => {
    const [source, other] = [await finished(6), await finished(6, contentOf(7))];
    const disk = newDisk();
    const directory = await openOn(disk);
    const incoming = await directory.receive(other.offer);
    await incoming.write(other.bytes.slice(0, 2000));
    await incoming.keep();
    const next = await directory.receive(source.offer);
    assert.equal(next.receivedBytes, 0);
    await next.write(source.bytes);
    await next.finish();
    assert.deepEqual(await new MemoryFileSystem(disk).list(DIRECTORY), [
      '0000000000000006-0000000000000002.snapshot',
    ]);
    assert.deepEqual(await intact(directory), [6]);
  });

  test('is refused if it is not what was offered', async () => {
    const [source, other] = [await finished(6), await finished(6, contentOf(7))];
    const cases: readonly { offer: SnapshotOffer; bytes: Uint8Array }[] = [
      { offer: source.offer, bytes: other.bytes },
      { offer: { ...source.offer, index: 5 }, bytes: source.bytes },
      { offer: { ...source.offer, term: 1 }, bytes: source.bytes },
      { offer: { ...source.offer, sizeBytes: source.bytes.length - 1 }, bytes: source.bytes },
      { offer: { ...source.offer, sizeBytes: source.bytes.length + 1 }, bytes: source.bytes },
      { offer: source.offer, bytes: source.bytes.slice(0, -1) },
      { offer: source.offer, bytes: Uint8Array.from([...source.bytes, 0]) },
      { offer: source.offer, bytes: source.bytes.map((byte, at) => (at === 1500 ? byte ^ 1 : byte)) },
    ];
    for (const [index, { offer, bytes }] of cases.entries()) {
      const disk = newDisk();
      const incoming = await (await openOn(disk)).receive(offer);
      const receiving = incoming.write(bytes).then(() => incoming.finish());
      await assert.rejects(receiving, isDamaged, `case ${index}`);
      assert.deepEqual(await new MemoryFileSystem(disk).list(DIRECTORY), [], 'nothing is left of it');
    }
  });
});
