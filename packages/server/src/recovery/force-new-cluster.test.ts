import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryEngine, Store } from '@quorate/kv';
import { type Configuration, toLogIndex, toMemberId, toTerm } from '@quorate/raft';
import { DataDirectory, SnapshotDirectory, WriteAheadLog } from '@quorate/storage';
import { MemoryDisk, MemoryFileSystem, seededRandom } from '@quorate/storage/testing';
import { forceNewCluster } from './force-new-cluster.ts';

const path = '/data';
const identity = { clusterId: 7n, memberId: toMemberId(1n), name: 'm1' };
const ids = [1n, 2n, 3n].map((id) => toMemberId(id));
const configuration: Configuration = {
  voters: ids,
  outgoingVoters: [],
  learners: [],
  learnersNext: [],
  addresses: ids.map((id) => ({ id, name: `m${id}`, peerUrls: [`http://127.0.0.1:${2380n + id}`] })),
};

type Situation = { readonly logged: number; readonly loggedTerm: number; readonly snapshot: number };

/** A survivor of three whose log holds so many entries, and a snapshot file that ends with this one, of term 2. */
async function survivor({ logged, loggedTerm, snapshot }: Situation) {
  const random = seededRandom(1);
  const fileSystem = new MemoryFileSystem(new MemoryDisk({ random }));
  const directory = await DataDirectory.open({ fileSystem, path, identity, random });
  const openLog = () => WriteAheadLog.open({ fileSystem, directory: directory.logDirectory, random });
  const log = await openLog();
  const term = toTerm(loggedTerm);
  const founding = { kind: 'configuration', index: toLogIndex(1), term, configuration } as const;
  const others = Array.from(
    { length: logged - 1 },
    (_, at) => ({ kind: 'no-op', index: toLogIndex(at + 2), term }) as const,
  );
  const hardState = { term: toTerm(2), vote: null, commit: toLogIndex(1) };
  await log.append([{ hardState, entries: [founding, ...others], sync: true }]);
  await log.close();
  const snapshots = await SnapshotDirectory.open(fileSystem, directory.snapshotDirectory);
  const description = { index: toLogIndex(snapshot), term: toTerm(2), configuration };
  const writer = await snapshots.create({ clusterId: identity.clusterId, description });
  for (const chunk of Store.open(new MemoryEngine()).openSnapshot().chunks()) await writer.write(chunk);
  await writer.finish();
  await directory.close();
  const asked: number[] = [];
  const force = () =>
    forceNewCluster({
      fileSystem,
      path,
      random,
      confirm: async ({ lastIndex }) => {
        asked.push(lastIndex);
        return true;
      },
    });
  return { snapshots, openLog, force, asked };
}

test('the survivor becomes the only member, and its snapshot that of the new cluster', async () => {
  const { snapshots, openLog, force, asked } = await survivor({ logged: 5, loggedTerm: 2, snapshot: 3 });
  const forced = await force();
  assert.deepEqual(asked, [5]);
  const log = await openLog();
  assert.equal(log.lastIndex, 6);
  assert.deepEqual(log.recovered.configurations.at(-1)?.configuration.voters, [identity.memberId]);
  const file = await snapshots.openLatest();
  assert.equal(file?.header.clusterId, forced?.clusterId);
  await file?.close();
  await log.close();
});

const unfinished: readonly (readonly [string, Situation])[] = [
  ['is newer than the log', { logged: 5, loggedTerm: 2, snapshot: 9 }],
  ['the log differs from', { logged: 12, loggedTerm: 1, snapshot: 9 }],
];

for (const [what, situation] of unfinished) {
  test(`a snapshot that ${what} must be installed first, and nothing is changed or asked`, async () => {
    const { snapshots, openLog, force, asked } = await survivor(situation);
    await assert.rejects(force(), { code: 'damaged', message: /entry 9: start the member once and stop it/ });
    assert.deepEqual(asked, []);
    const log = await openLog();
    assert.equal(log.lastIndex, situation.logged);
    await log.close();
    const file = await snapshots.openLatest();
    assert.equal(file?.header.clusterId, identity.clusterId);
    await file?.close();
  });
}
