import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EngineBatch, MemoryEngine, Store } from '@quorate/kv';
import { toLogIndex, toMemberId, toTerm } from '@quorate/raft';
import { SnapshotDirectory, WriteAheadLog } from '@quorate/storage';
import { MemoryDisk, MemoryFileSystem, seededRandom } from '@quorate/storage/testing';
import type { PeerRequest, ResponseTo } from '../peer-call.ts';
import { Persister } from '../persister.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { silentLogger } from '../testing/replica-cluster.ts';
import { loadSnapshot } from './load-snapshot.ts';
import { defaultCompactionPolicy, defaultTransferLimits } from './snapshot-options.ts';
import { Snapshots } from './snapshots.ts';

const clusterId = 7n;
const leader = toMemberId(2n);
const description = {
  index: toLogIndex(9),
  term: toTerm(3),
  configuration: { voters: [leader], outgoingVoters: [], learners: [], learnersNext: [], addresses: [] },
};

/**
 * Outlives its process, lets something happen while it is made durable, and loses in a power loss what was not.
 */
class PersistentEngine extends MemoryEngine {
  override readonly isPersistent = true;
  whileSyncing: () => void = () => undefined;
  private readonly commits: EngineBatch[] = [];
  private synced = 0;

  override commit(batch: EngineBatch): void {
    super.commit(batch);
    this.commits.push(batch);
  }

  override async sync(): Promise<void> {
    this.whileSyncing();
    this.synced = this.commits.length;
  }

  /** What is left if the power fails now: no more than what was synced, or all. */
  afterPowerLoss(losesCommits: boolean): PersistentEngine {
    const left = new PersistentEngine();
    const kept = losesCommits ? this.commits.slice(0, this.synced) : this.commits;
    for (const batch of kept) left.commit(batch);
    return left;
  }
}

/** A state machine that has applied so many no-ops, the last of this term, and those before it of term 2. */
function storeAt(index: number, term: number, engine: MemoryEngine): Store {
  const store = Store.open(engine);
  store.apply(
    Array.from({ length: index }, (_, at) => ({
      index: at + 1,
      term: at + 1 === index ? term : 2,
      data: null,
    })),
  );
  return store;
}

async function openLog(disk: MemoryDisk): Promise<WriteAheadLog> {
  return WriteAheadLog.open({
    fileSystem: new MemoryFileSystem(disk),
    directory: '/log',
    random: seededRandom(2),
  });
}

/**
 * A follower with a log of five entries of term 2 that fetches a snapshot of entry 9, of term 3. It has just heard of
 * that term, which is on its way to the log.
 */
async function follower(seed = 1) {
  const disk = new MemoryDisk({ random: seededRandom(seed) });
  const fileSystem = new MemoryFileSystem(disk);
  await fileSystem.makeDirectory('/log');
  await fileSystem.syncDirectory('/');
  const log = await openLog(disk);
  const entries = Array.from(
    { length: 5 },
    (_, at) => ({ kind: 'no-op', index: toLogIndex(at + 1), term: toTerm(2) }) as const,
  );
  const hardState = { term: toTerm(2), vote: null, commit: toLogIndex(3) };
  await log.append([{ hardState, entries, sync: true }]);
  const origin = await SnapshotDirectory.open(fileSystem, '/origin');
  const writer = await origin.create({ clusterId, description });
  for (const chunk of storeAt(9, 3, new MemoryEngine()).openSnapshot().chunks()) await writer.write(chunk);
  await writer.finish();
  const file = await origin.openFile(description);
  const answer = async (request: PeerRequest): Promise<unknown> => {
    if (request.type === 'snapshot-open') {
      const { sizeBytes, digest } = file;
      return { type: request.type, index: 9, term: 3, sizeBytes, digest };
    }
    assert(request.type === 'snapshot-read');
    return { type: request.type, bytes: await file.read(request.offset, request.maxBytes) };
  };
  const engine = new PersistentEngine();
  const failures: unknown[] = [];
  const failed = (error: unknown) => void failures.push(error);
  const directory = await SnapshotDirectory.open(fileSystem, '/snapshot');
  const clock = new ManualClock();
  const persister = new Persister(log, { durable: () => undefined, failed });
  const heard = { term: toTerm(3), vote: null, commit: toLogIndex(3) };
  persister.add({ batch: 1, hardState: heard, entries: [], sync: true }, []);
  const parts = { clusterId, directory, store: storeAt(3, 2, engine), log, clock, logger: silentLogger };
  const state = { isInstalled: false };
  const snapshots = new Snapshots({
    ...parts,
    snapshots: { directory, compaction: defaultCompactionPolicy, transfer: defaultTransferLimits },
    persister,
    core: {
      commit: toLogIndex(3),
      snapshotIndex: toLogIndex(0),
      describeSnapshot: () => assert.fail('no snapshot is made'),
      needsSnapshot: () => true,
    },
    call: async <Request extends PeerRequest>(_peer: unknown, request: Request) =>
      (await answer(request)) as ResponseTo<Request>,
    nameOf: String,
    step: () => undefined,
    replacing: () => undefined,
    replaced: () => {
      state.isInstalled = true;
    },
    failed,
  });
  return { parts, snapshots, engine, persister, failures, disk, state };
}

type Follower = Awaited<ReturnType<typeof follower>>;

async function until(clock: ManualClock, condition: () => boolean): Promise<void> {
  for (let waitedMs = 0; !condition(); waitedMs += 1) {
    assert.ok(waitedMs < 1_000, 'the condition came true');
    await clock.advance(1);
  }
}

/** The leader offers the snapshot. */
function offer({ snapshots }: Follower): void {
  snapshots.stepped({
    messages: [],
    persist: null,
    messagesAfterPersist: [],
    entriesToApply: [],
    readsReady: [],
    readsRefused: [],
    proposalsRefused: [],
    logReads: [],
    snapshotToInstall: { from: leader, snapshot: description },
    events: [],
  });
}

const endings: readonly (readonly [string, (member: Follower) => void])[] = [
  ['a stop', ({ persister }) => void persister.close()],
  ['a failure of the log', ({ parts }) => void parts.log.close()],
];

for (const [ending, end] of endings) {
  test(`after ${ending} between the state machine and the log the next start completes the installation`, async () => {
    const member = await follower();
    const { parts, snapshots, engine, failures } = member;
    const state = { isReached: false };
    engine.whileSyncing = () => {
      if (parts.store.appliedIndex !== 9) return;
      state.isReached = true;
      end(member);
    };
    offer(member);
    await until(parts.clock, () => state.isReached);
    await parts.clock.settling(snapshots.close());
    assert.equal(failures.length, ending === 'a stop' ? 0 : 1);
    engine.whileSyncing = () => undefined;
    await parts.log.close();
    const log = await openLog(member.disk);
    const loaded = await parts.clock.settling(loadSnapshot({ ...parts, log }));
    assert.equal(loaded?.index, 9, 'the file is there');
    assert.deepEqual([parts.store.appliedIndex, log.firstIndex, log.lastIndex], [9, 10, 9]);
  });
}

for (const losesCommits of [true, false]) {
  const engine = losesCommits
    ? 'an engine that has lost what was not synced'
    : 'an engine that has lost nothing';

  test(`after a power loss at any moment the next start has the old state, or the new one (${engine})`, async () => {
    const starts = new Set<string>();
    for (let at = 1, isReached = true; isReached; at += 1) {
      const member = await follower(at);
      const { disk, parts, snapshots, failures, state } = member;
      const before = disk.operations;
      const left: PersistentEngine[] = [];
      disk.fault = ({ number }) => {
        if (number !== before + at) return null;
        left.push(member.engine.afterPowerLoss(losesCommits));
        return { kind: 'power-loss' };
      };
      offer(member);
      await until(parts.clock, () => left.length > 0 || state.isInstalled);
      await parts.clock.settling(snapshots.close());
      isReached = left.length > 0;
      if (!isReached) assert.deepEqual(failures, []);
      disk.fault = null;
      disk.losePower();

      const log = await openLog(disk);
      const store = Store.open(left[0] ?? member.engine.afterPowerLoss(losesCommits));
      const directory = await SnapshotDirectory.open(new MemoryFileSystem(disk), '/snapshot');
      await parts.clock.settling(loadSnapshot({ ...parts, log, store, directory }));
      const { firstIndex } = log;
      const moment = `power lost at operation ${at}`;
      assert.ok(store.appliedIndex + 1 >= firstIndex, `${moment}: ${store.appliedIndex}, then ${firstIndex}`);
      await log.close();
      const { hardState, previousTerm, lastIndex } = (await openLog(disk)).recovered;
      assert.ok(hardState.term >= previousTerm, `${moment}: the log is ahead of its term`);
      starts.add(`${firstIndex}-${lastIndex}`);
    }
    assert.deepEqual([...starts], ['1-5', '10-9']);
  });
}
