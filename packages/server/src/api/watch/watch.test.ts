import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import {
  CompactionRequest,
  DeleteRangeRequest,
  PutRequest,
  WatchCreateRequest_FilterType as FilterType,
} from '@quorate/protocol';
import { ManualClock } from '../../testing/manual-clock.ts';
import { TestFrontend } from '../../testing/test-frontend.ts';
import { until } from '../../testing/until.ts';
import { WatchTester } from '../../testing/watch-tester.ts';

async function put(frontend: TestFrontend, key: string, value: string): Promise<void> {
  await frontend.client.kv.put(PutRequest.create({ key: Buffer.from(key), value: Buffer.from(value) }));
}

test('a watcher is created, told what happens, and cancelled, each with the header of the member', async () => {
  await using frontend = await TestFrontend.open();
  const watch = new WatchTester(frontend.client);
  await put(frontend, 'a', '1');
  watch.create('a', { prevKv: true });
  assert.deepEqual(await watch.next(1), ['0@2: created']);
  await put(frontend, 'a', '2');
  await put(frontend, 'b', '2');
  await frontend.client.kv.deleteRange(DeleteRangeRequest.create({ key: Buffer.from('a') }));
  assert.deepEqual(await watch.next(2), ['0@3: put a=2@3 after 1', '0@5: delete a@5 after 2']);
  watch.cancel(0n);
  assert.deepEqual(await watch.next(1), ['0@5: canceled']);
  for (const { header } of watch.responses) {
    const { clusterId, memberId, raftTerm } = header ?? {};
    assert.deepEqual({ clusterId, memberId, raftTerm }, { clusterId: 0xc1n, memberId: 0xabcn, raftTerm: 7 });
  }
});

test('the texts and ids of refusals are those of etcd', async () => {
  await using frontend = await TestFrontend.open();
  const watch = new WatchTester(frontend.client);
  watch.create('b', { rangeEnd: 'a' });
  watch.create('b', { rangeEnd: 'b' });
  watch.create('x', { watchId: 7n });
  watch.create('x', { watchId: 7n });
  watch.create('', { rangeEnd: '\0' });
  watch.create('x', { watchId: -3n });
  watch.cancel(99n);
  watch.send(undefined);
  watch.cancel(7n);
  assert.deepEqual(await watch.next(7), [
    '-1@1: created, canceled, mvcc: watcher range is empty',
    '-1@1: created, canceled, mvcc: watcher range is empty',
    '7@1: created',
    '-1@1: created, canceled, mvcc: duplicate watch ID provided on the WatchStream',
    '0@1: created',
    '-3@1: created',
    '7@1: canceled',
  ]);
});

test('a compacted start ends the watcher with the revision to begin at, without a reason and a current revision', async () => {
  await using frontend = await TestFrontend.open();
  const watch = new WatchTester(frontend.client);
  watch.create('a', { startRevision: -1 });
  assert.deepEqual(await watch.next(2), ['0@1: created', '0@0: canceled, compacted 1']);
  for (const value of ['1', '2', '3']) await put(frontend, 'a', value);
  await frontend.client.kv.compact(CompactionRequest.create({ revision: 3 }));
  watch.create('a', { startRevision: 2 });
  watch.create('a', { startRevision: 3, prevKv: true });
  assert.deepEqual((await watch.next(4)).toSorted(), [
    '1@0: canceled, compacted 3',
    '1@4: created',
    '2@4: created',
    '2@4: put a=2@3, put a=3@4 after 2',
  ]);
});

test('a client that has sent its last request is told on, and filters hold', async () => {
  await using frontend = await TestFrontend.open();
  const watch = new WatchTester(frontend.client);
  watch.create('a', { filters: [FilterType.NODELETE] });
  watch.stream.end();
  await watch.next(1);
  await frontend.client.kv.deleteRange(DeleteRangeRequest.create({ key: Buffer.from('a') }));
  await put(frontend, 'a', '1');
  assert.deepEqual(await watch.next(1), ['0@2: put a=1@2']);
});

test('progress is told on request, when everything was told before', async () => {
  await using frontend = await TestFrontend.open();
  const watch = new WatchTester(frontend.client);
  watch.create('a');
  watch.requestProgress();
  assert.deepEqual(await watch.next(2), ['0@1: created', '-1@1']);
  await put(frontend, 'a', '1');
  watch.requestProgress();
  assert.deepEqual(await watch.next(2), ['0@2: put a=1@2', '-1@2']);
});

test('progress is told at intervals to those who asked for it, unless they were told something else', async () => {
  const clock = new ManualClock();
  await using frontend = await TestFrontend.open(clock);
  const watch = new WatchTester(frontend.client);
  watch.create('a', { progressNotify: true });
  watch.create('b', { progressNotify: true });
  watch.create('c');
  await watch.next(3);
  clock.advance(10_000);
  await put(frontend, 'a', '1');
  clock.advance(10_000);
  assert.deepEqual(await watch.next(2), ['0@2: put a=1@2', '1@2']);
  clock.advance(10_000);
  assert.deepEqual(await watch.next(2), ['0@2', '1@2']);
  const pending = clock.pendingTimers;
  watch.stream.cancel();
  await until('the timer of the stream is gone', () => clock.pendingTimers === pending - 1);
});

test('large responses are cut for watchers that allow it, and one event never is', async () => {
  await using frontend = await TestFrontend.open();
  const watch = new WatchTester(frontend.client);
  // Three of them take more than the limit of 2 MiB, two do not.
  const value = Buffer.alloc(900_000);
  for (const key of ['a', 'b', 'c', 'd', 'e']) {
    await frontend.client.kv.put(PutRequest.create({ key: Buffer.from(key), value }));
  }
  watch.create('a', { rangeEnd: 'z', prevKv: true, fragment: true });
  watch.create('a', { rangeEnd: 'z', prevKv: true });
  watch.create('a', { rangeEnd: 'z', fragment: true });
  await watch.next(3);
  await frontend.client.kv.deleteRange(
    DeleteRangeRequest.create({ key: Buffer.from('a'), rangeEnd: Buffer.from('z') }),
  );
  assert.deepEqual(
    (await watch.next(5)).toSorted(),
    [
      '0@7: fragment, delete a@7 after 900000, delete b@7 after 900000',
      '0@7: fragment, delete c@7 after 900000, delete d@7 after 900000',
      '0@7: delete e@7 after 900000',
      '1@7: delete a@7 after 900000, delete b@7 after 900000, delete c@7 after 900000, delete d@7 after 900000, delete e@7 after 900000',
      '2@7: delete a@7, delete b@7, delete c@7, delete d@7, delete e@7',
    ].toSorted(),
  );
});

test('a client without a leader is turned away if it wants one, and let go when there is none for too long', async () => {
  const clock = new ManualClock();
  await using frontend = await TestFrontend.open(clock);
  const metadata = { hasleader: 'true' };
  const wanting = new WatchTester(frontend.client, { metadata });
  const patient = new WatchTester(frontend.client);
  wanting.create('a');
  patient.create('a');
  await Promise.all([wanting.next(1), patient.next(1)]);
  const leader = frontend.member.leader;
  frontend.member.leader = null;
  clock.advance(2_500);
  frontend.member.leader = leader;
  clock.advance(1_000);
  frontend.member.leader = null;
  clock.advance(2_000);
  wanting.requestProgress();
  assert.deepEqual(await wanting.next(1), ['-1@1']);
  clock.advance(1_000);
  const end = await wanting.status;
  assert.deepEqual([end.code, end.details], [status.UNAVAILABLE, 'etcdserver: no leader']);
  const turnedAway = await new WatchTester(frontend.client, { metadata }).status;
  assert.deepEqual([turnedAway.code, turnedAway.details], [status.UNAVAILABLE, 'etcdserver: no leader']);
  patient.requestProgress();
  assert.deepEqual(await patient.next(1), ['-1@1']);
});

test('a server that stops ends its streams with a status, after what they had to tell', async () => {
  await using frontend = await TestFrontend.open();
  const watch = new WatchTester(frontend.client);
  watch.create('a');
  await watch.next(1);
  await put(frontend, 'a', '1');
  await frontend.clients.drain(frontend.clock);
  const { code, details } = await watch.status;
  assert.deepEqual([code, details], [status.UNAVAILABLE, 'etcdserver: server stopped']);
  assert.deepEqual(watch.lines, ['0@2: put a=1@2']);
});

test('what a client that does not read costs is bounded, and it misses nothing when it reads again', async () => {
  await using frontend = await TestFrontend.open();
  const slow = new WatchTester(frontend.client);
  const quick = new WatchTester(frontend.client);
  slow.create('a');
  quick.create('a');
  await Promise.all([slow.next(1), quick.next(1)]);
  slow.stream.pause();
  const value = Buffer.alloc(100_000);
  for (let index = 0; index < 60; index += 1) {
    await frontend.client.kv.put(PutRequest.create({ key: Buffer.from('a'), value }));
  }
  await quick.next(60);
  slow.stream.resume();
  const events = (): number[] =>
    slow.responses.flatMap((response) => response.events.map(({ kv }) => kv?.modRevision ?? 0));
  await until('the slow one has caught up', () => events().length >= 60);
  assert.deepEqual(
    events(),
    Array.from({ length: 60 }, (_, index) => index + 2),
  );
});
