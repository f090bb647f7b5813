import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryEngine, Store } from '@quorate/kv';
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
  term: toTerm(2),
  configuration: { voters: [leader], outgoingVoters: [], learners: [], learnersNext: [], addresses: [] },
};

/** Keeps its content when the store is closed, and lets something happen while it is made durable. */
class PersistentEngine extends MemoryEngine {
  override readonly isPersistent = true;
  whileSyncing: () => void = () => undefined;

  override async sync(): Promise<void> {
    this.whileSyncing();
  }
}

/** A state machine that has applied so many no-ops of term 2. */
function storeAt(index: number, engine: MemoryEngine): Store {
  const store = Store.open(engine);
  store.apply(Array.from({ length: index }, (_, at) => ({ index: at + 1, term: 2, data: null })));
  return store;
}

/** A follower with a log of five entries that fetches a snapshot of entry 9. */
async function follower() {
  const random = seededRandom(1);
  const fileSystem = new MemoryFileSystem(new MemoryDisk({ random }));
  await fileSystem.makeDirectory('/log');
  const openLog = () => WriteAheadLog.open({ fileSystem, directory: '/log', random });
  const log = await openLog();
  const entries = Array.from(
    { length: 5 },
    (_, at) => ({ kind: 'no-op', index: toLogIndex(at + 1), term: toTerm(2) }) as const,
  );
  const hardState = { term: toTerm(2), vote: null, commit: toLogIndex(3) };
  await log.append([{ hardState, entries, sync: true }]);
  const origin = await SnapshotDirectory.open(fileSystem, '/origin');
  const writer = await origin.create({ clusterId, description });
  for (const chunk of storeAt(9, new MemoryEngine()).openSnapshot().chunks()) await writer.write(chunk);
  await writer.finish();
  const file = await origin.openFile(description);
  const answer = async (request: PeerRequest): Promise<unknown> => {
    if (request.type === 'snapshot-open') {
      const { sizeBytes, digest } = file;
      return { type: request.type, index: 9, term: 2, sizeBytes, digest };
    }
    assert(request.type === 'snapshot-read');
    return { type: request.type, bytes: await file.read(request.offset, request.maxBytes) };
  };
  const engine = new PersistentEngine();
  const failures: unknown[] = [];
  const directory = await SnapshotDirectory.open(fileSystem, '/snapshot');
  const clock = new ManualClock();
  const persister = new Persister(log, { durable: () => undefined, failed: () => undefined });
  const parts = { clusterId, directory, store: storeAt(3, engine), log, clock, logger: silentLogger };
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
    replaced: () => undefined,
    failed: (error) => void failures.push(error),
  });
  return { parts, snapshots, engine, persister, failures, openLog };
}

type Follower = Awaited<ReturnType<typeof follower>>;

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
    while (!state.isReached) await parts.clock.advance(1);
    await parts.clock.settling(snapshots.close());
    assert.equal(failures.length, ending === 'a stop' ? 0 : 1);
    engine.whileSyncing = () => undefined;
    await parts.log.close();
    const log = await member.openLog();
    const loaded = await parts.clock.settling(loadSnapshot({ ...parts, log }));
    assert.equal(loaded?.index, 9, 'the file is there');
    assert.deepEqual([parts.store.appliedIndex, log.firstIndex, log.lastIndex], [9, 10, 9]);
  });
}
