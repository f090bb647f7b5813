import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QuorateClient } from '@quorate/client';
import { WatchCreateRequest_FilterType as FilterType } from '@quorate/protocol';
import { missingCommand } from '../system/harness/command.ts';
import { TestCluster } from '../system/harness/test-cluster.ts';
import { EtcdProcess } from './harness/etcd-process.ts';
import { WatchTranscript } from './harness/watch-transcript.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

/** One conversation, as any client may have it. The revisions are those of a store that was empty. */
async function converse(endpoint: string): Promise<readonly string[]> {
  await using client = new QuorateClient({ endpoints: endpoint, timeoutMs: 30_000 });
  await using watch = await WatchTranscript.open(endpoint);
  const { revision } = await client.put('a', 'first');
  assert.equal(revision, 2, 'the store was empty');

  watch.create('a', { prevKv: true });
  watch.create('a', { filters: [FilterType.NOPUT] });
  watch.create('b', { rangeEnd: bytes('a') });
  watch.create('b', { rangeEnd: bytes('b') });
  watch.create('x', { watchId: 7n });
  watch.create('x', { watchId: 7n });
  watch.create('', { rangeEnd: bytes('\0'), watchId: 9n });
  watch.create('', { watchId: 10n });
  await watch.has(8);
  watch.cancel(99n);
  watch.cancel(9n);
  watch.cancel(9n);
  await watch.has(9);

  await client.put('a', 'second');
  await watch.has(10);
  await client.delete('a');
  await watch.has(12);
  watch.cancel(1n);
  await watch.has(13);
  await client.put('a', 'third');
  await watch.has(14);
  watch.requestProgress();
  await watch.has(15);

  await client.compact(3);
  watch.create('a', { startRevision: 2 });
  await watch.has(17);
  watch.create('a', { startRevision: 3, prevKv: true });
  await watch.has(19);
  watch.create('a', { startRevision: 5 });
  await watch.has(21);
  watch.create('a', { startRevision: 7 });
  await watch.has(22);
  await client.put('b', 'nobody watches it');
  await client.put('a', 'fourth');
  await watch.has(26);
  return watch.lines;
}

const expected: readonly string[] = [
  'id 0, revision 2, created',
  'id 1, revision 2, created',
  'id -1, revision 2, created, canceled, because of "mvcc: watcher range is empty"',
  'id -1, revision 2, created, canceled, because of "mvcc: watcher range is empty"',
  'id 7, revision 2, created',
  'id -1, revision 2, created, canceled, because of "mvcc: duplicate watch ID provided on the WatchStream"',
  'id 9, revision 2, created',
  'id 10, revision 2, created',
  'id 9, revision 2, canceled',
  'id 0, revision 3, put a=second@3 v2 from 2 lease 0 after first@2',
  'id 0, revision 4, delete a=@4 v0 from 0 lease 0 after second@3',
  'id 1, revision 4, delete a=@4 v0 from 0 lease 0',
  'id 1, revision 4, canceled',
  'id 0, revision 5, put a=third@5 v1 from 5 lease 0',
  'id -1, revision 5',
  'id 2, revision 5, created',
  'id 2, revision 0, canceled, compacted 3',
  'id 3, revision 5, created',
  'id 3, revision 5, put a=second@3 v2 from 2 lease 0, delete a=@4 v0 from 0 lease 0 after second@3, put a=third@5 v1 from 5 lease 0',
  'id 4, revision 5, created',
  'id 4, revision 5, put a=third@5 v1 from 5 lease 0',
  'id 5, revision 5, created',
  'id 0, revision 7, put a=fourth@7 v2 from 5 lease 0 after third@5',
  'id 3, revision 7, put a=fourth@7 v2 from 5 lease 0 after third@5',
  'id 4, revision 7, put a=fourth@7 v2 from 5 lease 0',
  'id 5, revision 7, put a=fourth@7 v2 from 5 lease 0',
];

/**
 * What etcd 3.4 has wrong, and later releases have right: the deletion at the compacted revision (etcd 18089), and
 * progress before a start in the future (etcd 20221).
 */
test('a deletion at the compacted revision is told, and no progress before a start in the future', async () => {
  await using cluster = await TestCluster.start({ members: 1 });
  const { client } = cluster;
  await client.put('a', '1');
  const { revision } = await client.delete('a');
  await client.compact(revision, { physical: true });
  await using watch = await WatchTranscript.open(cluster.member(0).endpoint);
  watch.create('a', { startRevision: revision });
  await watch.has(2);
  watch.create('b', { startRevision: revision + 1 });
  watch.requestProgress();
  await watch.has(3);
  await client.put('b', '2');
  watch.requestProgress();
  await watch.has(5);
  assert.deepEqual(watch.lines, [
    `id 0, revision ${revision}, created`,
    `id 0, revision ${revision}, delete a=@${revision} v0 from 0 lease 0`,
    `id 1, revision ${revision}, created`,
    `id 1, revision ${revision + 1}, put b=2@${revision + 1} v1 from ${revision + 1} lease 0`,
    `id -1, revision ${revision + 1}`,
  ]);
});

/** Which of several watchers hears of the same revision first is up to the server. */
function sorted(lines: readonly string[]): readonly string[] {
  return [
    ...lines.slice(0, 10),
    ...lines.slice(10, 12).toSorted(),
    ...lines.slice(12, 22),
    ...lines.slice(22).toSorted(),
  ];
}

test('the Watch service answers word for word as it should', async () => {
  await using cluster = await TestCluster.start({ members: 1 });
  assert.deepEqual(sorted(await converse(cluster.member(0).endpoint)), expected);
});

test('etcd answers the same', { skip: missingCommand('etcd', 'etcd-server') }, async () => {
  await using etcd = await EtcdProcess.start();
  assert.deepEqual(sorted(await converse(etcd.endpoint)), expected);
});
