import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryEngine, Store } from '@quorate/kv';
import { type LogIndex, type SnapshotDescription, toLogIndex, toMemberId, toTerm } from '@quorate/raft';
import { SnapshotDirectory, WriteAheadLog } from '@quorate/storage';
import {
  MemoryDisk,
  MemoryFileSystem,
  MisreadingFileSystem,
  seededRandom,
  zerosFrom,
} from '@quorate/storage/testing';
import { ManualClock } from '../testing/manual-clock.ts';
import { silentLogger } from '../testing/replica-cluster.ts';
import { loadSnapshot, type LoadSnapshotParts } from './load-snapshot.ts';
import { restoreState } from './restore-state.ts';
import { defaultCompactionPolicy, defaultTransferLimits } from './snapshot-options.ts';

const clusterId = 7n;
const configuration = {
  voters: [toMemberId(1n)],
  outgoingVoters: [],
  learners: [],
  learnersNext: [],
  addresses: [],
};

class PersistentMemoryEngine extends MemoryEngine {
  override readonly isPersistent = true;
}

/** A state machine that has applied so many no-ops of term 2. */
function storeAt(index: number, isPersistent: boolean): Store {
  const store = Store.open(isPersistent ? new PersistentMemoryEngine() : new MemoryEngine());
  const entries = Array.from({ length: index }, (_, at) => ({ index: at + 1, term: 2, data: null }));
  store.apply(entries);
  return store;
}

type Situation = {
  /** The log has so many no-ops of term 2, or of this one. */
  readonly logged: number;
  readonly loggedTerm?: number;
  readonly applied: number;
  readonly isPersistent: boolean;
  /** The entry with which the snapshot file ends. */
  readonly snapshot: number;
  readonly cluster?: bigint;
  /** The number of the read of a snapshot file that goes astray. */
  readonly misread?: number;
};

/** A member as a crash has left it. */
async function partsAfter(situation: Situation) {
  const random = seededRandom(1);
  const disk = new MemoryDisk({ random });
  const fileSystem = new MemoryFileSystem(disk);
  await fileSystem.makeDirectory('/log');
  const log = await WriteAheadLog.open({ fileSystem, directory: '/log', random });
  const term = toTerm(situation.loggedTerm ?? 2);
  const entries = Array.from(
    { length: situation.logged },
    (_, at) => ({ kind: 'no-op', index: toLogIndex(at + 1), term }) as const,
  );
  await log.append([
    { hardState: { term: toTerm(3), vote: null, commit: 0 as LogIndex }, entries, sync: true },
  ]);
  await log.close();
  const written = await SnapshotDirectory.open(fileSystem, '/snapshot');
  await writeSnapshot(written, situation.snapshot, situation.cluster ?? clusterId);
  const reading = new MisreadingFileSystem(disk, situation.misread ?? 0, zerosFrom(0));
  const directory = await SnapshotDirectory.open(reading, '/snapshot');
  const parts: LoadSnapshotParts = {
    clusterId,
    directory,
    store: storeAt(situation.applied, situation.isPersistent),
    log: await WriteAheadLog.open({ fileSystem, directory: '/log', random }),
    clock: new ManualClock(),
    logger: silentLogger,
  };
  return { parts, disk, reading };
}

async function writeSnapshot(directory: SnapshotDirectory, index: number, cluster: bigint): Promise<void> {
  const description = { index: toLogIndex(index), term: toTerm(2), configuration };
  const snapshot = storeAt(index, false).openSnapshot();
  const writer = await directory.create({ clusterId: cluster, description });
  for (const chunk of snapshot.chunks()) await writer.write(chunk);
  await writer.finish();
  snapshot.close();
}

async function load(parts: LoadSnapshotParts): Promise<SnapshotDescription | null> {
  assert(parts.clock instanceof ManualClock);
  return parts.clock.settling(loadSnapshot(parts));
}

for (const isPersistent of [false, true]) {
  const engine = isPersistent ? 'a persistent engine' : 'a memory engine';

  test(`a snapshot that was complete and not installed is installed, and the log emptied (${engine})`, async () => {
    const { parts } = await partsAfter({
      logged: 5,
      applied: isPersistent ? 3 : 0,
      isPersistent,
      snapshot: 9,
    });
    assert.equal((await load(parts))?.index, 9);
    assert.deepEqual([parts.store.appliedIndex, parts.store.appliedTerm], [9, 2]);
    assert.deepEqual([parts.log.firstIndex, parts.log.lastIndex], [10, 9]);
    assert.equal((await parts.directory.list()).length, isPersistent ? 0 : 1);
  });

  test(`a snapshot of what the log holds leaves the log as it is (${engine})`, async () => {
    const { parts } = await partsAfter({ logged: 9, applied: 0, isPersistent, snapshot: 4 });
    assert.equal(await load(parts), null);
    assert.equal(parts.store.appliedIndex, 4);
    assert.deepEqual([parts.log.firstIndex, parts.log.lastIndex], [1, 9]);
  });
}

test('a log that has another entry in the place of the last one of the snapshot is emptied', async () => {
  const { parts } = await partsAfter({
    logged: 9,
    loggedTerm: 1,
    applied: 0,
    isPersistent: false,
    snapshot: 4,
  });
  assert.equal((await load(parts))?.index, 4);
  assert.deepEqual([parts.log.firstIndex, parts.log.lastIndex], [5, 4]);
});

test('a state machine that was replaced, and a log that was not, go on after the snapshot', async () => {
  const { parts } = await partsAfter({ logged: 5, applied: 9, isPersistent: true, snapshot: 9 });
  assert.equal((await load(parts))?.index, 9);
  assert.equal(parts.log.lastIndex, 9);
  assert.deepEqual(await parts.directory.list(), []);
});

test('a file that nothing needs is removed without a look at it', async () => {
  const { parts, disk } = await partsAfter({ logged: 9, applied: 7, isPersistent: true, snapshot: 4 });
  disk.poke('/snapshot/0000000000000004-0000000000000002.snapshot', 20, Uint8Array.of(0xff));
  assert.equal(await load(parts), null);
  assert.equal(parts.store.appliedIndex, 7);
  assert.deepEqual(await parts.directory.list(), []);
});

test('a damaged file that is needed is not passed over, and neither is one of another cluster', async () => {
  const damaged = await partsAfter({ logged: 5, applied: 0, isPersistent: false, snapshot: 9 });
  damaged.disk.poke('/snapshot/0000000000000009-0000000000000002.snapshot', 20, Uint8Array.of(0xff));
  await assert.rejects(load(damaged.parts), { code: 'damaged' });
  const other = await partsAfter({ logged: 5, applied: 0, isPersistent: false, snapshot: 9, cluster: 8n });
  await assert.rejects(load(other.parts), { code: 'inconsistent-data' });
});

test('a snapshot file of which one read goes astray is loaded all the same, and not set aside', async () => {
  for (let misread = 1; ; misread += 1) {
    const { parts, reading } = await partsAfter({
      logged: 5,
      applied: 0,
      isPersistent: false,
      snapshot: 9,
      misread,
    });
    const { directory, clock } = parts;
    assert.ok(clock instanceof ManualClock);
    const restored = restoreState({
      ...parts,
      memberId: toMemberId(1n),
      snapshots: { directory, compaction: defaultCompactionPolicy, transfer: defaultTransferLimits },
      connect: () => assert.fail('nobody is asked'),
    });
    assert.equal((await clock.settling(restored))?.index, 9);
    assert.equal(parts.store.appliedIndex, 9);
    assert.equal((await directory.list()).length, 1);
    if (!reading.hasMisread) {
      assert.ok(misread > 2, 'header and content were read');
      return;
    }
  }
});
