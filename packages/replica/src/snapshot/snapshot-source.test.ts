import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryEngine, Store } from '@quorate/kv';
import { toLogIndex, toMemberId, toTerm } from '@quorate/raft';
import { SnapshotDirectory } from '@quorate/storage';
import { MemoryDisk, MisreadingFileSystem, seededRandom, zerosFrom } from '@quorate/storage/testing';
import { ManualClock } from '../testing/manual-clock.ts';
import { silentLogger } from '../testing/replica-cluster.ts';
import type { MadeSnapshot } from './snapshot-maker.ts';
import { defaultTransferLimits } from './snapshot-options.ts';
import { SnapshotSource } from './snapshot-source.ts';

const peer = toMemberId(2n);
const configuration = { voters: [peer], outgoingVoters: [], learners: [], learnersNext: [], addresses: [] };

/** A source with one file, of entry 5, that makes files of entry 7 or another. One read of it may go astray, by its number. */
async function sourceWithFile(misread = 0, next = 7) {
  const disk = new MemoryDisk({ random: seededRandom(1) });
  const fileSystem = new MisreadingFileSystem(disk, misread, zerosFrom(0));
  const directory = await SnapshotDirectory.open(fileSystem, '/snapshot');
  const clock = new ManualClock();
  const made: number[] = [];
  const make = async (index: number): Promise<MadeSnapshot> => {
    made.push(index);
    const store = Store.open(new MemoryEngine());
    store.apply(Array.from({ length: index }, (_, at) => ({ index: at + 1, term: 2, data: null })));
    const description = { index: toLogIndex(index), term: toTerm(2), configuration };
    const writer = await directory.create({ clusterId: 7n, description });
    for (const chunk of store.openSnapshot().chunks()) await writer.write(chunk);
    await writer.finish();
    return { description, contentBytes: 0 };
  };
  await make(5);
  made.length = 0;
  const source = new SnapshotSource({
    directory,
    limits: defaultTransferLimits,
    clock,
    logger: silentLogger,
    make: async () => make(next),
    isContinued: () => true,
    nameOf: String,
    released: () => undefined,
  });
  const names = () => fileSystem.list('/snapshot');
  const damage = async (place: (sizeBytes: number) => number): Promise<void> => {
    const [name = ''] = await names();
    const file = await fileSystem.open(`/snapshot/${name}`, 'write');
    await file.write(Uint8Array.of(0x55, 0xaa, 0x55), place(await file.size()));
    await file.sync();
    await file.close();
  };
  return { source, clock, disk, fileSystem, made, names, damage };
}

test('a file that is there and will do is offered, and none is made', async () => {
  const { source, clock, made } = await sourceWithFile();
  assert.equal((await clock.settling(source.open(peer, 4))).index, 5);
  assert.deepEqual(made, []);
  await clock.settling(source.close());
});

test('a file that is there stays there whichever read of it goes astray', async () => {
  for (let misread = 1; ; misread += 1) {
    const { source, clock, fileSystem, made, names } = await sourceWithFile(misread);
    // Unless the very last look was wrong, after which it is asked for again.
    const offer = await clock.settling(source.open(peer, 4).catch(() => source.open(peer, 4)));
    assert.equal(offer.index, 5);
    assert.deepEqual(made, []);
    assert.deepEqual(
      (await names()).filter((name) => name.endsWith('.damaged')),
      [],
    );
    await clock.settling(source.close());
    if (!fileSystem.hasMisread) {
      assert.ok(misread > 3, 'header, content and the last look were read');
      return;
    }
  }
});

const places: readonly (readonly [string, (sizeBytes: number) => number])[] = [
  ['in its header', () => 0],
  ['in the middle', (sizeBytes) => Math.floor(sizeBytes / 2)],
  ['at its end', (sizeBytes) => sizeBytes - 3],
];

for (const [where, place] of places) {
  test(`a file that is damaged ${where} is set aside, and another one is made and offered`, async () => {
    const { source, clock, made, names, damage } = await sourceWithFile();
    await damage(place);
    const offer = await clock.settling(source.open(peer, 4));
    assert.equal(offer.index, 7);
    assert.deepEqual(made, [7]);
    assert.equal((await names()).filter((name) => name.endsWith('.damaged')).length, 1);
    await clock.settling(source.close());
  });
}

test('a damaged file stays until there is another one, which may take its place', async () => {
  const { source, clock, disk, made, names, damage } = await sourceWithFile(0, 5);
  await damage(() => 0);
  disk.fault = ({ kind }) => (kind === 'write' ? { kind: 'fail', code: 'ENOSPC' } : null);
  await assert.rejects(clock.settling(source.open(peer, 4)), { code: 'disk-full' });
  assert.equal((await names()).filter((name) => name.endsWith('.snapshot')).length, 1);
  disk.fault = null;
  assert.equal((await clock.settling(source.open(peer, 4))).index, 5);
  assert.deepEqual(made, [5, 5]);
  assert.equal((await names()).length, 1);
  await clock.settling(source.close());
});
