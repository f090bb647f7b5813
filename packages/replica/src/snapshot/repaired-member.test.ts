import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryEngine, Store } from '@quorate/kv';
import {
  type Configuration,
  defaultRaftOptions,
  type MemberId,
  toLogIndex,
  toMemberId,
  toTerm,
} from '@quorate/raft';
import { SnapshotDirectory, WriteAheadLog } from '@quorate/storage';
import { MemoryDisk, MemoryFileSystem, seededRandom } from '@quorate/storage/testing';
import type { PeerRequest, ResponseTo } from '../peer-call.ts';
import type { PeerEvents, PeerTransport } from '../ports.ts';
import { Replica } from '../replica.ts';
import type { ReplicaOptions } from '../replica-options.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { defaultLimits, silentLogger } from '../testing/replica-cluster.ts';
import { defaultCompactionPolicy, defaultTransferLimits } from './snapshot-options.ts';

const clusterId = 7n;
const memberId = toMemberId(1n);
const peer = toMemberId(2n);
const configuration: Configuration = {
  voters: [memberId, peer],
  outgoingVoters: [],
  learners: [],
  learnersNext: [],
  addresses: [memberId, peer].map((id) => ({ id, name: `m${id}`, peerUrls: [`http://127.0.0.1:238${id}`] })),
};

function storeAt(index: number): Store {
  const store = Store.open(new MemoryEngine());
  store.apply(Array.from({ length: index }, (_, at) => ({ index: at + 1, term: 2, data: null })));
  return store;
}

/**
 * A member that has lost its state machine. Its log goes from 5 to 12, and says that a snapshot of entry 9 was durable.
 * Its peer gives it one of entry 6, of this cluster.
 */
async function memberToRepair(peersCluster: bigint) {
  const random = seededRandom(1);
  const fileSystem = new MemoryFileSystem(new MemoryDisk({ random }));
  await fileSystem.makeDirectory('/log');
  const openLog = () => WriteAheadLog.open({ fileSystem, directory: '/log', random });
  const written = await openLog();
  const term = toTerm(2);
  const entries = Array.from(
    { length: 12 },
    (_, at) => ({ kind: 'no-op', index: toLogIndex(at + 1), term }) as const,
  );
  await written.append([{ hardState: { term, vote: null, commit: toLogIndex(9) }, entries, sync: true }]);
  await written.removeThrough(toLogIndex(4), { index: toLogIndex(9), term, configuration });
  await written.close();

  const origin = await SnapshotDirectory.open(fileSystem, '/origin');
  const description = { index: toLogIndex(6), term, configuration };
  const writer = await origin.create({ clusterId: peersCluster, description });
  for (const chunk of storeAt(6).openSnapshot().chunks()) await writer.write(chunk);
  await writer.finish();
  const file = await origin.openFile(description);
  const answer = async (request: PeerRequest): Promise<unknown> => {
    if (request.type === 'snapshot-open') {
      const { sizeBytes, digest } = file;
      return { type: request.type, index: 6, term, sizeBytes, digest };
    }
    assert(request.type === 'snapshot-read');
    return { type: request.type, bytes: await file.read(request.offset, request.maxBytes) };
  };

  const line: { events: PeerEvents | null; isClosed: boolean } = { events: null, isClosed: false };
  const connect = (events: PeerEvents): PeerTransport => {
    line.events = events;
    return {
      setPeers: () => undefined,
      send: () => undefined,
      call: async <Request extends PeerRequest>(_peer: MemberId, request: Request) =>
        (await answer(request)) as ResponseTo<Request>,
      close: async () => {
        line.isClosed = true;
      },
    };
  };
  const clock = new ManualClock();
  const options: ReplicaOptions = {
    memberId,
    clusterId,
    version: 'test',
    raft: defaultRaftOptions({ id: memberId, electionTimeoutMs: 100, random: () => 0 }),
    tickMs: 10,
    log: await openLog(),
    founding: null,
    store: storeAt(0),
    clock,
    random,
    logger: silentLogger,
    connect,
    corruptionCheckIntervalMs: 0,
    limits: defaultLimits,
    snapshots: {
      directory: await SnapshotDirectory.open(fileSystem, '/snapshot'),
      compaction: defaultCompactionPolicy,
      transfer: defaultTransferLimits,
    },
  };
  return { options, clock, line };
}

test('a member that cannot start after it has fetched a snapshot closes its transport', async () => {
  const { options, clock, line } = await memberToRepair(8n);
  await assert.rejects(clock.settling(Replica.open(options)), { code: 'inconsistent-data' });
  assert.ok(line.isClosed);
});

test('no snapshot is made of a state machine that is older than the last one or what is asked for', async () => {
  const { options, clock, line } = await memberToRepair(clusterId);
  const replica = await clock.settling(Replica.open(options));
  try {
    assert.equal(replica.store.appliedIndex, 6);
    const ask = async (index: number) => line.events?.asked(peer, { type: 'snapshot-open', index });
    await assert.rejects(clock.settling(ask(8)), { name: 'PeerRefused', code: 'not-applied' });
    while (replica.store.appliedIndex < 9) await clock.advance(1);
    const { directory } = options.snapshots;
    const before = await directory.list();
    await assert.rejects(clock.settling(ask(99)), { name: 'PeerRefused', code: 'not-applied' });
    assert.deepEqual(await directory.list(), before, 'none is made that would not do');
    const offer = await clock.settling(ask(8));
    assert.ok(offer?.type === 'snapshot-open' && offer.index >= 9);
  } finally {
    await clock.settling(replica.close());
  }
  assert.ok(line.isClosed);
});
