import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandBody } from '@quorate/kv';
import { PutRequest } from '@quorate/protocol';
import { type MemberId, toMemberId } from '@quorate/raft';
import { MemoryFileSystem } from '@quorate/storage/testing';
import type { Replica } from '../replica.ts';
import { ReplicaCluster, type ReplicaClusterOptions } from '../testing/replica-cluster.ts';

const small = { entries: 20, bytes: 1_000_000, tailEntries: 5, tailBytes: 1_000_000 };
const transfer = { chunkMaxBytes: 100, patienceMs: 1_000, offerMs: 300, retryMs: 20, callTimeoutMs: 200 };

async function withCluster(
  options: Partial<ReplicaClusterOptions>,
  body: (cluster: ReplicaCluster, leader: Replica) => Promise<void>,
): Promise<void> {
  const cluster = await ReplicaCluster.start({ members: 3, compaction: small, transfer, ...options });
  try {
    await body(cluster, await cluster.awaitLeader());
  } finally {
    await cluster.close();
  }
}

async function until(cluster: ReplicaCluster, condition: () => boolean): Promise<void> {
  for (let waitedMs = 0; !condition(); waitedMs += 10) {
    assert.ok(waitedMs < 20_000, 'the condition came true');
    await cluster.clock.advance(10);
  }
}

async function write(cluster: ReplicaCluster, member: Replica, count: number): Promise<void> {
  for (let written = 0; written < count; written += 1) {
    const put = PutRequest.create({
      key: Buffer.from(`key ${written % 7}`),
      value: Buffer.alloc(20, written),
    });
    const body: CommandBody = { $case: 'put', put };
    await cluster.clock.settling(member.propose(body, { deadlineMs: cluster.clock.monotonicMs() + 5_000 }));
  }
}

/** Writes until every log has lost its beginning. */
async function compactAll(cluster: ReplicaCluster): Promise<void> {
  await write(cluster, await cluster.awaitLeader(), 30);
  await until(cluster, () => cluster.ids.every((id) => cluster.member(Number(id)).status().firstIndex > 1));
}

function fileSystemOf(cluster: ReplicaCluster, id: MemberId): MemoryFileSystem {
  const disk = cluster.disks[cluster.ids.indexOf(id)];
  assert.ok(disk !== undefined);
  return new MemoryFileSystem(disk);
}

async function snapshotsOf(cluster: ReplicaCluster, id: MemberId): Promise<readonly string[]> {
  return fileSystemOf(cluster, id).list('/snapshot');
}

async function assertSame(cluster: ReplicaCluster, member: Replica): Promise<void> {
  const leader = await cluster.awaitLeader();
  await until(cluster, () => member.store.appliedIndex === leader.store.appliedIndex);
  assert.equal(member.store.digest(), leader.store.digest());
}

function followerOf(cluster: ReplicaCluster, leader: Replica): MemberId {
  const id = cluster.ids.find((each) => each !== leader.status().memberId);
  assert.ok(id !== undefined);
  return id;
}

test('a damaged snapshot file is set aside, and the state machine comes from another member', () =>
  withCluster({}, async (cluster, leader) => {
    await compactAll(cluster);
    const id = followerOf(cluster, leader);
    await cluster.stop(id);
    const [name = ''] = (await snapshotsOf(cluster, id)).filter((each) => each.endsWith('.snapshot'));
    const file = await fileSystemOf(cluster, id).open(`/snapshot/${name}`, 'write');
    const size = await file.size();
    await file.write(Uint8Array.of(0x55, 0xaa, 0x55), Math.floor(size / 2));
    await file.sync();
    await file.close();
    await write(cluster, leader, 3);

    const again = await cluster.open(id);
    await assertSame(cluster, again);
    const left = await snapshotsOf(cluster, id);
    assert.equal(left.filter((each) => each.endsWith('.damaged')).length, 1, left.join(' '));
    await write(cluster, again, 30);
    assert.ok(
      (await snapshotsOf(cluster, id)).some((each) => each.endsWith('.damaged')),
      'it is never removed',
    );
  }));

test('a state machine that is lost comes from another member, and the vote and the log stay', () =>
  withCluster({}, async (cluster, leader) => {
    await compactAll(cluster);
    const id = followerOf(cluster, leader);
    const { term, lastIndex } = cluster.member(Number(id)).status();
    await cluster.stop(id);
    for (const name of await snapshotsOf(cluster, id)) {
      await fileSystemOf(cluster, id).remove(`/snapshot/${name}`);
    }
    const again = await cluster.open(id);
    assert.ok(again.status().lastIndex >= lastIndex);
    assert.ok(again.status().term >= term);
    await assertSame(cluster, again);
  }));

test('a cluster of one that has lost its state machine says so', () =>
  withCluster({ members: 1 }, async (cluster) => {
    await compactAll(cluster);
    const id = toMemberId(1n);
    await cluster.stop(id);
    for (const name of await snapshotsOf(cluster, id)) {
      await fileSystemOf(cluster, id).remove(`/snapshot/${name}`);
    }
    await assert.rejects(cluster.open(id), { code: 'inconsistent-data', message: /restore a backup/ });
  }));

test('a member whose records differ stops, is built anew, and clears its alarm; a leader hands over first', async () => {
  for (const whom of ['follower', 'leader'] as const) {
    await withCluster({ corruptionCheckIntervalMs: 20 }, async (cluster, leader) => {
      await compactAll(cluster);
      for (const id of cluster.ids) await cluster.member(Number(id)).store.sync();
      const id = whom === 'leader' ? leader.status().memberId : followerOf(cluster, leader);
      const sick = cluster.member(Number(id));
      const [record] = cluster.engine(Number(id)).readFrom(1, 1);
      assert.ok(record !== undefined);
      record.value[0] = (record.value[0] ?? 0) ^ 1;
      const failure: Error[] = [];
      void sick.failed.then((error) => failure.push(error));
      await until(cluster, () => failure.length > 0);
      assert.equal(Reflect.get(failure[0] ?? {}, 'code'), 'corrupt');
      assert.equal(sick.status().role, 'follower');
      // What its owner does: nothing of the state machine is used again.
      await cluster.stop(id);
      for (const name of await snapshotsOf(cluster, id)) {
        await fileSystemOf(cluster, id).remove(`/snapshot/${name}`);
      }
      const again = await cluster.open(id);
      const others = cluster.ids.map((each) => cluster.member(Number(each)));
      await until(cluster, () => others.every(({ store }) => store.alarms().length === 0));
      assert.equal(again.isIsolated, false);
      await assertSame(cluster, again);
      await cluster.clock.advance(500);
      assert.ok(
        others.every(({ store }) => store.alarms().length === 0),
        'and it stays so',
      );
    });
  }
});
