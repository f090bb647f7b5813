import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { type CommandBody, StoreError } from '@quorate/kv';
import {
  AlarmRequest_AlarmAction as AlarmAction,
  AlarmType,
  CompactionRequest,
  DeleteRangeRequest,
  PutRequest,
} from '@quorate/protocol';
import type { Replica } from './replica.ts';
import { ReplicaError } from './replica-error.ts';
import { ReplicaCluster, type ReplicaClusterOptions } from './testing/replica-cluster.ts';

const quotaBytes = 20_000;
const valueBytes = 900;

function put(key: string, bytes = valueBytes): CommandBody {
  return { $case: 'put', put: PutRequest.create({ key: Buffer.from(key), value: new Uint8Array(bytes) }) };
}

function alarm(action: AlarmAction, type: AlarmType, memberID: bigint): CommandBody {
  return { $case: 'alarm', alarm: { action, alarm: type, memberID } };
}

async function withCluster(
  options: Omit<ReplicaClusterOptions, 'members'>,
  body: (cluster: ReplicaCluster, leader: Replica) => Promise<void>,
): Promise<void> {
  const cluster = await ReplicaCluster.start({ members: 3, ...options });
  try {
    await body(cluster, await cluster.awaitLeader());
  } finally {
    await cluster.close();
  }
}

/** Runs the clock until the command is answered: `done`, or the code with which it is refused. */
async function outcome(cluster: ReplicaCluster, answer: Promise<unknown>): Promise<string> {
  const result = { ended: 'waiting' };
  answer.then(
    () => {
      result.ended = 'done';
    },
    (error: unknown) => {
      result.ended =
        error instanceof ReplicaError || error instanceof StoreError ? error.code : String(error);
    },
  );
  await cluster.clock.settle();
  for (let waitedMs = 0; result.ended === 'waiting' && waitedMs < 5_000; waitedMs += 10) {
    await cluster.clock.advance(10);
  }
  return result.ended;
}

async function execute(cluster: ReplicaCluster, member: Replica, body: CommandBody): Promise<string> {
  return outcome(cluster, member.propose(body, { deadlineMs: cluster.clock.monotonicMs() + 1_000 }));
}

async function until(cluster: ReplicaCluster, condition: () => boolean): Promise<void> {
  for (let waitedMs = 0; !condition(); waitedMs += 10) {
    assert.ok(waitedMs < 5_000, 'the condition came true');
    await cluster.clock.advance(10);
  }
}

/** Puts until one is refused; returns how many were done. Memory engines take what headers and values take. */
async function fill(cluster: ReplicaCluster, member: Replica): Promise<number> {
  for (let count = 0; count < 100; count += 1) {
    const ended = await execute(cluster, member, put(`key ${count}`));
    if (ended === 'no-space') return count;
    assert.equal(ended, 'done');
    await cluster.clock.advance(10);
  }
  throw new Error('the quota was never used up');
}

test('a full member refuses writes on every member, until keys are deleted and compacted', () =>
  withCluster({ limits: { spaceQuotaBytes: quotaBytes } }, async (cluster, leader) => {
    const members = [1, 2, 3].map((number) => cluster.member(number));
    const count = await fill(cluster, leader);
    assert.ok(count >= 18 && count <= 22, `${count} puts fit`);
    await until(cluster, () => members.every(({ store }) => store.alarms().length > 0));
    for (const member of members) {
      assert.equal(await execute(cluster, member, put('small', 1)), 'no-space');
      const read = member.linearize({ deadlineMs: cluster.clock.monotonicMs() + 1_000 });
      assert.equal(await outcome(cluster, read), 'done', 'reads go on');
    }

    const all = { key: Uint8Array.of(0), rangeEnd: Uint8Array.of(0) };
    const deletion = DeleteRangeRequest.create(all);
    assert.equal(await execute(cluster, leader, { $case: 'deleteRange', deleteRange: deletion }), 'done');
    const compaction = CompactionRequest.create({ revision: leader.store.revision });
    assert.equal(await execute(cluster, leader, { $case: 'compaction', compaction }), 'done');
    for (const { store } of members) while (!store.removeCompacted(1000));
    await until(cluster, () => members.every(({ store }) => store.alarms().length === 0));
    assert.equal(await execute(cluster, leader, put('again')), 'done');
  }));

test('a write that does not fit is refused, and smaller ones go on while there is room', () =>
  withCluster(
    { limits: { spaceQuotaBytes: quotaBytes, requestMaxBytes: 100_000 } },
    async (cluster, leader) => {
      assert.equal(await execute(cluster, leader, put('large', quotaBytes + 1)), 'no-space');
      await cluster.clock.advance(100);
      assert.deepEqual(leader.store.alarms(), []);
      assert.equal(await execute(cluster, leader, put('small', 1)), 'done');
    },
  ));

test('an alarm that is cleared by hand comes back while the space is used up', () =>
  withCluster({ limits: { spaceQuotaBytes: quotaBytes } }, async (cluster, leader) => {
    await fill(cluster, leader);
    await until(cluster, () => leader.store.alarms().length > 0);
    const clearing = alarm(AlarmAction.DEACTIVATE, AlarmType.NOSPACE, 0n);
    assert.equal(await execute(cluster, leader, clearing), 'done');
    assert.equal(await execute(cluster, leader, put('more')), 'no-space');
    await until(cluster, () => leader.store.alarms().length > 0);
  }));

test('the leader clears the alarms of members that are not there any more', () =>
  withCluster({}, async (cluster, leader) => {
    assert.equal(await execute(cluster, leader, alarm(AlarmAction.ACTIVATE, AlarmType.NOSPACE, 77n)), 'done');
    await until(cluster, () => leader.store.alarms().length === 0);
  }));

test('a member whose data is wrong serves nothing, and the others go on', () =>
  withCluster({}, async (cluster, leader) => {
    const follower = [1, 2, 3].map((number) => cluster.member(number)).find((one) => one !== leader);
    assert.ok(follower !== undefined);
    const { memberId } = follower.status();
    const raising = alarm(AlarmAction.ACTIVATE, AlarmType.CORRUPT, memberId);
    assert.equal(await execute(cluster, leader, raising), 'done');
    await until(cluster, () => follower.isIsolated);
    assert.equal(await execute(cluster, follower, put('k')), 'corrupt');
    const read = follower.linearize({ deadlineMs: cluster.clock.monotonicMs() + 1_000 });
    assert.equal(await outcome(cluster, read), 'corrupt');
    assert.equal(await execute(cluster, leader, put('k')), 'done');
    const clearing = alarm(AlarmAction.DEACTIVATE, AlarmType.CORRUPT, memberId);
    assert.equal(await execute(cluster, follower, clearing), 'done', 'it can be told that it is sound again');
    assert.equal(await execute(cluster, follower, put('k')), 'done');
  }));

test('writes are refused while too many committed entries wait to be applied', () =>
  withCluster(
    { limits: { applyLagMaxEntries: 3 }, raft: { applyMaxEntries: 1 } },
    async (cluster, leader) => {
      await cluster.clock.advance(100);
      const call = { deadlineMs: cluster.clock.monotonicMs() + 1_000 };
      // One turn proposes them all, and each turn applies one.
      const burst = Promise.all(
        Array.from({ length: 20 }, (_, number) => leader.propose(put(`k${number}`, 1), call)),
      );
      const settling = cluster.clock.settle();
      while (leader.status().commitIndex - leader.status().appliedIndex <= 3) await immediate();
      await assert.rejects(leader.propose(put('late', 1), call), { code: 'overloaded' });
      await settling;
      assert.equal(await outcome(cluster, burst), 'done');
      assert.equal(await execute(cluster, leader, put('later', 1)), 'done');
    },
  ));
