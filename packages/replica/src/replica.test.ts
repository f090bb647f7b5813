import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandBody } from '@quorate/kv';
import { PutRequest, RangeRequest } from '@quorate/protocol';
import { toMemberId } from '@quorate/raft';
import type { Replica } from './replica.ts';
import { ReplicaError } from './replica-error.ts';
import { ReplicaCluster, type ReplicaClusterOptions } from './testing/replica-cluster.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function put(key: string, value: string): CommandBody {
  return {
    $case: 'put',
    put: PutRequest.create({ key: encoder.encode(key), value: encoder.encode(value) }),
  };
}

function valueOf(replica: Replica, key: string): string | undefined {
  const { kvs } = replica.store.range(RangeRequest.create({ key: encoder.encode(key) }));
  return kvs[0] === undefined ? undefined : decoder.decode(kvs[0].value);
}

/** Runs the clock until `answer` settles, and tells how. */
async function outcome(cluster: ReplicaCluster, answer: Promise<unknown>): Promise<string> {
  const result = { ended: 'waiting' };
  answer.then(
    () => {
      result.ended = 'done';
    },
    (error: unknown) => {
      result.ended = error instanceof ReplicaError ? error.code : `unexpected: ${String(error)}`;
    },
  );
  for (let waitedMs = 0; result.ended === 'waiting' && waitedMs < 20_000; waitedMs += 10) {
    await cluster.clock.advance(10);
  }
  return result.ended;
}

async function withCluster(
  options: ReplicaClusterOptions,
  body: (cluster: ReplicaCluster) => Promise<void>,
): Promise<void> {
  const cluster = await ReplicaCluster.start(options);
  try {
    await body(cluster);
  } finally {
    await cluster.close();
  }
  assert.equal(cluster.clock.timers, 0, 'a closed member leaves no timer behind');
}

const call = (cluster: ReplicaCluster, ms: number) => ({ deadlineMs: cluster.clock.monotonicMs() + ms });

for (const replication of ['vanilla', 'pipelined'] as const) {
  test(`${replication}: a write through any member is seen by a linearizable read on every member`, () =>
    withCluster({ members: 3, replication }, async (cluster) => {
      await cluster.awaitLeader();
      for (const number of [1, 2, 3]) {
        const writer = cluster.member(number);
        assert.equal(
          await outcome(cluster, writer.propose(put('k', `v${number}`), call(cluster, 1000))),
          'done',
        );
        for (const reader of [1, 2, 3].map((other) => cluster.member(other))) {
          const read = reader.linearize(call(cluster, 1000));
          assert.equal(await outcome(cluster, read), 'done');
          assert.equal(valueOf(reader, 'k'), `v${number}`);
        }
      }
    }));
}

test('a cluster of one leads at once, without waiting for an election timeout', () =>
  withCluster({ members: 1 }, async (cluster) => {
    const written = cluster.member(1).propose(put('k', 'v'), call(cluster, 1000));
    await cluster.clock.settle();
    await written;
    assert.equal(cluster.clock.monotonicMs(), 0);
  }));

test('requests wait for a leader, and without one are told so at their deadline', () =>
  withCluster({ members: 3 }, async (cluster) => {
    const early = cluster.member(1).propose(put('early', 'v'), call(cluster, 5000));
    assert.equal(await outcome(cluster, early), 'done', 'it waited for the first election');
    cluster.disconnect(toMemberId(2n));
    cluster.disconnect(toMemberId(3n));
    await cluster.clock.advance(500);
    assert.equal(
      await outcome(cluster, cluster.member(1).propose(put('late', 'v'), call(cluster, 300))),
      'no-leader',
    );
    const read = cluster.member(1).linearize(call(cluster, 300));
    assert.equal(await outcome(cluster, read), 'no-leader');
  }));

test('a read that is turned away is not asked again in a loop', { timeout: 10_000 }, () =>
  withCluster({ members: 3 }, async (cluster) => {
    const { memberId } = (await cluster.awaitLeader()).status();
    const [reader] = cluster.ids.filter((id) => id !== memberId).map((id) => cluster.member(Number(id)));
    assert.ok(reader !== undefined);
    await cluster.stop(memberId);
    await cluster.open(memberId);
    assert.equal(reader.status().leader, memberId, 'it has not noticed that its leader started anew');
    assert.equal(await outcome(cluster, reader.linearize(call(cluster, 10_000))), 'done');
  }),
);

test('a write whose leader is lost is told "unknown outcome", never "failed"', () =>
  withCluster({ members: 3 }, async (cluster) => {
    const leader = await cluster.awaitLeader();
    cluster.disconnect(leader.status().memberId);
    const lost = leader.propose(put('k', 'lost'), call(cluster, 300));
    assert.equal(await outcome(cluster, lost), 'unknown-outcome');
  }));

test('a write that the next term shows to be lost is proposed again, and applied once', () =>
  withCluster({ members: 3 }, async (cluster) => {
    const old = await cluster.awaitLeader();
    const { memberId } = old.status();
    cluster.disconnect(memberId);
    const write = old.propose(put('k', 'v'), call(cluster, 10_000));
    const next = await cluster.awaitLeader();
    assert.notEqual(next, old);
    cluster.reconnect(memberId);
    assert.equal(await outcome(cluster, write), 'done');
    const { kvs } = old.store.range(RangeRequest.create({ key: encoder.encode('k') }));
    assert.equal(kvs[0]?.version, 1);
  }));

test('a member that restarts replays its log and answers with what was acknowledged', () =>
  withCluster({ members: 3 }, async (cluster) => {
    await cluster.awaitLeader();
    for (let count = 0; count < 20; count += 1) {
      await outcome(cluster, cluster.member(1).propose(put(`k${count}`, 'v'), call(cluster, 1000)));
    }
    for (const id of cluster.ids) {
      await cluster.stop(id);
    }
    for (const id of cluster.ids) {
      await cluster.open(id);
    }
    await outcome(cluster, cluster.member(2).linearize(call(cluster, 5000)));
    assert.equal(valueOf(cluster.member(2), 'k19'), 'v');
  }));

test('leadership moves to the named voter, and only from the leader', () =>
  withCluster({ members: 3 }, async (cluster) => {
    const leader = await cluster.awaitLeader();
    const other = cluster.ids.find((id) => id !== leader.status().memberId);
    assert.ok(other !== undefined);
    await assert.rejects(leader.transferLeadership(toMemberId(99n), call(cluster, 1000)), {
      code: 'bad-transferee',
    });
    await assert.rejects(cluster.member(Number(other)).transferLeadership(other, call(cluster, 1000)), {
      code: 'not-leader',
    });
    const moved = leader.transferLeadership(other, call(cluster, 1000));
    assert.equal(await outcome(cluster, moved), 'done');
    assert.equal((await cluster.awaitLeader()).status().memberId, other);
  }));

test('what exceeds a limit is refused and has no effect', () =>
  withCluster({ members: 1, limits: { requestMaxBytes: 200, pendingProposalsMax: 1 } }, async (cluster) => {
    const member = cluster.member(1);
    await assert.rejects(member.propose(put('k', 'v'.repeat(300)), call(cluster, 1000)), {
      code: 'request-too-large',
    });
    const first = member.propose(put('k', 'first'), call(cluster, 1000));
    await assert.rejects(member.propose(put('k', 'second'), call(cluster, 1000)), { code: 'overloaded' });
    assert.equal(await outcome(cluster, first), 'done');
    assert.equal(valueOf(member, 'k'), 'first');
  }));

test('a failed fsync stops the member, which acknowledges nothing more', () =>
  withCluster({ members: 3 }, async (cluster) => {
    const leader = await cluster.awaitLeader();
    const disk = cluster.disks[Number(leader.status().memberId) - 1];
    assert.ok(disk !== undefined);
    disk.fault = (operation) => (operation.kind === 'sync' ? { kind: 'fail', code: 'EIO' } : null);
    const write = leader.propose(put('k', 'v'), call(cluster, 1000));
    assert.equal(await outcome(cluster, write), 'unknown-outcome');
    assert.match((await leader.failed).message, /EIO|disk/);
    await assert.rejects(leader.propose(put('k', 'v'), call(cluster, 1000)), { code: 'stopped' });
  }));

test('a member that closes tells every caller what is known of its request', () =>
  withCluster({ members: 3 }, async (cluster) => {
    const leader = await cluster.awaitLeader();
    const { memberId } = leader.status();
    cluster.disconnect(memberId);
    const write = leader.propose(put('k', 'v'), call(cluster, 10_000));
    const read = leader.linearize(call(cluster, 10_000));
    await cluster.clock.advance(1);
    const [wrote, readEnded] = [outcome(cluster, write), outcome(cluster, read)];
    await cluster.stop(memberId);
    assert.deepEqual([await wrote, await readEnded], ['unknown-outcome', 'stopped']);
  }));
