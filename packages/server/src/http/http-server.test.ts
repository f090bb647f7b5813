import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { AlarmRequest_AlarmAction, AlarmType, PutRequest } from '@quorate/protocol';
import { ReplicaError } from '@quorate/replica';
import { ManualClock } from '../testing/manual-clock.ts';
import { TestFrontend } from '../testing/test-frontend.ts';
import { until } from '../testing/until.ts';

async function get(frontend: TestFrontend, path: string, init: RequestInit = {}) {
  const response = await fetch(frontend.url + path, init);
  const type = response.headers.get('content-type') ?? '';
  return { status: response.status, type, body: await response.text(), headers: response.headers };
}

test('gRPC and HTTP/1.1 share one port', async () => {
  await using frontend = await TestFrontend.open();
  await frontend.client.kv.put(PutRequest.create({ key: Buffer.from('a') }));
  assert.equal((await get(frontend, '/version')).status, 200);
  await frontend.client.kv.put(PutRequest.create({ key: Buffer.from('b') }));
});

test('the version is told as etcd tells it', async () => {
  await using frontend = await TestFrontend.open();
  const { status, type, body } = await get(frontend, '/version');
  assert.equal(status, 200);
  assert.equal(type, 'application/json');
  const { etcdserver, ...rest } = JSON.parse(body) as Record<string, string>;
  assert.match(etcdserver ?? '', /^\d+\.\d+\.\d+$/);
  assert.deepEqual(rest, { etcdcluster: etcdserver, storage: etcdserver });
});

test('a member that reaches a majority is healthy', async () => {
  await using frontend = await TestFrontend.open();
  assert.deepEqual(JSON.parse((await get(frontend, '/health')).body), { health: 'true', reason: '' });
  assert.equal((await get(frontend, '/livez')).body, 'ok\n');
  assert.equal((await get(frontend, '/readyz')).body, 'ok\n');
  assert.equal(
    (await get(frontend, '/readyz?verbose')).body,
    '[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n[+]non_learner ok\nok\n',
  );
  assert.ok(frontend.member.reads.length >= 3, 'health and readiness ask the cluster');
});

test('a member without a leader lives, and is not ready', async () => {
  await using frontend = await TestFrontend.open();
  frontend.member.leader = null;
  frontend.member.failure = new ReplicaError('no-leader', 'nobody leads');
  const { status, body } = await get(frontend, '/health');
  assert.equal(status, 503);
  assert.deepEqual(JSON.parse(body), { health: 'false', reason: 'RAFT NO LEADER' });
  assert.equal((await get(frontend, '/health?serializable=true')).status, 200);
  assert.equal((await get(frontend, '/livez')).status, 200);
  const ready = await get(frontend, '/readyz');
  assert.equal(ready.status, 503);
  assert.equal(
    ready.body,
    '[+]data_corruption ok\n[+]serializable_read ok\n[-]linearizable_read failed: nobody leads\n[+]non_learner ok\n',
  );
  const without = await get(frontend, '/readyz?verbose&exclude=linearizable_read&exclude=non_learner');
  assert.equal(without.body, '[+]data_corruption ok\n[+]serializable_read ok\nok\n');
});

test('each check of a probe can be asked for alone', async () => {
  await using frontend = await TestFrontend.open();
  assert.equal(
    (await get(frontend, '/livez/serializable_read?verbose')).body,
    '[+]serializable_read ok\nok\n',
  );
  frontend.member.failure = new ReplicaError('no-leader', 'nobody leads');
  assert.equal((await get(frontend, '/readyz/linearizable_read')).status, 503);
  assert.equal((await get(frontend, '/readyz/data_corruption')).status, 200);
  assert.equal((await get(frontend, '/livez/linearizable_read')).status, 404);
  const raised = { action: AlarmRequest_AlarmAction.ACTIVATE, alarm: AlarmType.CORRUPT, memberID: 0xabcn };
  frontend.member.failure = null;
  await frontend.member.propose({ $case: 'alarm', alarm: raised }, { deadlineMs: 1_000 });
  assert.equal(
    (await get(frontend, '/readyz/data_corruption')).body,
    '[-]data_corruption failed: alarm activated: CORRUPT\n',
  );
});

test('a standing alarm is a reason, unless the caller leaves it out', async () => {
  await using frontend = await TestFrontend.open();
  const raised = { action: AlarmRequest_AlarmAction.ACTIVATE, alarm: AlarmType.NOSPACE, memberID: 0xabcn };
  await frontend.member.propose({ $case: 'alarm', alarm: raised }, { deadlineMs: 1_000 });
  const { status, body } = await get(frontend, '/health');
  assert.equal(status, 503);
  assert.deepEqual(JSON.parse(body), { health: 'false', reason: 'ALARM NOSPACE' });
  assert.equal((await get(frontend, '/health?exclude=NOSPACE')).status, 200);
});

test('a read that fails is a reason', async () => {
  await using frontend = await TestFrontend.open();
  frontend.member.failure = new ReplicaError('timed-out', 'no answer in time');
  const { body } = await get(frontend, '/health');
  assert.deepEqual(JSON.parse(body), { health: 'false', reason: 'RANGE ERROR:no answer in time' });
});

test('anything else is not there, in JSON', async () => {
  await using frontend = await TestFrontend.open();
  for (const path of ['/', '/metrics-of-another-day', '/../version', '/version/', '//x']) {
    const { status, type, body } = await get(frontend, path);
    if (path === '/../version') continue; // The client itself makes /version of it.
    assert.equal(status, 404, path);
    assert.equal(type, 'application/json');
    assert.equal((JSON.parse(body) as { error: string }).error, 'not found');
  }
});

test('only GET is answered', async () => {
  await using frontend = await TestFrontend.open();
  const { status, headers } = await get(frontend, '/health', { method: 'POST', body: 'x'.repeat(100_000) });
  assert.equal(status, 405);
  assert.equal(headers.get('allow'), 'GET');
});

async function received(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  return Buffer.concat(chunks).toString();
}

test('a target that is no path harms nobody', async () => {
  await using frontend = await TestFrontend.open();
  for (const target of ['http://[', '*', 'http://a:b:c/', '\\\\x']) {
    const socket = await frontend.connect();
    socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.match(await received(socket), /^HTTP\/1\.1 4\d\d /, target);
  }
  assert.deepEqual(frontend.logger.lines, []);
});

test('garbage and endless headers are hung up on', async () => {
  await using frontend = await TestFrontend.open();
  for (const bytes of [
    Buffer.alloc(1000, 0xff),
    Buffer.from('PRX * HTTP/1.1\r\n\r\n'),
    Buffer.from('\r\n\r\n\r\nx'),
  ]) {
    const socket = await frontend.connect();
    socket.write(bytes);
    assert.match(await received(socket), /^HTTP\/1\.1 400 /);
  }
  const endless = await frontend.connect();
  endless.write(`GET /version HTTP/1.1\r\nX-Long: ${'x'.repeat(20_000)}`);
  assert.match(await received(endless), /^HTTP\/1\.1 431 /);
});

test('requests that arrive byte by byte are understood', async () => {
  await using frontend = await TestFrontend.open();
  const socket = await frontend.connect();
  socket.setNoDelay(true);
  const answer = received(socket);
  for (const character of 'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n') {
    socket.write(character);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.match(await answer, /^HTTP\/1\.1 200 OK\r\n[^]*ok\n$/);
});

test('who does not say a word, or does not finish a request, is hung up on in time', async () => {
  const clock = new ManualClock();
  await using frontend = await TestFrontend.open(clock);
  const silent = await frontend.connect();
  const slow = await frontend.connect();
  slow.write('GET /version HTTP/1.1\r\n');
  const patient = await frontend.connect();
  let answers = '';
  patient.on('data', (chunk: Buffer) => {
    answers += chunk.toString();
  });
  patient.write('GET /version HTTP/1.1\r\nHost: x\r\n\r\n');
  await until(
    'one has its answer, and all wait',
    () => answers.includes('etcdserver') && clock.pendingTimers === 3,
  );
  const gone = [silent, slow, patient].map((socket) => once(socket, 'close'));
  clock.advance(10_000);
  await Promise.all(gone);
  await until('no timer is left', () => clock.pendingTimers === 0);
});

test('a connection serves one request after the other', async () => {
  await using frontend = await TestFrontend.open();
  const socket = await frontend.connect();
  let answers = '';
  socket.on('data', (chunk: Buffer) => {
    answers += chunk.toString();
  });
  for (let number = 1; number <= 3; number += 1) {
    socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('an answer comes', () => answers.split('HTTP/1.1 200').length === number + 1);
  }
});

test('many connections at a time cost no more each than one', async () => {
  await using frontend = await TestFrontend.open();
  const warnings: Error[] = [];
  const warned = (warning: Error): number => warnings.push(warning);
  process.on('warning', warned);
  const sockets = await Promise.all(Array.from({ length: 50 }, () => frontend.connect()));
  let answers = 0;
  for (const socket of sockets) {
    socket.on('data', () => {
      answers += 1;
    });
    socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
  }
  await until('all have their answer', () => answers >= 50);
  process.off('warning', warned);
  assert.deepEqual(warnings, [], 'no listener is left on anything shared');
});
