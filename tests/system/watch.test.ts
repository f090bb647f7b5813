import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Watch } from '@quorate/client';
import { eventually, putUntilAcknowledged } from './harness/eventually.ts';
import { TestCluster } from './harness/test-cluster.ts';

/** Writes down the revision of each event, until the watch ends. */
function follow(watch: Watch): { readonly revisions: number[]; readonly end: Promise<void> } {
  const revisions: number[] = [];
  const read = async (): Promise<void> => {
    for await (const { revision } of watch) revisions.push(revision);
  };
  return { revisions, end: read() };
}

test('a watch tells everything once, in order, through the deaths of its members and of leaders', async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const watches = Array.from({ length: 6 }, () => client.watch({ prefix: 'key' }, { previous: true }));
  const followers = watches.map(follow);
  await eventually('all watches are served', async () => {
    for (const { revision } of watches) assert.ok(revision > 0);
    return Promise.resolve();
  });
  const first = Math.min(...watches.map(({ revision }) => revision)) + 1;
  for (let round = 0; round < 3; round += 1) {
    for (let count = 0; count < 30; count += 1) {
      await putUntilAcknowledged(client, `key${count % 7}`, `${round}/${count}`);
    }
    const leader = await cluster.leader();
    await leader.kill();
    for (let count = 0; count < 30; count += 1) {
      await putUntilAcknowledged(client, `key${count % 7}`, `${round}/${count}`);
    }
    leader.start();
    await cluster.leader();
  }
  const last = (await client.put('key-last', '')).revision;
  await eventually('all watches have told the last change', async () => {
    for (const { revisions } of followers) assert.equal(revisions.at(-1), last);
    return Promise.resolve();
  });
  const expected = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  for (const { revisions } of followers) {
    assert.deepEqual(revisions, expected.slice(expected.length - revisions.length));
    assert.ok(revisions.length >= 180);
  }
  await Promise.all(watches.map((watch) => watch.close()));
  await Promise.all(followers.map(({ end }) => end));
});

test('a watch that missed what was compacted says so', async () => {
  await using cluster = await TestCluster.start({ members: 1 });
  const { client } = cluster;
  for (const value of ['1', '2', '3']) await client.put('key', value);
  const { revision } = await client.put('key', '4');
  await client.compact(revision - 1);
  await assert.rejects(follow(client.watch('key', { startRevision: revision - 2 })).end, {
    code: 'compacted',
    compactedRevision: revision - 1,
  });
  const batches = client.watch('key', { startRevision: revision - 1 }).batches();
  assert.equal((await batches.next()).value?.revision, revision - 1);
  await batches.return?.();
});

test('a member that stops sends its watches elsewhere at once, and they miss nothing', async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const watches = Array.from({ length: 3 }, () => client.watch('key'));
  const followers = watches.map(follow);
  await eventually('all watches are served', async () => {
    for (const { revision } of watches) assert.ok(revision > 0);
    return Promise.resolve();
  });
  const revisions: number[] = [];
  for (const member of cluster.members) {
    await member.stop();
    revisions.push((await client.put('key', member.name)).revision);
    member.start();
    await cluster.leader();
  }
  await eventually('all is told', async () => {
    for (const follower of followers) assert.deepEqual(follower.revisions, revisions);
    return Promise.resolve();
  });
  await Promise.all(watches.map((watch) => watch.close()));
});
