import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Leader, type Lock, operation, QuorateClient } from '@quorate/client';
import { eventually } from './harness/eventually.ts';
import { TestCluster } from './harness/test-cluster.ts';

function codeOf({ reason }: AbortSignal): unknown {
  return (reason as { readonly code?: unknown } | undefined)?.code;
}

test('a lease that keeps itself alive outlives the deaths of leaders, and its keys end with it', async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const lease = await client.grantLease({ ttlSeconds: 4 });
  await client.put('worker', 'here', { lease: lease.id });
  for (let round = 0; round < 3; round += 1) {
    const leader = await cluster.leader();
    await leader.kill();
    leader.start();
    await cluster.leader();
    const before = lease.safeForMs;
    await eventually('it is kept alive by the new leader', async () => {
      assert.ok(lease.safeForMs > before || lease.lost.aborted);
      return Promise.resolve();
    });
    assert.equal(lease.lost.aborted, false);
    assert.equal((await client.get('worker'))?.lease, lease.id);
  }
  await lease.revoke();
  assert.equal(lease.lost.aborted, true);
  assert.deepEqual([await client.get('worker'), await client.leaseStatus(lease.id)], [null, null]);
});

test('a lease of a client that has died ends, and that of one who lost the cluster says so', async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const other = new QuorateClient({ endpoints: cluster.endpoints });
  const abandoned = await other.grantLease({ ttlSeconds: 2 });
  await client.put('abandoned', '', { lease: abandoned.id });
  await other.close();
  assert.equal(codeOf(abandoned.lost), 'client-closed');
  await eventually('its key is gone', async () => assert.equal(await client.get('abandoned'), null));

  const lease = await client.grantLease({ ttlSeconds: 2 });
  const ended = client.grantLease({ ttlSeconds: 60 }).then(async (longer) => {
    await client.revokeLease(longer.id);
    return client.renewLease(longer.id);
  });
  assert.equal(await ended, 0);
  for (const member of cluster.members) await member.kill();
  await eventually('the client gives it up', async () => {
    assert.ok(lease.lost.aborted);
    return Promise.resolve();
  });
  assert.equal(codeOf(lease.lost), 'lease-lost');
});

test('a put with a time to live is there, and vanishes', async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const { revision, lease } = await client.put('session', 'Ada', { ttlSeconds: 2 });
  const entry = await client.get('session');
  assert.deepEqual([entry?.text(), entry?.modRevision, entry?.lease], ['Ada', revision, lease]);
  await assert.rejects(client.put('a', '', { ttlSeconds: 2, lease }), { code: 'invalid-argument' });
  await assert.rejects(client.createLease({ ttlSeconds: 9, id: lease }), { code: 'lease-exists' });
  await eventually('it has vanished', async () => assert.equal(await client.get('session'), null));
});

test('one at a time owns a lock, through the deaths of leaders, and tokens grow', async () => {
  await using cluster = await TestCluster.start();
  const clients = Array.from({ length: 4 }, () => new QuorateClient({ endpoints: cluster.endpoints }));
  const owners = { now: 0 };
  const tokens: number[] = [];
  const work = async (client: QuorateClient): Promise<void> => {
    for (let round = 0; round < 5; round += 1) {
      await using lock = await client.lock('job', { ttlSeconds: 5 });
      owners.now += 1;
      assert.equal(owners.now, 1);
      tokens.push(lock.fencingToken);
      const done = client
        .transaction()
        .if(lock.held)
        .then(operation.put('job-done', `${lock.fencingToken}`));
      await done.commit({ timeoutMs: 20_000 }).catch(() => undefined);
      owners.now -= 1;
    }
  };
  const working = Promise.all(clients.map(work));
  const leader = await cluster.leader();
  await leader.kill();
  leader.start();
  await working;
  assert.equal(tokens.length, 20);
  assert.deepEqual(
    tokens,
    tokens.toSorted((a, b) => a - b),
  );
  for (const client of clients) await client.close();
});

test('who waits for a lock may give up, and an owner that is gone holds no condition', async () => {
  await using cluster = await TestCluster.start({ members: 1 });
  const { client } = cluster;
  const first = await client.lock('job');
  await assert.rejects(client.lock('job', { waitMs: 300 }), { code: 'deadline-exceeded' });
  const controller = new AbortController();
  const waiting = client.lock('job', { signal: controller.signal });
  await eventually('it waits', async () => assert.equal(await client.count({ prefix: 'job/' }), 2));
  controller.abort();
  await assert.rejects(waiting, { code: 'cancelled' });
  assert.equal(await client.count({ prefix: 'job/' }), 1);

  const next: Promise<Lock> = client.lock('job');
  await eventually('the next one waits', async () => assert.equal(await client.count({ prefix: 'job/' }), 2));
  await first.release();
  await using second = await next;
  assert.ok(second.fencingToken > first.fencingToken);
  const late = client.transaction().if(first.held).then(operation.put('result', 'of the first'));
  assert.equal((await late.commit()).succeeded, false);
  const timely = client.transaction().if(second.held).then(operation.put('result', 'of the second'));
  assert.equal((await timely.commit()).succeeded, true);
});

test('candidates lead one after the other, and observers see each', async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const seen: string[] = [];
  const controller = new AbortController();
  const note = ({ entry }: Leader): number => seen.push(entry.text());
  const observing = (async () => {
    for await (const leader of client.observe('scheduler', { signal: controller.signal })) note(leader);
  })();
  assert.equal(await client.leader('scheduler'), null);
  const first = await client.campaign('scheduler', 'one');
  const next = client.campaign('scheduler', 'two');
  await eventually('the first is seen', async () => Promise.resolve(assert.deepEqual(seen, ['one'])));
  // It stands in the queue before the first one speaks again: its value is the older one when it leads.
  await eventually('the second waits', async () =>
    assert.equal(await client.count({ prefix: 'scheduler/' }), 2),
  );
  await first.proclaim('uno');
  await eventually('its new value is seen', async () =>
    Promise.resolve(assert.deepEqual(seen, ['one', 'uno'])),
  );
  await first.resign();
  await using second = await next;
  await assert.rejects(first.proclaim('again'), { code: 'not-owner' });
  assert.equal((await client.leader('scheduler'))?.fencingToken, second.fencingToken);
  await eventually('both are seen', async () =>
    Promise.resolve(assert.deepEqual(seen, ['one', 'uno', 'two'])),
  );
  controller.abort();
  await assert.rejects(observing, { code: 'cancelled' });
});
