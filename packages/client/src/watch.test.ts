import assert from 'node:assert/strict';
import test from 'node:test';
import type { FakeCluster } from './testing/fake-cluster.ts';
import { type FakeWatch, toPut } from './testing/fake-watch.ts';
import { startClient } from './testing/start-client.ts';
import type { Watch } from './watch.ts';

/** Writes down what a watch tells, until it ends. */
class Reader {
  readonly told: string[] = [];
  readonly end: Promise<unknown>;

  constructor(watch: Watch) {
    this.end = this.#read(watch).then(
      () => 'done',
      (error: unknown) => error,
    );
  }

  async #read(watch: Watch): Promise<void> {
    for await (const { revision, events } of watch.batches()) {
      this.told.push(`${revision}: ${events.map((event) => event.keyText()).join(' ')}`);
    }
  }
}

async function until(what: string, condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn += 1) {
    assert.ok(turn < 100_000, what);
    await new Promise(setImmediate);
  }
}

/** The stream number `count` that the cluster sees, with its request. */
async function opened(cluster: FakeCluster, count: number): Promise<FakeWatch> {
  const streams = (): FakeWatch[] => cluster.members.flatMap((member) => member.watches);
  await until(
    `stream ${count} was opened`,
    () => streams().filter(({ requests }) => requests.length > 0).length >= count,
  );
  const open = streams().filter(({ isGone, requests }) => !isGone && requests.length > 0);
  const stream = open.at(-1);
  assert.ok(stream !== undefined, 'a stream is open');
  return stream;
}

test('what is asked for goes into the request, and events come one by one', async (context) => {
  const { client, cluster } = await startClient(context);
  const watch = client.watch(
    { prefix: 'a' },
    { startRevision: 4, previous: true, only: 'puts', progress: true },
  );
  const events: string[] = [];
  const reading = (async () => {
    for await (const event of watch) {
      events.push(`${event.type} ${event.keyText()}=${event.text()} @${event.revision} ${event.isCreation}`);
      if (events.length === 3) break;
    }
  })();
  const stream = await opened(cluster, 1);
  const { key, rangeEnd, startRevision, prevKv, filters, progressNotify, fragment } = stream.created;
  assert.deepEqual(
    {
      key: key.toString(),
      rangeEnd: rangeEnd.toString(),
      startRevision,
      prevKv,
      filters,
      progressNotify,
      fragment,
    },
    {
      key: 'a',
      rangeEnd: 'b',
      startRevision: 4,
      prevKv: true,
      filters: [1],
      progressNotify: true,
      fragment: true,
    },
  );
  assert.equal(stream.hasLeader, 'true');
  stream.respond(9, { created: true });
  stream.tell('a1@4', 'a2@4', 'a3@5');
  await reading;
  assert.deepEqual(events, ['put a1=a1-4 @4 true', 'put a2=a2-4 @4 true', 'put a3=a3-5 @5 true']);
  await until('leaving the loop ends the stream', () => stream.isGone);
});

test('batches have all events of a revision, also if the server sends them in fragments', async (context) => {
  const { client, cluster } = await startClient(context);
  const reader = new Reader(client.watch('a'));
  const stream = await opened(cluster, 1);
  stream.respond(3, { created: true });
  stream.tell('a@4', 'a@5');
  stream.respond(6, { events: [toPut('a@6'), toPut('b@6')], fragment: true });
  stream.respond(6, { events: [toPut('c@6')], fragment: true });
  stream.respond(6, { events: [toPut('d@6')] });
  stream.respond(8);
  await until('all is told', () => reader.told.length === 4);
  assert.deepEqual(reader.told, ['4: a', '5: a', '6: a b c d', '8: ']);
});

test('after a failure it goes on at another endpoint, right after what was told last', async (context) => {
  const { client, cluster, clock } = await startClient(context);
  const watch = client.watch('a');
  const reader = new Reader(watch);
  const first = await opened(cluster, 1);
  first.respond(10, { created: true });
  await until('it is created', () => watch.revision === 10);
  first.fail(14, 'etcdserver: server stopped');
  const second = await opened(cluster, 2);
  assert.equal(
    second.created.startRevision,
    11,
    'nothing between its creation and the failure may be missed',
  );
  second.respond(12, { created: true });
  second.tell('a@11', 'a@12');
  await until('two are told', () => reader.told.length === 2);
  for (const member of cluster.members) member.disconnect();
  const third = await opened(cluster, 3);
  assert.equal(third.created.startRevision, 13);
  third.respond(9, { created: true });
  third.tell('a@12', 'a@13');
  third.respond(15);
  await until('four are told', () => reader.told.length === 4);
  third.fail(14, 'etcdserver: no leader');
  const fourth = await opened(cluster, 4);
  assert.equal(fourth.created.startRevision, 16, 'progress counts');
  assert.deepEqual(reader.told, ['11: a', '12: a', '13: a', '15: ']);
  assert.ok(clock.delays.length <= 1, 'only after the lack of a leader there is a pause');
});

test('fragments that were cut off are told again, once', async (context) => {
  const { client, cluster } = await startClient(context);
  const reader = new Reader(client.watch('a', { startRevision: 4 }));
  const first = await opened(cluster, 1);
  first.respond(6, { created: true });
  first.tell('a@4');
  first.respond(5, { events: [toPut('a@5')], fragment: true });
  await until('one is told', () => reader.told.length === 1);
  first.fail(14, 'gone');
  const second = await opened(cluster, 2);
  assert.equal(second.created.startRevision, 5);
  second.respond(6, { created: true });
  second.tell('a@5', 'b@5');
  await until('the other is told', () => reader.told.length === 2);
  assert.deepEqual(reader.told, ['4: a', '5: a b']);
});

test('a compacted start fails with the revision to begin at', async (context) => {
  const { client, cluster } = await startClient(context);
  const reader = new Reader(client.watch('a', { startRevision: 4 }));
  const stream = await opened(cluster, 1);
  stream.respond(20, { created: true });
  stream.respond(0, { canceled: true, compactRevision: 9 });
  const error = (await reader.end) as { code: string; compactedRevision: number };
  assert.deepEqual([error.code, error.compactedRevision], ['compacted', 9]);
});

test('what can never succeed fails at once, with its reason', async (context) => {
  const { client, cluster } = await startClient(context);
  const denied = new Reader(client.watch('a'));
  (await opened(cluster, 1)).respond(1, {
    created: true,
    canceled: true,
    cancelReason: 'etcdserver: permission denied',
  });
  assert.equal(((await denied.end) as { code: string }).code, 'permission-denied');
  const unknown = new Reader(client.watch('b'));
  (await opened(cluster, 2)).fail(12, 'unknown service');
  assert.equal(((await unknown.end) as { code: string }).code, 'unimplemented');
  assert.throws(() => client.watch({ from: 'b', to: 'a' }), { code: 'invalid-argument' });
  assert.throws(() => client.watch('a', { startRevision: -1 }), { code: 'invalid-argument' });
});

test('it is patient without end, unless it is told how long', async (context) => {
  const { client, cluster, clock } = await startClient(context);
  for (const member of cluster.members) await member.stop();
  const impatient = new Reader(client.watch('a', { patienceMs: 60_000 }));
  const error = (await impatient.end) as { code: string };
  assert.equal(error.code, 'unavailable');
  assert.ok(clock.nowMs() >= 60_000);
  const patient = new Reader(client.watch('a'));
  const pauses = clock.delays.length;
  await until('many pauses later', () => clock.delays.length > pauses + 50);
  await cluster.member(1).restart();
  (await opened(cluster, 1)).respond(3, { created: true });
  (await opened(cluster, 1)).tell('a@4');
  await until('it is told', () => patient.told.length === 1);
});

test('an aborted signal ends it with its reason, close without one, and the client with its own', async (context) => {
  const { client, cluster } = await startClient(context);
  const controller = new AbortController();
  const aborted = new Reader(client.watch('a', { signal: controller.signal }));
  const first = await opened(cluster, 1);
  first.respond(3, { created: true });
  controller.abort('enough');
  const error = (await aborted.end) as { code: string; cause: unknown };
  assert.deepEqual([error.code, error.cause], ['cancelled', 'enough']);
  await until('the first stream is gone', () => first.isGone);

  const watch = client.watch('a');
  const closed = new Reader(watch);
  const second = await opened(cluster, 2);
  await watch.close();
  assert.equal(await closed.end, 'done');
  await until('the second stream is gone', () => second.isGone);

  const never = client.watch('a');
  await never.close();
  assert.equal(await new Reader(never).end, 'done');
  assert.equal(
    ((await new Reader(client.watch('a', { signal: controller.signal })).end) as { code: string }).code,
    'cancelled',
  );

  const last = new Reader(client.watch('a'));
  await opened(cluster, 3);
  await client.close();
  assert.equal(((await last.end) as { code: string }).code, 'client-closed');
});

test('who does not read slows the server down', async (context) => {
  // Calls go to the endpoints in turn, so that some share the connection of the watch.
  const { client, cluster } = await startClient(context);
  const batches = client.watch('a', { startRevision: 1 }).batches();
  const reading = batches.next();
  const stream = await opened(cluster, 1);
  const [put] = [toPut('a@1')];
  const fill = (modRevision: number): void => {
    const kv = { ...put.kv, value: Buffer.alloc(100_000), modRevision } as NonNullable<typeof put.kv>;
    stream.respond(modRevision, { events: [{ ...put, kv }] });
  };
  fill(1);
  assert.equal((await reading).value?.revision, 1);
  for (let revision = 2; revision <= 300; revision += 1) fill(revision);
  // Calls pass the watch by on the same connection, and give it the time to send all that it may.
  for (let call = 0; call < 100; call += 1) await client.get('b', { serializable: true });
  const sentBytes = cluster.members.reduce((sum, member) => sum + member.sentBytes, 0);
  assert.ok(sentBytes < 10_000_000, `${sentBytes} bytes were sent to a client that does not read`);
  const revisions: number[] = [];
  while (revisions.length < 299) revisions.push((await batches.next()).value?.revision ?? 0);
  assert.deepEqual(
    revisions,
    Array.from({ length: 299 }, (_, index) => index + 2),
  );
});

test('progress can be asked for', async (context) => {
  const { client, cluster } = await startClient(context);
  const watch = client.watch('a');
  const reader = new Reader(watch);
  const stream = await opened(cluster, 1);
  stream.respond(3, { created: true });
  await until('it is created', () => watch.revision === 3);
  watch.requestProgress();
  await until('it is asked', () => stream.requests.length === 2);
  assert.equal(stream.requests[1]?.requestUnion?.$case, 'progressRequest');
  stream.respond(7, { watchId: -1n });
  await until('it is told', () => reader.told.length === 1);
  assert.deepEqual(reader.told, ['7: ']);
});

test('one response may tell of very many events', async (context) => {
  const { client, cluster } = await startClient(context);
  const watch = client.watch({ prefix: '' });
  const reader = new Reader(watch);
  const stream = await opened(cluster, 1);
  stream.respond(1, { created: true });
  stream.respond(2, { events: Array.from({ length: 200_000 }, () => toPut('a@2')) });
  await until('it is told', () => reader.told.length > 0);
  assert.equal(reader.told[0]?.length, '2: '.length + 2 * 200_000 - 1);
  await watch.close();
  assert.equal(await reader.end, 'done');
});
