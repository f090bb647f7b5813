import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryEngine, Store } from '@quorate/kv';
import { defaultRaftOptions, type LogIndex, toMemberId, toTerm } from '@quorate/raft';
import { SnapshotDirectory, WriteAheadLog } from '@quorate/storage';
import { MemoryDisk, MemoryFileSystem, seededRandom } from '@quorate/storage/testing';
import { restoreCore, type RestoreOptions } from './restore.ts';
import { defaultCompactionPolicy, defaultTransferLimits } from './snapshot/snapshot-options.ts';
import { ManualClock } from './testing/manual-clock.ts';
import { silentLogger } from './testing/replica-cluster.ts';

const memberId = toMemberId(1n);

/** A log of no-ops with these terms, and a state machine that has applied no-ops with those. */
async function partsWith(logged: readonly number[], applied: readonly number[]): Promise<RestoreOptions> {
  const random = seededRandom(1);
  const fileSystem = new MemoryFileSystem(new MemoryDisk({ random }));
  await fileSystem.makeDirectory('/log');
  const written = await WriteAheadLog.open({ fileSystem, directory: '/log', random });
  const entries = logged.map(
    (term, position) => ({ kind: 'no-op', index: (position + 1) as LogIndex, term: toTerm(term) }) as const,
  );
  const hardState = {
    term: toTerm(logged.at(-1) ?? 0),
    vote: null,
    commit: entries.at(-1)?.index ?? (0 as LogIndex),
  };
  if (entries.length > 0) {
    await written.append([{ hardState, entries, sync: true }]);
  }
  await written.close();
  const store = Store.open(new MemoryEngine());
  store.apply(applied.map((term, position) => ({ index: position + 1, term, data: null })));
  return {
    memberId,
    clusterId: 7n,
    clock: new ManualClock(),
    logger: silentLogger,
    snapshots: {
      directory: await SnapshotDirectory.open(fileSystem, '/snapshot'),
      compaction: defaultCompactionPolicy,
      transfer: defaultTransferLimits,
    },
    raft: defaultRaftOptions({ id: memberId, electionTimeoutMs: 100, random: () => 0 }),
    tickMs: 10,
    log: await WriteAheadLog.open({ fileSystem, directory: '/log', random }),
    founding: {
      voters: [memberId],
      outgoingVoters: [],
      learners: [],
      learnersNext: [],
      addresses: [{ id: memberId, name: 'one', peerUrls: ['http://127.0.0.1:2380'] }],
    },
    store,
    random,
    connect: () => {
      throw new RangeError('nobody is asked for anything');
    },
  };
}

test('a new member founds its log, and applies it from the beginning', async () => {
  const parts = await partsWith([], []);
  const core = await restoreCore(parts);
  assert.equal(parts.log.lastIndex, 1);
  assert.deepEqual(core.status().configuration.voters, [memberId]);
  assert.equal(core.status().applied, 0);
});

test('a state machine may be behind the log, and goes on where it is', async () => {
  const core = await restoreCore(await partsWith([1, 2, 2], [1, 2]));
  assert.equal(core.status().applied, 2);
});

test('a lost log is not founded anew beside a state machine that has applied something', async () => {
  const parts = await partsWith([], [1]);
  await assert.rejects(restoreCore(parts), { code: 'inconsistent-data' });
  assert.equal(parts.log.lastIndex, 0, 'nothing was written');
});

test('a state machine that is ahead of the log, or followed another one, is refused', async () => {
  for (const applied of [
    [1, 1, 1],
    [1, 2],
  ]) {
    await assert.rejects(restoreCore(await partsWith([1, 1], applied)), { code: 'inconsistent-data' });
  }
});
