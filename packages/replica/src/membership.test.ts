import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type MemberId, toMemberId } from '@quorate/raft';
import type { MembershipChange } from './membership-change.ts';
import type { Replica } from './replica.ts';
import { ReplicaCluster, type ReplicaClusterOptions } from './testing/replica-cluster.ts';

const newcomer = {
  kind: 'add',
  name: 'n4',
  peerUrls: ['http://127.0.0.1:2384'],
  becomesVoter: true,
} as const satisfies MembershipChange;

async function start(options: ReplicaClusterOptions): Promise<ReplicaCluster> {
  return ReplicaCluster.start(options);
}

/** Moves the clock until a promise settles. */
async function settled<T>(cluster: ReplicaCluster, promise: Promise<T>): Promise<T> {
  const progress = { done: false };
  const end = (): void => {
    progress.done = true;
  };
  promise.then(end, end);
  await until(cluster, 'it settles within five simulated seconds', () => progress.done);
  return promise;
}

async function until(cluster: ReplicaCluster, what: string, condition: () => boolean): Promise<void> {
  for (let ticks = 0; ticks < 500 && !condition(); ticks += 1) {
    await cluster.clock.advance(10);
  }
  assert(condition(), what);
}

function change(cluster: ReplicaCluster, member: Replica, ...changes: readonly MembershipChange[]) {
  const deadlineMs = cluster.clock.monotonicMs() + 3000;
  return settled(cluster, member.changeMembership(changes, { deadlineMs }));
}

function put(cluster: ReplicaCluster, member: Replica, text: string) {
  const bytes = new TextEncoder().encode(text);
  const body = {
    $case: 'put',
    put: { key: bytes, value: bytes, lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false },
  } as const;
  const deadlineMs = cluster.clock.monotonicMs() + 3000;
  return settled(cluster, member.propose(body, { deadlineMs }));
}

function follower(cluster: ReplicaCluster, leader: Replica): Replica {
  const id = cluster.ids.find((candidate) => candidate !== leader.status().memberId);
  assert(id !== undefined);
  return cluster.member(Number(id));
}

/** Adds a member at whoever is asked, and starts it. */
async function grow(cluster: ReplicaCluster, asked: Replica, asLearner = false): Promise<Replica> {
  const outcome = await change(cluster, asked, { ...newcomer, becomesVoter: !asLearner });
  const [id] = outcome.added;
  assert(id !== undefined);
  return cluster.join(id, asked.status().commitIndex);
}

function votersOf(replica: Replica): readonly MemberId[] {
  return replica.status().configuration.voters;
}

describe('a new member', () => {
  test('joins as a learner, and is promoted by itself when it has caught up', async () => {
    const cluster = await start({ members: 3 });
    const leader = await cluster.awaitLeader();
    await put(cluster, leader, 'before');
    const joined = await grow(cluster, leader);
    const { memberId } = joined.status();
    assert.deepEqual(leader.status().configuration.learners, [memberId]);
    await until(cluster, 'it votes', () => votersOf(leader).includes(memberId));
    await until(cluster, 'it knows', () => votersOf(joined).length === 4);
    await put(cluster, joined, 'after');
    assert.equal(joined.store.revision, 3);
    await cluster.close();
  });

  test('stays a learner if that is asked for, until it is promoted', async () => {
    const cluster = await start({ members: 1 });
    const leader = await cluster.awaitLeader();
    const joined = await grow(cluster, leader, true);
    const { memberId } = joined.status();
    await put(cluster, leader, 'x');
    await until(cluster, 'it has caught up', () => joined.store.revision === 2);
    await cluster.clock.advance(1000);
    assert.equal(votersOf(leader).length, 1);
    await change(cluster, leader, { kind: 'promote', id: memberId });
    assert.equal(votersOf(leader).length, 2);
    await cluster.close();
  });

  test('is not promoted while it does not run, and does not keep the others from working', async () => {
    const cluster = await start({ members: 1 });
    const leader = await cluster.awaitLeader();
    const { added } = await change(cluster, leader, newcomer);
    await cluster.clock.advance(2000);
    assert.deepEqual(leader.status().configuration.learners, added);
    await put(cluster, leader, 'x');
    await assert.rejects(change(cluster, leader, { kind: 'promote', id: added[0] ?? toMemberId(9n) }), {
      code: 'learner-not-in-sync',
    });
    await cluster.close();
  });

  test('that restarts before it has caught up goes on, and is not taken for a removed one', async () => {
    const cluster = await start({ members: 3 });
    const leader = await cluster.awaitLeader();
    const { added } = await change(cluster, leader, newcomer);
    const [id] = added;
    assert(id !== undefined);
    await cluster.join(id, leader.status().commitIndex);
    await cluster.stop(id);
    const again = await cluster.open(id);
    await until(cluster, 'it votes', () => votersOf(again).includes(id));
    await cluster.close();
  });
});

describe('a change of membership', () => {
  test('may be asked of a follower', async () => {
    const cluster = await start({ members: 3 });
    const leader = await cluster.awaitLeader();
    const { added, configuration } = await change(cluster, follower(cluster, leader), newcomer);
    assert.deepEqual(configuration.learners, added);
    await assert.rejects(change(cluster, follower(cluster, leader), newcomer), {
      code: 'peer-url-exists',
    });
    await cluster.close();
  });

  test('is refused while another one runs', async () => {
    const cluster = await start({ members: 3 });
    const leader = await cluster.awaitLeader();
    const deadlineMs = cluster.clock.monotonicMs() + 3000;
    const first = leader.changeMembership([newcomer], { deadlineMs });
    await assert.rejects(leader.changeMembership([{ ...newcomer, name: 'n5' }], { deadlineMs }), {
      code: 'change-running',
    });
    await settled(cluster, first);
    await cluster.close();
  });

  test('is refused if the cluster could not decide anything afterwards', async () => {
    const cluster = await start({ members: 3 });
    const leader = await cluster.awaitLeader();
    const [second, third] = cluster.ids.filter((id) => id !== leader.status().memberId);
    assert(second !== undefined && third !== undefined);
    await cluster.stop(second);
    await cluster.clock.advance(500);
    await assert.rejects(change(cluster, leader, { kind: 'remove', id: third }), {
      code: 'not-enough-started-members',
    });
    await change(cluster, leader, { kind: 'remove', id: second });
    await put(cluster, leader, 'x');
    await cluster.close();
  });

  test('without an answer says what is known of it', async () => {
    const cluster = await start({ members: 3 });
    const leader = await cluster.awaitLeader();
    cluster.disconnect(leader.status().memberId);
    await assert.rejects(change(cluster, leader, newcomer), { code: 'unknown-outcome' });
    await cluster.close();
  });

  test('of several members at once goes through a joint configuration, and ends', async () => {
    const cluster = await start({ members: 3 });
    const leader = await cluster.awaitLeader();
    const others = cluster.ids.filter((id) => id !== leader.status().memberId);
    const { configuration } = await change(
      cluster,
      leader,
      ...others.map((id) => ({ kind: 'remove', id }) as const),
    );
    assert.deepEqual(configuration.voters, [leader.status().memberId]);
    assert.deepEqual(configuration.outgoingVoters, []);
    assert.equal(configuration.addresses.length, 1);
    await put(cluster, leader, 'alone');
    await cluster.close();
  });

  test('moves a member to another address', async () => {
    const cluster = await start({ members: 3 });
    const leader = await cluster.awaitLeader();
    const [id] = cluster.ids;
    assert(id !== undefined);
    const peerUrls = ['http://127.0.0.1:9999'];
    const { configuration } = await change(cluster, leader, { kind: 'update-peer-urls', id, peerUrls });
    assert.deepEqual(configuration.addresses.find((address) => address.id === id)?.peerUrls, peerUrls);
    await cluster.close();
  });
});

describe('a removed member', () => {
  test('learns it from its peers and stops', async () => {
    const cluster = await start({ members: 3 });
    const leader = await cluster.awaitLeader();
    const removed = follower(cluster, leader);
    await change(cluster, leader, { kind: 'remove', id: removed.status().memberId });
    const error = await settled(cluster, removed.failed);
    assert.equal('code' in error && error.code, 'removed');
    await cluster.close();
  });

  test('that was asked for its own removal still answers', async () => {
    const cluster = await start({ members: 3 });
    const leader = await cluster.awaitLeader();
    const removed = follower(cluster, leader);
    const { configuration } = await change(cluster, removed, {
      kind: 'remove',
      id: removed.status().memberId,
    });
    assert.equal(configuration.voters.length, 2);
    await settled(cluster, removed.failed);
    await cluster.close();
  });

  test('still learns what becomes of the writes that it has taken', async () => {
    const cluster = await start({ members: 3 });
    const leader = await cluster.awaitLeader();
    const removed = follower(cluster, leader);
    const { memberId } = removed.status();
    const deadlineMs = cluster.clock.monotonicMs() + 3000;
    const gone = leader.changeMembership([{ kind: 'remove', id: memberId }], { deadlineMs });
    const writes = [put(cluster, removed, 'with it'), put(cluster, removed, 'after it')];
    await Promise.all(writes);
    await settled(cluster, gone);
    await settled(cluster, removed.failed);
    assert.equal(leader.store.revision, 3);
    await cluster.close();
  });

  test('that was away learns it when it comes back', async () => {
    const cluster = await start({ members: 3 });
    const leader = await cluster.awaitLeader();
    const { memberId } = follower(cluster, leader).status();
    await cluster.stop(memberId);
    await change(cluster, leader, { kind: 'remove', id: memberId });
    const back = await cluster.open(memberId);
    const error = await settled(cluster, back.failed);
    assert.equal('code' in error && error.code, 'removed');
    await cluster.close();
  });

  test('that has joined and has heard nothing yet learns it from those who were there when it joined', async () => {
    const cluster = await start({ members: 3 });
    const leader = await cluster.awaitLeader();
    const { added } = await change(cluster, leader, newcomer);
    const [id] = added;
    assert(id !== undefined);
    const joinedAt = leader.status().commitIndex;
    await change(cluster, leader, { kind: 'remove', id });
    const joined = await cluster.join(id, joinedAt);
    const error = await settled(cluster, joined.failed);
    assert.equal('code' in error && error.code, 'removed');
    await cluster.close();
  });

  test('that led hands over first, and the others go on', async () => {
    const cluster = await start({ members: 3 });
    const leader = await cluster.awaitLeader();
    const { memberId, term } = leader.status();
    await change(cluster, leader, { kind: 'remove', id: memberId });
    await settled(cluster, leader.failed);
    await cluster.stop(memberId);
    const next = await cluster.awaitLeader();
    assert.equal(next.status().term, term + 1, 'one election, and no timeout');
    assert.equal(votersOf(next).length, 2);
    await cluster.close();
  });

  test('does not start again where its own log says so', async () => {
    const cluster = await start({ members: 2 });
    const leader = await cluster.awaitLeader();
    const { memberId } = leader.status();
    await change(cluster, leader, { kind: 'remove', id: memberId });
    await settled(cluster, leader.failed);
    await cluster.stop(memberId);
    // It may have learnt it from its peer or from its log; either way it does not run again for long.
    const again = cluster.open(memberId).then((replica) => settled(cluster, replica.failed));
    const error = await again.catch((caught: unknown) => caught);
    assert(error instanceof Error && 'code' in error);
    assert.equal(error.code, 'removed');
    await cluster.close();
  });
});

test('a leader that is going to stop hands over to the voter that is ready soonest', async () => {
  const cluster = await start({ members: 3 });
  const leader = await cluster.awaitLeader();
  const deadlineMs = cluster.clock.monotonicMs() + 3000;
  await settled(cluster, leader.handOver({ deadlineMs }));
  assert.equal(leader.status().role, 'follower');
  assert.notEqual((await cluster.awaitLeader()).status().memberId, leader.status().memberId);
  await cluster.close();
});

test('a change that waits for a leader when the member has just stopped is told so', async () => {
  const cluster = await start({ members: 3 });
  try {
    const leader = await cluster.awaitLeader();
    const [asked, other] = cluster.ids.filter((id) => id !== leader.status().memberId);
    assert(asked !== undefined && other !== undefined);
    const member = cluster.member(Number(asked));
    await cluster.stop(leader.status().memberId);
    await cluster.stop(other);
    await until(cluster, 'it has no leader', () => member.status().leader === null);
    const { membership } = member;
    await cluster.stop(asked);
    const change = membership.change([newcomer], { deadlineMs: cluster.clock.monotonicMs() + 60_000 });
    await assert.rejects(change, { code: 'stopped' });
  } finally {
    await cluster.close();
  }
});
