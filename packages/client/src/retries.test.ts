import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import test from 'node:test';
import { QuorateClient } from './quorate-client.ts';
import type { QuorateError } from './quorate-error.ts';
import type { Fault } from './testing/fake-member.ts';
import { startClient } from './testing/start-client.ts';

const overloaded: Fault = { kind: 'status', code: 8, details: 'etcdserver: too many requests' };
const noLeader: Fault = { kind: 'status', code: 14, details: 'etcdserver: no leader', outcome: 'none' };

test('a read goes on to the next endpoint when a connection breaks', async (context) => {
  const { client, cluster, clock } = await startClient(context);
  await client.put('a', '1');
  cluster.member(0).faults.push({ kind: 'disconnect', when: 'before' });
  assert.equal((await client.get('a'))?.text(), '1');
  assert.deepEqual(cluster.calls(), ['0:Put', '0:Range', '1:Range']);
  assert.deepEqual(clock.delays, [], 'at once');
});

test('a write whose connection breaks is not repeated: its outcome is unknown', async (context) => {
  const { client, cluster } = await startClient(context);
  for (const when of ['before', 'after'] as const) {
    for (const member of cluster.members) member.faults.push({ kind: 'disconnect', when });
    await assert.rejects(client.put(when, 'x'), {
      code: 'unknown-outcome',
      outcome: 'unknown',
      grpcCode: 14,
    });
    for (const member of cluster.members) member.faults.length = 0;
  }
  assert.deepEqual(
    cluster.calls().map((call) => call.slice(2)),
    ['Put', 'Put'],
  );
  assert.equal(await client.get('before'), null);
  assert.equal((await client.get('after'))?.text(), 'x');
});

test('a write goes on to the next endpoint when the first refuses connections', async (context) => {
  const { client, cluster, clock } = await startClient(context);
  await cluster.member(0).stop();
  const { revision } = await client.put('a', '1');
  assert.equal(revision, 2);
  assert.deepEqual(cluster.calls(), ['1:Put']);
  assert.deepEqual(clock.delays, []);
});

test('a write goes on to the next endpoint when the first never completes a connection', async (context) => {
  let accepted: Socket | undefined;
  const silent = createServer((socket) => {
    accepted = socket;
  });
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const endpoint = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const { cluster } = await startClient(context);
  const client = new QuorateClient({
    endpoints: [endpoint, cluster.member(0).endpoint],
    connectTimeoutMs: 50,
    preferLeader: false,
    random: () => 0,
  });
  assert.equal((await client.put('a', '1')).revision, 2);
  await client.close();
  accepted?.destroy();
  silent.close();
  await once(silent, 'close');
});

test('when no endpoint answers, rounds follow with growing pauses, and the error names all endpoints', async (context) => {
  const { client, cluster, clock } = await startClient(context, { retry: { retriesMax: 3, baseMs: 100 } });
  for (const member of cluster.members) await member.stop();
  const error = await client.put('a', '1').then(
    () => assert.fail('it must fail'),
    (reason: unknown) => reason as QuorateError,
  );
  assert.equal(error.code, 'unavailable');
  assert.equal(error.outcome, 'none');
  for (const endpoint of cluster.endpoints) {
    assert.match(error.message, new RegExp(`${endpoint} is not available: connection refused`));
  }
  assert.deepEqual(clock.delays, [50, 100, 200]);
});

test('a host name that does not resolve is named', async () => {
  const client = new QuorateClient({ endpoints: 'no-such-host.invalid:2379', retry: { retriesMax: 0 } });
  await assert.rejects(client.put('a', '1'), {
    code: 'unavailable',
    outcome: 'none',
    message: /no-such-host.invalid:2379 is not available: its host name cannot be resolved/,
  });
  await client.close();
});

test('a write that the server did not propose is repeated after a pause', async (context) => {
  const { client, cluster, clock } = await startClient(context);
  cluster.member(0).faults.push(noLeader);
  assert.equal((await client.put('a', '1')).revision, 2);
  assert.deepEqual(cluster.calls(), ['0:Put', '1:Put']);
  assert.deepEqual(clock.delays, [25]);
});

test('a write that fails without a word on its outcome is not repeated', async (context) => {
  const { client, cluster } = await startClient(context);
  cluster.member(0).faults.push({ kind: 'status', code: 14, details: 'etcdserver: no leader' });
  await assert.rejects(client.put('a', '1'), { code: 'unknown-outcome' });
  cluster.member(1).always = { ...noLeader, outcome: 'unknown' };
  await assert.rejects(client.put('a', '1'), { code: 'unknown-outcome' });
  assert.deepEqual(cluster.calls(), ['0:Put', '1:Put']);
});

test('an overloaded cluster is asked again, and in the end that is the error', async (context) => {
  const { client, cluster, clock } = await startClient(context, { retry: { retriesMax: 2 } });
  cluster.member(0).faults.push(overloaded, overloaded);
  assert.equal((await client.put('a', '1')).revision, 2);
  assert.deepEqual(clock.delays, [25, 50]);
  for (const member of cluster.members) member.always = overloaded;
  await assert.rejects(client.put('a', '1'), { code: 'overloaded', outcome: 'none' });
});

test('no leader anywhere: the error says so, also when time runs out', async (context) => {
  const { client, cluster } = await startClient(context, { retry: { retriesMax: 1 } });
  for (const member of cluster.members) member.always = noLeader;
  await assert.rejects(client.get('a'), { code: 'no-leader', grpcCode: 14 });
  for (const member of cluster.members) {
    member.always = null;
    member.faults.push(noLeader, { kind: 'hang' });
  }
  await assert.rejects(client.get('a', { timeoutMs: 100 }), { code: 'no-leader' });
});

test('a read leaves an endpoint that hangs while there is time', async (context) => {
  const { client, cluster } = await startClient(context);
  await client.put('a', '1');
  cluster.member(0).always = { kind: 'hang' };
  assert.equal((await client.get('a', { timeoutMs: 1_500 }))?.text(), '1');
  assert.deepEqual(cluster.calls(), ['0:Put', '0:Range', '1:Range']);
});

test('a deadline ends a read without effect and a write with an unknown outcome', async (context) => {
  const { client, cluster } = await startClient(context);
  await client.get('connect'); // What was never sent has no unknown outcome, and connecting takes its time.
  for (const member of cluster.members) member.always = { kind: 'hang' };
  await assert.rejects(client.get('a', { timeoutMs: 500 }), { code: 'deadline-exceeded', outcome: 'none' });
  await assert.rejects(client.put('a', '1', { timeoutMs: 500 }), {
    code: 'unknown-outcome',
    outcome: 'unknown',
  });
});

test('an aborted signal ends a call; of a write that was sent the outcome is unknown', async (context) => {
  const { client, cluster } = await startClient(context);
  const reason = new Error('enough');
  await assert.rejects(client.put('a', '1', { signal: AbortSignal.abort(reason) }), {
    code: 'cancelled',
    outcome: 'none',
    cause: reason,
  });
  for (const member of cluster.members) member.always = { kind: 'hang' };
  for (const [kind, outcome] of [
    ['read', 'none'],
    ['write', 'unknown'],
  ] as const) {
    const abort = new AbortController();
    const { signal } = abort;
    const call = kind === 'read' ? client.get('a', { signal }) : client.put('a', '1', { signal });
    const seen = cluster.calls().length;
    while (cluster.calls().length === seen) await new Promise(setImmediate);
    abort.abort(reason);
    await assert.rejects(call, { code: 'cancelled', outcome, cause: reason });
  }
});

test('an answer that cannot be read is an error; a write may have happened', async (context) => {
  const { client, cluster } = await startClient(context);
  cluster.member(0).faults.push({ kind: 'malformed' }, { kind: 'malformed' });
  await assert.rejects(client.get('a'), { code: 'server-error', outcome: 'none' });
  await assert.rejects(client.put('a', '1'), { code: 'server-error', outcome: 'unknown' });
});

test('writes and linearizable reads go to the leader, wherever the client began', async (context) => {
  const { client, cluster } = await startClient(context, { preferLeader: true });
  cluster.elect(2, 5);
  await client.get('find the leader');
  while (!cluster.calls().includes('2:Status')) await new Promise(setImmediate);
  await new Promise(setImmediate);
  await client.put('reach the leader', '1');
  for (const member of cluster.members) member.calls.length = 0;
  await client.put('a', '1');
  await client.get('a');
  assert.deepEqual(cluster.calls(), ['2:Put', '2:Range']);
});

test('a read that any member can answer takes turns among them', async (context) => {
  const { client, cluster } = await startClient(context);
  for (let index = 0; index < 6; index += 1) await client.get('a', { serializable: true });
  assert.deepEqual(cluster.calls().sort(), [
    '0:Range',
    '0:Range',
    '1:Range',
    '1:Range',
    '2:Range',
    '2:Range',
  ]);
});

test('serializable pages fall back to the leader when the next member is behind', async (context) => {
  const { client, cluster } = await startClient(context);
  await client.putMany([
    ['a', '1'],
    ['b', '1'],
  ]);
  const behind: Fault = {
    kind: 'status',
    code: 11,
    details: 'etcdserver: mvcc: required revision is a future revision',
  };
  const pages = client.range({ prefix: '' }, { pageSize: 1, serializable: true });
  assert.equal((await pages.next()).value?.keyText(), 'a');
  for (const member of cluster.members.slice(1)) member.faults.push(behind);
  assert.equal((await pages.next()).value?.keyText(), 'b');
});
