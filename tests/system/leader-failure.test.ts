import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, putUntilAcknowledged, rejectsWithCode } from './harness/eventually.ts';
import { TestCluster } from './harness/test-cluster.ts';

for (const members of [3, 5]) {
  test(`${members} members: the leader is killed, the client is redirected and the put succeeds`, async () => {
    await using cluster = await TestCluster.start({ members });
    const { client } = cluster;
    await client.put('before', '1');
    const leader = await cluster.leader();
    await leader.kill();
    await putUntilAcknowledged(client, 'after', '2');
    assert.equal((await client.get('before'))?.text(), '1');
    assert.equal((await client.get('after'))?.text(), '2');
    const next = await cluster.leader();
    assert.notEqual(next.name, leader.name);
  });
}

test('a second member is killed: puts and linearizable gets fail with "no leader" until one returns', async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  await client.put('key', 'before');
  const first = await cluster.leader();
  await first.kill();
  const second = await cluster.leader();
  await second.kill();

  const options = { timeoutMs: 4_000 };
  await rejectsWithCode(client.get('key', options), 'no-leader');
  await rejectsWithCode(client.put('key', 'refused', options), 'no-leader');
  const local = await client.get('key', { serializable: true });
  assert.equal(local?.text(), 'before', 'a serializable get needs no leader');

  second.start();
  await cluster.leader();
  assert.equal(
    (await client.get('key'))?.text(),
    'before',
    'what was refused with "no leader" has no effect',
  );
  await client.put('key', 'after');
  assert.equal((await client.get('key'))?.text(), 'after');
});

test('a leader that loses both followers steps down', async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const leader = await cluster.leader();
  const followers = await cluster.followers();
  await Promise.all(followers.map((follower) => follower.kill()));
  await eventually('the member no longer claims to lead', async () => {
    assert.equal((await cluster.status(leader)).leader, 0n);
  });
  await rejectsWithCode(client.put('key', 'value', { timeoutMs: 4_000 }), 'no-leader');
  followers[0]?.start();
  await client.put('key', 'value');
});

test('five members survive the loss of any two', async () => {
  await using cluster = await TestCluster.start({ members: 5 });
  const { client } = cluster;
  await client.put('key', '0');
  for (let round = 1; round <= 3; round += 1) {
    const leader = await cluster.leader();
    const [follower] = await cluster.followers();
    assert(follower !== undefined);
    await Promise.all([leader.kill(), follower.kill()]);
    await putUntilAcknowledged(client, 'key', String(round));
    assert.equal((await client.get('key'))?.text(), String(round));
    leader.start();
    follower.start();
  }
  const content = await cluster.agreedContent();
  assert.equal(content.length, 1);
  assert.match(content[0] ?? '', /^key=3 /);
});

test('a leader that hangs is replaced, and is a follower when it goes on', async () => {
  await using cluster = await TestCluster.start();
  const leader = await cluster.leader();
  const followers = await cluster.followers();
  const { term } = await cluster.status(leader);
  leader.pause();
  await eventually('the others have a leader of a later term', async () => {
    for (const follower of followers) {
      const status = await cluster.status(follower);
      assert(status.leader !== 0n && status.term > term);
    }
  });
  const [other] = followers;
  assert(other !== undefined);
  await cluster.onlyThrough(other, (client) => client.put('key', 'value'));
  leader.resume();
  const next = await cluster.leader();
  assert.notEqual(next.name, leader.name);
  await eventually('it catches up', async () => {
    assert.equal(await cluster.readLocally(leader, 'key'), 'value');
  });
});
