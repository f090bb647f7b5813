import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from './harness/eventually.ts';
import { TestCluster } from './harness/test-cluster.ts';

async function firstFollower(cluster: TestCluster) {
  const [follower] = await cluster.followers();
  assert(follower !== undefined);
  return follower;
}

test('a follower is killed: puts and gets go on, and its return does not depose the leader', async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const leader = await cluster.leader();
  const { term } = await cluster.status(leader);
  const follower = await firstFollower(cluster);
  await follower.kill();
  await client.put('key', 'without the follower');
  assert.equal((await client.get('key'))?.text(), 'without the follower');

  follower.start();
  await eventually('the follower has caught up', async () => {
    assert.equal(await cluster.readLocally(follower, 'key'), 'without the follower');
  });
  assert.equal((await cluster.leader()).name, leader.name);
  assert.equal((await cluster.status(leader)).term, term);
});

test('a member that comes back is a follower and catches up', async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const member = await cluster.leader();
  await client.put('first', '1');
  await member.kill();
  const entries = Array.from({ length: 100 }, (_, number) => [`key/${number}`, `value ${number}`] as const);
  const leader = await cluster.leader();
  await client.putMany(entries);

  member.start();
  await eventually('the member has caught up', async () => {
    assert.equal(await cluster.readLocally(member, 'key/99'), 'value 99');
  });
  const status = await cluster.status(member);
  assert.equal(status.isLeader, false);
  assert.equal((await cluster.leader()).name, leader.name);
  const content = await cluster.agreedContent();
  assert.equal(content.length, 101);
});

test('a follower that hangs does not hold up puts, and catches up when it goes on', async () => {
  await using cluster = await TestCluster.start();
  const leader = await cluster.leader();
  const { term } = await cluster.status(leader);
  const follower = await firstFollower(cluster);
  follower.pause();
  // Through the leader alone: a client that does not know the leader yet might ask the one that hangs.
  await cluster.onlyThrough(leader, async (client) => {
    for (let number = 0; number < 50; number += 1) {
      await client.put(`key/${number}`, 'x'.repeat(10_000));
    }
  });
  follower.resume();
  await eventually('the follower has caught up', async () => {
    assert.notEqual(await cluster.readLocally(follower, 'key/49'), null);
  });
  assert.equal((await cluster.status(await cluster.leader())).term, term, 'nobody was deposed');
});

test('the last entry commits on followers without another write', async () => {
  await using cluster = await TestCluster.start();
  await cluster.client.put('last', 'entry');
  for (const member of cluster.members) {
    await eventually(`${member.name} has applied the last entry`, async () => {
      assert.equal(await cluster.readLocally(member, 'last'), 'entry');
    });
  }
  const statuses = await Promise.all(cluster.members.map((member) => cluster.status(member)));
  assert.equal(new Set(statuses.map((status) => status.revision)).size, 1);
});

test('every member answers puts and linearizable gets, whoever leads', async () => {
  await using cluster = await TestCluster.start();
  for (const member of cluster.members) {
    await cluster.onlyThrough(member, async (client) => {
      await client.put('key', member.name);
      assert.equal((await client.get('key'))?.text(), member.name);
    });
  }
});
