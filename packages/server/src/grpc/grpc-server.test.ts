import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Stream, connect } from 'node:http2';
import { test } from 'node:test';
import { type ServiceError, status } from '@grpc/grpc-js';
import { kvService, PutRequest, RangeRequest, RangeStreamResponse } from '@quorate/protocol';
import { ReplicaError } from '@quorate/replica';
import type { ApiMethod } from '../api/api-method.ts';
import { Listener } from '../listen/listener.ts';
import { SystemClock } from '../platform/system-clock.ts';
import { TestFrontend } from '../testing/test-frontend.ts';
import { until } from '../testing/until.ts';
import { GrpcServer } from './grpc-server.ts';

const put = (key: string, value: string | Uint8Array) =>
  PutRequest.create({ key: Buffer.from(key), value: Buffer.from(value) });
const get = (key: string) => RangeRequest.create({ key: Buffer.from(key) });

async function failureOf(work: Promise<unknown>): Promise<ServiceError> {
  return work.then(
    () => assert.fail('it should have failed'),
    (error: unknown) => error as ServiceError,
  );
}

test('calls reach the member, and its answers the client', async () => {
  await using frontend = await TestFrontend.open();
  await frontend.client.kv.put(put('a', '1'));
  const { kvs, header } = await frontend.client.kv.range(get('a'));
  assert.equal(Buffer.from(kvs[0]?.value ?? []).toString(), '1');
  assert.equal(header?.memberId, frontend.member.id);
});

test('many calls over one connection all get their own answer', async () => {
  await using frontend = await TestFrontend.open();
  const calls = Array.from({ length: 500 }, async (_, number) => {
    await frontend.client.kv.put(put(`k${number}`, `v${number}`));
    const { kvs } = await frontend.client.kv.range(get(`k${number}`));
    assert.equal(Buffer.from(kvs[0]?.value ?? []).toString(), `v${number}`);
  });
  await Promise.all(calls);
});

test("a failure carries etcd's status and words, and what is known of its effect", async () => {
  await using frontend = await TestFrontend.open();
  const refused = await failureOf(frontend.client.kv.put(put('', '')));
  assert.equal(refused.code, status.INVALID_ARGUMENT);
  assert.equal(refused.details, 'etcdserver: key is not provided');
  assert.deepEqual(refused.metadata.get('quorate-outcome'), ['none']);
  frontend.member.failure = new ReplicaError('unknown-outcome', '');
  const lost = await failureOf(frontend.client.kv.put(put('a', '')));
  assert.equal(lost.code, status.UNAVAILABLE);
  assert.deepEqual(lost.metadata.get('quorate-outcome'), ['unknown']);
});

test('a client that gives up is noticed', async () => {
  await using frontend = await TestFrontend.open();
  frontend.member.gate = new Promise(() => undefined);
  const abort = new AbortController();
  const work = failureOf(frontend.client.kv.put(put('a', '1'), { signal: abort.signal }));
  await until('the call has reached the member', () => frontend.member.proposals.length === 1);
  abort.abort();
  assert.equal((await work).code, status.CANCELLED);
  await until('the member knows', () => frontend.member.proposals[0]?.call.signal?.aborted === true);
});

test('the deadline of the client is that of the call', async () => {
  await using frontend = await TestFrontend.open();
  frontend.member.gate = new Promise(() => undefined);
  const beforeMs = frontend.clock.monotonicMs();
  await failureOf(frontend.client.kv.put(put('a', '1'), { timeoutMs: 300 }));
  const deadlineMs = frontend.member.proposals[0]?.call.deadlineMs ?? 0;
  assert.ok(deadlineMs > beforeMs && deadlineMs < frontend.clock.monotonicMs() + 300);
});

test('a client whose time runs out hears what is known, and not only that it does', async () => {
  await using frontend = await TestFrontend.open();
  frontend.member.gate = new Promise(() => undefined);
  const failure = await failureOf(frontend.client.kv.put(put('a', '1'), { timeoutMs: 800 }));
  assert.equal(failure.details, 'etcdserver: no leader');
});

test('metadata of the client is heard', async () => {
  await using frontend = await TestFrontend.open();
  frontend.member.leader = null;
  const failure = await failureOf(frontend.client.kv.range(get('a'), { metadata: { hasleader: 'true' } }));
  assert.equal(failure.details, 'etcdserver: no leader');
});

test('bad calls are told apart, and the connection goes on', async () => {
  await using frontend = await TestFrontend.open();
  const { client } = frontend;
  const malformed = await failureOf(client.callRaw('/etcdserverpb.KV/Put', Buffer.from([0x0a, 0x7f])));
  assert.equal(malformed.code, status.INVALID_ARGUMENT);
  assert.match(malformed.details, /no valid protobuf/);
  const unknown = await failureOf(client.callRaw('/etcdserverpb.KV/Juggle', Buffer.alloc(0)));
  assert.equal(unknown.code, status.UNIMPLEMENTED);
  const notBuilt = await failureOf(client.callRaw('/etcdserverpb.Auth/AuthEnable', Buffer.alloc(0)));
  assert.equal(notBuilt.code, status.UNIMPLEMENTED);
  assert.equal(notBuilt.details, 'etcdserverpb.Auth/AuthEnable is not built yet');
  const tooLarge = await failureOf(client.kv.put(put('a', Buffer.alloc(3 * 1024 * 1024))));
  assert.equal(tooLarge.code, status.RESOURCE_EXHAUSTED);
  await client.kv.put(put('a', Buffer.alloc(1024 * 1024)));
  assert.equal((await client.kv.range(get('a'))).kvs[0]?.value.length, 1024 * 1024);
});

test('a stream brings everything and then its status', async () => {
  await using frontend = await TestFrontend.open();
  for (let number = 0; number < 300; number += 1) {
    await frontend.client.kv.put(put(`k${String(number).padStart(4, '0')}`, Buffer.alloc(2_000)));
  }
  let keys = 0;
  const request = RangeRequest.encode(
    RangeRequest.create({ key: Buffer.from('k'), rangeEnd: Buffer.from('l') }),
  ).finish();
  const { path } = kvService.methods.rangeStream;
  const end = await frontend.client.readStream(path, request, (bytes) => {
    keys += RangeStreamResponse.decode(bytes).rangeResponse?.kvs.length ?? 0;
  });
  assert.equal(end.code, status.OK);
  assert.equal(keys, 300);
});

test('a stream that fails ends with the status of its error', async () => {
  await using frontend = await TestFrontend.open();
  frontend.member.failure = new ReplicaError('timed-out', '');
  const request = RangeRequest.encode(get('a')).finish();
  const end = await frontend.client.readStream(kvService.methods.rangeStream.path, request, () => undefined);
  assert.equal(end.code, status.UNAVAILABLE);
  assert.equal(end.details, 'etcdserver: request timed out');
});

test('a connection that breaks in the middle of a call harms nobody', async () => {
  await using frontend = await TestFrontend.open();
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  const emptySettings = Buffer.from('000000040000000000', 'hex');
  for (const bytes of [
    preface.subarray(0, 2),
    preface.subarray(0, 10),
    preface,
    Buffer.concat([preface, emptySettings]),
  ]) {
    const socket = await frontend.connect();
    socket.write(bytes);
    await new Promise((resolve) => setTimeout(resolve, 10));
    socket.destroy();
  }
  const garbled = await frontend.connect();
  garbled.resume();
  garbled.write(Buffer.concat([preface, Buffer.alloc(1000, 0xff)]));
  await once(garbled, 'close');
  await frontend.client.kv.put(put('a', '1'));
});

test('a request that is reset by the packet that brings it harms nobody', async () => {
  await using frontend = await TestFrontend.open();
  const socket = await frontend.connect();
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  const settings = Buffer.from('000000040000000000', 'hex');
  // GET http://127.0.0.1/x and its end.
  const request = Buffer.from('0000110105000000018204022f7801093132372e302e302e3186', 'hex');
  const reset = Buffer.from('00000403000000000100000008', 'hex');
  socket.write(Buffer.concat([preface, settings, request, reset]));
  await once(socket, 'data');
  await frontend.client.kv.put(put('a', '1'));
});

test('a silent connection is asked for a sign of life again and again', async () => {
  const clock = new SystemClock();
  const urls = ['http://127.0.0.1:0'];
  const listener = await Listener.open({ urls, option: 'test', connectionsMax: 1, clock });
  const limits = { messageMaxBytes: 1, receivingMaxBytes: 1, connectionCallsMax: 1 };
  const times = { keepaliveIntervalMs: 10, keepaliveTimeoutMs: 60_000 };
  const server = new GrpcServer([], { clock, ...limits, ...times });
  listener.serve((socket) => server.accept(socket));
  const session = connect(listener.urls[0] ?? '');
  for (let count = 0; count < 3; count += 1) await once(session, 'ping');
  session.destroy();
  await listener.close(clock, 0);
});

test('requests that are begun and not finished share a budget, which their end gives back', async () => {
  const clock = new SystemClock();
  const urls = ['http://127.0.0.1:0'];
  const listener = await Listener.open({ urls, option: 'test', connectionsMax: 1, clock });
  const limits = { messageMaxBytes: 100, receivingMaxBytes: 150, connectionCallsMax: 10 };
  const times = { keepaliveIntervalMs: 60_000, keepaliveTimeoutMs: 60_000 };
  const echo: ApiMethod = { kind: 'unary', path: '/echo', invoke: async (request) => request };
  const server = new GrpcServer([echo], { clock, ...limits, ...times });
  listener.serve((socket) => server.accept(socket));
  const session = connect(listener.urls[0] ?? '');
  const begin = (): ClientHttp2Stream => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/echo',
      'content-type': 'application/grpc',
    });
    stream.resume();
    stream.write(Buffer.concat([Buffer.from([0, 0, 0, 0, 95]), Buffer.alloc(90)]));
    return stream;
  };
  const first = begin();
  const second = begin();
  const [refusal] = (await once(second, 'response')) as [Record<string, string>];
  assert.equal(refusal['grpc-message'], 'etcdserver: too many requests');
  first.end(Buffer.alloc(5));
  await once(first, 'trailers');
  const third = begin();
  third.end(Buffer.alloc(5));
  const [trailers] = (await once(third, 'trailers')) as [Record<string, string>];
  assert.equal(trailers['grpc-status'], '0');
  session.destroy();
  await listener.close(clock, 0);
});
