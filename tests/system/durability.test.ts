import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BackgroundWriter } from './harness/background-writer.ts';
import { TestCluster } from './harness/test-cluster.ts';

for (const members of [3, 5]) {
  test(`${members} members killed one after the other lose nothing that was acknowledged`, async () => {
    await using cluster = await TestCluster.start({ members });
    const writer = new BackgroundWriter(cluster.client, 'key');
    for (const member of cluster.members) {
      await writer.progress(20);
      await member.kill();
      await writer.progress(20);
      member.start();
      await cluster.leader();
    }
    await writer.progress(20);
    await writer.stop();
    writer.assertContained(await cluster.agreedContent());
  });
}

for (const flag of ['--engine=sqlite', '--engine=lmdb', '--engine=memory', '--replication=vanilla']) {
  test(`all members killed together lose nothing that was acknowledged, ${flag}`, async () => {
    await using cluster = await TestCluster.start({ flags: [flag] });
    const writer = new BackgroundWriter(cluster.client, 'key');
    for (let round = 0; round < 2; round += 1) {
      await writer.progress(50);
      await Promise.all(cluster.members.map((member) => member.kill()));
      for (const member of cluster.members) {
        member.start();
      }
      await cluster.leader();
    }
    await writer.progress(20);
    await writer.stop();
    writer.assertContained(await cluster.agreedContent());
  });
}

test('a leader killed again and again loses nothing, and old values do not come back', async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  for (let round = 1; round <= 4; round += 1) {
    await client.put('counter', String(round));
    const leader = await cluster.leader();
    await leader.kill();
    assert.equal((await client.get('counter'))?.text(), String(round));
    leader.start();
  }
  assert.match((await cluster.agreedContent())[0] ?? '', /^counter=4 .* v4$/);
});

test('a cluster that was stopped goes on where it was', async () => {
  await using cluster = await TestCluster.start();
  await cluster.client.put('key', 'value');
  const codes = await Promise.all(cluster.members.map((member) => member.stop()));
  assert.deepEqual(codes, [0, 0, 0]);
  for (const member of cluster.members) {
    member.start();
  }
  await cluster.leader();
  const entry = await cluster.client.get('key');
  assert.equal(entry?.text(), 'value');
  assert.equal(entry.modRevision, 2, 'the first put of a store makes revision 2');
});
