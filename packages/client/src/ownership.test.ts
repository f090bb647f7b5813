import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { grpcStatus } from './grpc-status.ts';
import { QuorateClient } from './quorate-client.ts';
import { FakeCluster, type Fault, toPut } from './testing/index.ts';

const noLeader: Fault = { kind: 'status', code: grpcStatus.unavailable, details: 'etcdserver: no leader' };

/** A client that gives each call one try. */
function impatient(cluster: FakeCluster): QuorateClient {
  return new QuorateClient({
    endpoints: cluster.endpoints,
    retry: { retriesMax: 0, baseMs: 1, maxMs: 2 },
  });
}

async function until(what: string, condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 2_000; tries += 1) {
    if (condition()) return;
    await sleep(5);
  }
  throw new Error(`waited in vain until ${what}`);
}

test('an outage while a lock is waited for is waited for, too', async () => {
  await using cluster = await FakeCluster.start(1);
  await using client = impatient(cluster);
  const member = cluster.member(0);
  // For the place in the queue, and for the look whether it is the first.
  member.faults.push(noLeader, noLeader, noLeader);
  await using lock = await client.lock('job');
  assert.ok(lock.fencingToken > 0);
  assert.deepEqual(member.faults, []);
  assert.deepEqual(
    member.calls.filter((call) => call === 'Txn' || call === 'Range'),
    ['Txn', 'Txn', 'Txn', 'Txn', 'Range'],
  );
});

test('so is one while a leader is looked for', async () => {
  await using cluster = await FakeCluster.start(1);
  await using client = impatient(cluster);
  const member = cluster.member(0);
  await client.put('job/1', 'first');
  const leaders = client.observe('job');
  const first = await leaders.next();
  assert.equal(first.done === true ? '' : first.value.entry.text(), 'first');
  const next = leaders.next();
  await until('the leader is watched', () => member.watches[0]?.requests.length === 1);
  await client.delete('job/1');
  const { revision } = await client.put('job/2', 'second');
  member.faults.push(noLeader, noLeader);
  const gone = toPut(`job/1@${revision - 1}`);
  member.watches[0]?.respond(revision, { events: [{ ...gone, type: 1 }] });
  const second = await next;
  assert.equal(second.done === true ? '' : second.value.entry.text(), 'second');
  assert.deepEqual(member.faults, []);
  await leaders.return?.();
});

test('who cannot reach the cluster to begin with is told so', async () => {
  await using cluster = await FakeCluster.start(1);
  await using client = impatient(cluster);
  await cluster.member(0).stop();
  await assert.rejects(client.lock('job'), { code: 'unavailable' });
});

test('a wait ends in time, though the cluster cannot be reached', async () => {
  await using cluster = await FakeCluster.start(1);
  await using client = impatient(cluster);
  cluster.member(0).always = noLeader;
  await assert.rejects(client.lock('job', { waitMs: 50 }), {
    code: 'deadline-exceeded',
    message: 'it was not owned within 50 ms: another one owns it, or the cluster could not be reached',
  });
  const controller = new AbortController();
  const waiting = client.campaign('job', 'value', { signal: controller.signal });
  controller.abort();
  await assert.rejects(waiting, { code: 'cancelled' });
});

test('who loses the lease while waiting takes another one, unless it was given', async () => {
  await using cluster = await FakeCluster.start(1);
  await using client = impatient(cluster);
  const member = cluster.member(0);
  const given = await client.grantLease({ ttlSeconds: 60 });
  member.always = noLeader;
  const refused = assert.rejects(client.lock('job', { lease: given }), { code: 'lease-lost' });
  await given.revoke();
  await refused;
  // The fake cluster keeps no lease alive.
  const waiting = client.lock('job', { ttlSeconds: 1 });
  await until('another lease was asked for', () => cluster.store.leases === 3);
  member.always = null;
  await using lock = await waiting;
  assert.ok(lock.fencingToken > 0);
  // The one that was given, and the one that was lost, which may hold a place in the queue.
  assert.equal(member.calls.filter((call) => call === 'LeaseRevoke').length, 2);
});

test('a wait ends in time, though nobody answers any more', async () => {
  await using cluster = await FakeCluster.start(1);
  // A call would wait for longer than any test may take.
  await using client = new QuorateClient({ endpoints: cluster.endpoints, timeoutMs: 600_000 });
  const member = cluster.member(0);
  const lease = await client.grantLease({ ttlSeconds: 60 });
  await client.put('job/0', 'other');
  for (const options of [{ waitMs: 200 }, { waitMs: 200, lease }]) {
    const waiting = assert.rejects(client.lock('job', options), { code: 'deadline-exceeded' });
    const watches = member.watches.length;
    await until('it waits', () => member.watches.length > watches);
    member.always = { kind: 'hang' };
    await waiting;
    member.always = null;
  }
});

test('who loses the place in the queue takes another one, unless the lease was given', async () => {
  await using cluster = await FakeCluster.start(1);
  await using client = impatient(cluster);
  const member = cluster.member(0);
  const given = await client.grantLease({ ttlSeconds: 60 });
  await client.put('job/0', 'other');
  const losing = async <Result>(waiting: Promise<Result>): Promise<Result> => {
    await until('it waits', () => member.watches.at(-1)?.requests.length === 1);
    const { revision } = await client.deleteRange({ prefix: 'job/' });
    member.watches.at(-1)?.respond(revision, { canceled: true, compactRevision: revision });
    return waiting;
  };
  await assert.rejects(losing(client.lock('job', { lease: given })), { code: 'not-owner' });
  await client.put('job/0', 'other');
  const open = member.watches.length;
  const waiting = client.lock('job');
  await until('it watches', () => member.watches.length > open);
  await using lock = await losing(waiting);
  assert.ok(lock.fencingToken > 0);
  assert.equal(cluster.store.leases, 3);
});

test('a time that is no time is refused', async () => {
  await using cluster = await FakeCluster.start(1);
  await using client = impatient(cluster);
  for (const waitMs of [-1, 0.5, 2_147_483_648, Number.POSITIVE_INFINITY]) {
    await assert.rejects(client.lock('job', { waitMs }), {
      code: 'invalid-argument',
      message: /^waitMs must/,
    });
    await assert.rejects(client.get('a', { timeoutMs: waitMs }), { code: 'invalid-argument' });
  }
  assert.equal(cluster.store.leases, 0);
});
