import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CommandBody } from '@quorate/kv';
import { PutRequest, RangeRequest } from '@quorate/protocol';
import type { Replica } from '../replica.ts';
import { ReplicaCluster } from '../testing/replica-cluster.ts';

const id = 7n;
const keyBytes = new TextEncoder().encode('key');

function call(cluster: ReplicaCluster, ms = 5_000): { deadlineMs: number } {
  return { deadlineMs: cluster.clock.monotonicMs() + ms };
}

/** Moves the clock until the answer is there. */
async function settled<Answer>(cluster: ReplicaCluster, answer: Promise<Answer>): Promise<Answer> {
  const state = { done: false };
  answer.then(
    () => (state.done = true),
    () => (state.done = true),
  );
  for (let waitedMs = 0; !state.done && waitedMs < 20_000; waitedMs += 10) await cluster.clock.advance(10);
  assert.ok(state.done, 'an answer within 20 simulated seconds');
  return answer;
}

async function refusal(cluster: ReplicaCluster, answer: Promise<unknown>): Promise<unknown> {
  return settled(
    cluster,
    answer.then(
      () => 'done',
      (error: unknown) => (error as { code?: unknown }).code,
    ),
  );
}

async function withCluster(members: number, body: (cluster: ReplicaCluster) => Promise<void>): Promise<void> {
  const cluster = await ReplicaCluster.start({ members });
  try {
    await body(cluster);
  } finally {
    await cluster.close();
  }
  assert.equal(cluster.clock.timers, 0, 'a closed member leaves no timer behind');
}

async function grant(
  cluster: ReplicaCluster,
  replica: Replica,
  ttlSeconds: number,
  lease = id,
): Promise<void> {
  await settled(cluster, replica.leases.grant(lease, ttlSeconds, call(cluster)));
}

function put(lease: bigint): CommandBody {
  return { $case: 'put', put: PutRequest.create({ key: keyBytes, lease }) };
}

/** Moves the clock until the lease is gone here, and tells how long that took, within 10 ms. */
async function endOf(cluster: ReplicaCluster, replica: Replica, lease = id): Promise<number> {
  const startMs = cluster.clock.monotonicMs();
  while (replica.store.lease(lease) !== undefined) {
    assert.ok(cluster.clock.monotonicMs() - startMs < 60_000, 'the lease ends within a minute');
    await cluster.clock.advance(10);
  }
  return cluster.clock.monotonicMs() - startMs;
}

function assertBetween(value: number, min: number, max: number): void {
  assert.ok(value >= min && value <= max, `${value} is between ${min} and ${max}`);
}

function followerOf(cluster: ReplicaCluster, leader: Replica): Replica {
  const follower = cluster.ids.find((candidate) => candidate !== leader.status().memberId);
  return cluster.member(Number(follower));
}

describe('a lease', () => {
  test('ends with its keys when its time has passed, and not before', () =>
    withCluster(3, async (cluster) => {
      const leader = await cluster.awaitLeader();
      await grant(cluster, leader, 3);
      await settled(cluster, leader.propose(put(id), call(cluster)));
      assertBetween(await endOf(cluster, leader), 2_900, 3_400);
      assert.equal(leader.store.range(RangeRequest.create({ key: keyBytes })).count, 0);
    }));

  test('is kept alive through any member', () =>
    withCluster(3, async (cluster) => {
      const leader = await cluster.awaitLeader();
      const follower = followerOf(cluster, leader);
      await grant(cluster, leader, 3);
      for (let round = 0; round < 10; round++) {
        const member = round % 2 === 0 ? follower : leader;
        assert.equal(await settled(cluster, member.leases.renew(id, call(cluster))), 3);
        await cluster.clock.advance(1_000);
      }
      assertBetween(await endOf(cluster, leader), 1_900, 2_400);
    }));

  test('that does not exist cannot be kept alive', () =>
    withCluster(3, async (cluster) => {
      const leader = await cluster.awaitLeader();
      for (const member of [leader, followerOf(cluster, leader)]) {
        assert.equal(await settled(cluster, member.leases.renew(id, call(cluster))), 0);
        assert.equal(await settled(cluster, member.leases.lifeOf(id, call(cluster))), null);
      }
      assert.equal(await refusal(cluster, leader.leases.revoke(id, call(cluster))), 'lease-not-found');
    }));

  test('has its time told by every member', () =>
    withCluster(3, async (cluster) => {
      const leader = await cluster.awaitLeader();
      await grant(cluster, leader, 10);
      await settled(cluster, leader.propose(put(id), call(cluster)));
      await cluster.clock.advance(4_000);
      for (const member of [leader, followerOf(cluster, leader)]) {
        const life = await settled(cluster, member.leases.lifeOf(id, call(cluster)));
        assertBetween(life?.remainingMs ?? 0, 5_500, 6_000);
        assert.deepEqual([life?.lease.ttlSeconds, [...(life?.lease.keys ?? [])]], [10, ['key']]);
      }
    }));

  test('has an id of the member if the client chooses none, and a TTL that outlasts a change of leaders', () =>
    withCluster(3, async (cluster) => {
      const leader = await cluster.awaitLeader();
      const first = await settled(cluster, leader.leases.grant(0n, 0, call(cluster)));
      const second = await settled(cluster, leader.leases.grant(0n, -5, call(cluster)));
      assert.ok(first.ID > 0n && second.ID > 0n && first.ID !== second.ID);
      assert.deepEqual([first.TTL, second.TTL], [1, 1]);
      assert.equal(await refusal(cluster, leader.leases.grant(first.ID, 9, call(cluster))), 'lease-exists');
      const tooLong = leader.leases.grant(0n, 9_000_000_001, call(cluster));
      assert.equal(await refusal(cluster, tooLong), 'lease-ttl-too-large');
    }));

  test('may be granted by the put that it is for', () =>
    withCluster(3, async (cluster) => {
      const leader = await cluster.awaitLeader();
      const request = PutRequest.create({ key: keyBytes });
      const { lease, ttl } = await settled(cluster, leader.leases.putWithTtl(request, 3, call(cluster)));
      assert.equal(ttl, 3);
      assert.deepEqual([...(leader.store.lease(lease)?.keys ?? [])], ['key']);
      assertBetween(await endOf(cluster, leader, lease), 2_900, 3_400);
      assert.equal(leader.store.revision, 3);
    }));
});

describe('when the leader changes', () => {
  async function replaceLeader(cluster: ReplicaCluster, leader: Replica): Promise<Replica> {
    cluster.disconnect(leader.status().memberId);
    return cluster.awaitLeader();
  }

  test('a lease has no less than it had', () =>
    withCluster(3, async (cluster) => {
      const leader = await cluster.awaitLeader();
      await grant(cluster, leader, 4);
      await cluster.clock.advance(1_000);
      assert.equal(await settled(cluster, leader.leases.renew(id, call(cluster))), 4);
      const next = await replaceLeader(cluster, leader);
      assertBetween(await endOf(cluster, next), 3_900, 4_700);
    }));

  test('a lease that was not kept alive does not begin anew', () =>
    withCluster(3, async (cluster) => {
      const leader = await cluster.awaitLeader();
      await grant(cluster, leader, 8);
      await cluster.clock.advance(5_000);
      const next = await replaceLeader(cluster, leader);
      assertBetween(await endOf(cluster, next), 2_500, 4_700);
    }));

  test('a lease that was kept alive after a checkpoint begins anew', () =>
    withCluster(3, async (cluster) => {
      const leader = await cluster.awaitLeader();
      await grant(cluster, leader, 8);
      await cluster.clock.advance(5_000);
      assertBetween(leader.store.lease(id)?.remainingMs ?? 0, 3_800, 4_000);
      assert.equal(await settled(cluster, leader.leases.renew(id, call(cluster))), 8);
      assert.equal(leader.store.lease(id)?.remainingMs, 8_000);
      const next = await replaceLeader(cluster, leader);
      assertBetween(await endOf(cluster, next), 7_500, 8_700);
    }));

  test('who was cut off keeps nothing alive and ends nothing', () =>
    withCluster(3, async (cluster) => {
      const leader = await cluster.awaitLeader();
      await grant(cluster, leader, 2);
      const next = await replaceLeader(cluster, leader);
      const renewals = Array.from({ length: 5 }, async () => {
        return refusal(cluster, leader.leases.renew(id, call(cluster, 300)));
      });
      assert.deepEqual(new Set(await Promise.all(renewals)), new Set(['no-leader']));
      for (let round = 0; round < 4; round++) {
        assert.equal(await settled(cluster, next.leases.renew(id, call(cluster))), 2);
        await cluster.clock.advance(1_000);
      }
      cluster.reconnect(leader.status().memberId);
      assert.equal(await settled(cluster, leader.leases.renew(id, call(cluster))), 2);
      assert.ok(next.store.lease(id) !== undefined && leader.store.lease(id) !== undefined);
    }));
});

describe('a lease that has expired', () => {
  test('is waited for to be gone by who would keep it alive', () =>
    withCluster(3, async (cluster) => {
      const leader = await cluster.awaitLeader();
      await grant(cluster, leader, 2);
      await cluster.clock.advance(1_960);
      const others = cluster.ids.filter((member) => member !== leader.status().memberId);
      others.forEach((member) => cluster.disconnect(member));
      await cluster.clock.advance(60);
      const before = leader.status();
      const renewal = leader.leases.renew(id, call(cluster));
      await cluster.clock.advance(10);
      assert.ok(
        leader.store.lease(id) !== undefined,
        'it cannot end while nobody confirms that the member leads',
      );
      others.forEach((member) => cluster.reconnect(member));
      assert.equal(await settled(cluster, renewal), 0);
      assert.equal(leader.store.lease(id), undefined);
      assert.deepEqual([before.role, leader.status().term], ['leader', before.term]);
    }));

  test('waits for others if too many end at once', () =>
    withCluster(1, async (cluster) => {
      const leader = await cluster.awaitLeader();
      const count = 2_500;
      for (let next = 1; next <= count; next += 50) {
        const grants = Array.from({ length: 50 }, async (_, index) =>
          leader.leases.grant(BigInt(next + index), 5, call(cluster)),
        );
        await settled(cluster, Promise.all(grants));
      }
      await cluster.clock.advance(4_800);
      const left: number[] = [];
      while ([...leader.store.leases()].length > 0) {
        left.push([...leader.store.leases()].length);
        await cluster.clock.advance(1_000);
        assert.ok(left.length < 20);
      }
      for (const [round, before] of left.entries()) {
        assert.ok(before - (left[round + 1] ?? 0) <= 2_000, 'a burst, and what a second allows');
      }
    }));
});
