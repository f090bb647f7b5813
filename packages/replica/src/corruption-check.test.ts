import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandBody } from '@quorate/kv';
import { type AlarmMember, AlarmType, CompactionRequest, PutRequest } from '@quorate/protocol';
import { toMemberId } from '@quorate/raft';
import { sliceMaxRecords } from './corruption-check.ts';
import { PeerCallError } from './peer-call.ts';
import type { Replica } from './replica.ts';
import { ReplicaCluster } from './testing/replica-cluster.ts';

const intervalMs = 20;

function put(key: string): CommandBody {
  return { $case: 'put', put: PutRequest.create({ key: Buffer.from(key), value: Buffer.from('value') }) };
}

async function withCluster(
  members: number,
  body: (cluster: ReplicaCluster, leader: Replica) => Promise<void>,
): Promise<void> {
  const cluster = await ReplicaCluster.start({
    members,
    corruptionCheckIntervalMs: intervalMs,
    // An isolated leader of the test stays where it is.
    limits: { pendingProposalsMax: 10_000, pendingProposalsMaxBytes: 10_000_000 },
  });
  try {
    await body(cluster, await cluster.awaitLeader());
  } finally {
    await cluster.close();
  }
}

async function write(
  cluster: ReplicaCluster,
  leader: Replica,
  bodies: readonly CommandBody[],
): Promise<void> {
  const call = { deadlineMs: cluster.clock.monotonicMs() + 10_000 };
  const done = Promise.all(bodies.map((body) => leader.propose(body, call)));
  await cluster.clock.advance(200);
  await done;
}

/** Hands every store's records to its engine, as a busy member does all the time. */
async function settle(cluster: ReplicaCluster, numbers: readonly number[]): Promise<void> {
  for (const number of numbers) await cluster.member(number).store.sync();
}

async function untilAlarm(cluster: ReplicaCluster, member: Replica): Promise<readonly AlarmMember[]> {
  for (let waitedMs = 0; member.store.alarms().length === 0; waitedMs += 10) {
    assert.ok(waitedMs < 5_000, 'an alarm is raised');
    await cluster.clock.advance(10);
  }
  return member.store.alarms();
}

/** Changes a bit of what the member's engine keeps. */
function flip(cluster: ReplicaCluster, number: number, position: number): void {
  // The memory engine hands out the bytes that it keeps.
  const record = cluster.engine(number).read(position);
  assert.ok(record !== null);
  record.value[0] = (record.value[0] ?? 0) ^ 1;
}

function numberOf(member: Replica): number {
  return Number(member.status().memberId);
}

function followersOf(leader: Replica): readonly number[] {
  return [1, 2, 3].filter((number) => number !== numberOf(leader));
}

test('sound members raise no alarm, while they write, compact, and remove at their own pace', () =>
  withCluster(3, async (cluster, leader) => {
    for (let round = 0; round < 10; round += 1) {
      const keys = Array.from({ length: 30 }, (_, key) => put(`key ${key}`));
      const { revision } = leader.store;
      const compaction = CompactionRequest.create({ revision });
      await write(cluster, leader, [...keys, { $case: 'compaction', compaction }]);
      cluster.member(1 + (round % 3)).store.removeCompacted(5);
    }
    await cluster.clock.advance(500);
    assert.deepEqual(leader.store.alarms(), []);
  }));

test('the member whose engine has another bit is named, wherever it is', async () => {
  for (const whom of ['follower', 'leader'] as const) {
    await withCluster(3, async (cluster, leader) => {
      await write(cluster, leader, [put('a'), put('b'), put('c')]);
      await settle(cluster, [1, 2, 3]);
      const number = whom === 'leader' ? numberOf(leader) : (followersOf(leader)[0] ?? 0);
      flip(cluster, number, 2);
      const alarms = await untilAlarm(cluster, leader);
      assert.deepEqual(alarms, [{ memberID: BigInt(number), alarm: AlarmType.CORRUPT }]);
      await cluster.clock.advance(100);
      assert.equal(cluster.member(number).isIsolated, true);
      const others = [1, 2, 3].filter((other) => other !== number);
      assert.ok(others.every((other) => !cluster.member(other).isIsolated));
    });
  }
});

test('a record that is lost is found, also the last one of all', () =>
  withCluster(3, async (cluster, leader) => {
    await write(cluster, leader, [put('a'), put('b'), put('c')]);
    await settle(cluster, [1, 2, 3]);
    const [number = 0] = followersOf(leader);
    cluster.engine(number).commit({ records: [], removedPositions: [3], facts: [], removedFacts: [] });
    const [alarm] = await untilAlarm(cluster, leader);
    assert.equal(alarm?.memberID, BigInt(number));
  }));

test('a large store is compared slice by slice', () =>
  withCluster(3, async (cluster, leader) => {
    const count = 2 * sliceMaxRecords + 10;
    for (let first = 0; first < count; first += 500) {
      await write(
        cluster,
        leader,
        Array.from({ length: 500 }, (_, key) => put(`key ${first + key}`)),
      );
    }
    await settle(cluster, [1, 2, 3]);
    const [number = 0] = followersOf(leader);
    flip(cluster, number, count);
    const [alarm] = await untilAlarm(cluster, leader);
    assert.equal(alarm?.memberID, BigInt(number));
  }));

test('without a majority nobody is accused before all have answered, and then everybody is', () =>
  withCluster(3, async (cluster, leader) => {
    const [second = 0, third = 0] = followersOf(leader);
    await write(cluster, leader, [put('a')]);
    await settle(cluster, [1, 2, 3]);
    cluster.disconnect(leader.status().configuration.addresses[third - 1]?.id ?? leader.status().memberId);
    flip(cluster, second, 1);
    await cluster.clock.advance(1_000);
    assert.deepEqual(leader.store.alarms(), []);
    const record = cluster.engine(third).read(1);
    assert.ok(record !== null);
    record.value[0] = 0;
    cluster.reconnect(leader.status().configuration.addresses[third - 1]?.id ?? leader.status().memberId);
    assert.deepEqual(await untilAlarm(cluster, leader), [{ memberID: 0n, alarm: AlarmType.CORRUPT }]);
    await cluster.clock.advance(100);
    assert.ok([1, 2, 3].every((number) => cluster.member(number).isIsolated));
    const call = { deadlineMs: cluster.clock.monotonicMs() + 1_000 };
    const asked = leader.callPeer(toMemberId(BigInt(second)), { type: 'snapshot-open', index: 0 }, call);
    await assert.rejects(cluster.clock.settling(asked), (error) => {
      assert.ok(error instanceof PeerCallError);
      return error.refusal?.code === 'corrupt';
    });
  }));
