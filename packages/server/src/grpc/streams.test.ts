import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Stream, connect } from 'node:http2';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type ClientDuplexStream, type StatusObject, status } from '@grpc/grpc-js';
import { WatchRequest, WatchResponse, watchService } from '@quorate/protocol';
import { type BidiHandler, bidiStream } from '../api/api-method.ts';
import { bindMethod } from '../api/bind-method.ts';
import { CallStatistics } from '../api/call-statistics.ts';
import { replicaFailure } from '../api/error-table.ts';
import type { Guard } from '../api/guard.ts';
import { StreamLimit } from '../api/stream-limit.ts';
import { Listener } from '../listen/listener.ts';
import { SystemClock } from '../platform/system-clock.ts';
import { RecordingLogger } from '../testing/recording-logger.ts';
import { TestClient } from '../testing/test-client.ts';
import { until } from '../testing/until.ts';
import { GrpcServer } from './grpc-server.ts';

const { watch } = watchService.methods;
type WatchHandler = BidiHandler<WatchRequest, WatchResponse>;

const messageMaxBytes = 256 * 1024;

/** A server with one method, on a real port. */
class StreamServer implements AsyncDisposable {
  readonly limit = new StreamLimit({ streamsMax: 4, connectionStreamsMax: 2 });
  readonly url: string;
  private readonly listener: Listener;
  private readonly clients: TestClient[] = [];

  static async open(handle: WatchHandler, guards: readonly Guard[] = []): Promise<StreamServer> {
    const clock = new SystemClock();
    const urls = ['http://127.0.0.1:0'];
    return new StreamServer(
      await Listener.open({ urls, option: 'test', connectionsMax: 10, clock }),
      handle,
      guards,
    );
  }

  private constructor(listener: Listener, handle: WatchHandler, guards: readonly Guard[]) {
    const clock = new SystemClock();
    const method = bindMethod(bidiStream(watch, handle), {
      guards: [this.limit.guard, ...guards],
      clock,
      logger: new RecordingLogger(),
      times: { timeoutMaxMs: 7_000, answerReserveMs: 150 },
      statistics: new CallStatistics(),
    });
    const server = new GrpcServer([method], {
      clock,
      messageMaxBytes,
      // Two streams whose requests wait, and no third: each takes its window and what has been read of it.
      receivingMaxBytes: 640 * 1024,
      connectionCallsMax: 100,
      keepaliveIntervalMs: 60_000,
      keepaliveTimeoutMs: 60_000,
    });
    this.listener = listener;
    this.url = listener.urls[0] ?? '';
    listener.serve((socket) => server.accept(socket));
  }

  /** A client with a connection of its own. */
  client(): TestClient {
    const client = new TestClient(this.url);
    this.clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) client.close();
    await this.listener.close(new SystemClock(), 0);
  }
}

/** A request that is told from others by its number. */
function request(number: number, key: Uint8Array = new Uint8Array()): Buffer {
  const createRequest = { ...emptyCreate, watchId: BigInt(number), key };
  return Buffer.from(
    WatchRequest.encode({ requestUnion: { $case: 'createRequest', createRequest } }).finish(),
  );
}

const emptyCreate = {
  rangeEnd: new Uint8Array(),
  startRevision: 0,
  progressNotify: false,
  filters: [],
  prevKv: false,
  fragment: false,
};

function idOf({ requestUnion }: WatchRequest): bigint {
  assert(requestUnion?.$case === 'createRequest');
  return requestUnion.createRequest.watchId;
}

function response(watchId: bigint, cancelReason = ''): WatchResponse {
  return WatchResponse.fromPartial({ watchId, cancelReason });
}

const echo: WatchHandler = async function* (requests) {
  for await (const each of requests) yield response(idOf(each));
};

async function statusOf(call: ClientDuplexStream<Buffer, Buffer>): Promise<StatusObject> {
  call.resume();
  return new Promise((resolve) => {
    call.on('status', resolve);
  });
}

async function readAll(call: ClientDuplexStream<Buffer, Buffer>): Promise<number[]> {
  const ids: number[] = [];
  call.on('data', (bytes: Buffer) => ids.push(Number(WatchResponse.decode(bytes).watchId)));
  await statusOf(call);
  return ids;
}

/** Waits for its end, and does nothing else. */
const idle: WatchHandler = async function* (_requests, { signal }) {
  if (!signal.aborted) await once(signal, 'abort');
  yield response(0n);
};

/** Waits until a count that has begun has been the same for thirty looks at it. */
async function standstill(who: string, count: () => number): Promise<void> {
  let last = 0;
  let looks = 0;
  await until(`${who} stands still`, () => {
    const now = count();
    looks = now === last && now > 0 ? looks + 1 : 0;
    last = now;
    return looks === 30;
  });
}

function bareStream(
  session: ReturnType<typeof connect>,
  headers: Record<string, string> = {},
): ClientHttp2Stream {
  return session.request({
    ':method': 'POST',
    ':path': watch.path,
    'content-type': 'application/grpc',
    ...headers,
  });
}

function frame(message: Uint8Array, flag = 0): Buffer {
  const header = Buffer.alloc(5);
  header[0] = flag;
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

test('requests and answers go both ways at the same time, and end with the last request', async () => {
  await using server = await StreamServer.open(echo);
  const call = server.client().openStream(watch.path);
  call.write(request(1));
  const [first] = (await once(call, 'data')) as [Buffer];
  assert.equal(WatchResponse.decode(first).watchId, 1n);
  const rest = readAll(call);
  for (let number = 2; number < 500; number += 1) call.write(request(number));
  call.end();
  assert.deepEqual(
    await rest,
    Array.from({ length: 498 }, (_, index) => index + 2),
  );
});

test('a client that has sent its last request still gets its answers', async () => {
  await using server = await StreamServer.open(async function* (requests) {
    let count = 0n;
    for await (const each of requests) count += idOf(each);
    yield response(count);
    yield response(count + 1n);
  });
  const call = server.client().openStream(watch.path);
  call.write(request(5));
  call.write(request(6));
  call.end();
  assert.deepEqual(await readAll(call), [11, 12]);
});

test('messages are found in the bytes however they are cut', async () => {
  await using server = await StreamServer.open(echo);
  const session = connect(server.url);
  const bytes = Buffer.concat([1, 2, 3, 4].map((number) => frame(request(number))));
  const compressed = frame(gzipSync(request(5)), 1);
  for (const size of [1, 2, 7, bytes.length]) {
    const stream = bareStream(session, { 'grpc-encoding': 'gzip' });
    const received: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => received.push(chunk));
    for (let start = 0; start < bytes.length; start += size)
      stream.write(bytes.subarray(start, start + size));
    stream.end(compressed);
    const [trailers] = (await once(stream, 'trailers')) as [Record<string, string>];
    assert.equal(trailers['grpc-status'], '0');
    const expected = [1n, 2n, 3n, 4n, 5n].map((id) => frame(WatchResponse.encode(response(id)).finish()));
    assert.deepEqual(Buffer.concat(received), Buffer.concat(expected));
  }
  session.destroy();
});

test('a client that does not read pauses its handler', async () => {
  let yielded = 0;
  const many = 10_000;
  await using server = await StreamServer.open(async function* () {
    for (; yielded < many; yielded += 1) yield response(BigInt(yielded), 'x'.repeat(1_000));
  });
  const session = connect(server.url, { settings: { initialWindowSize: 65_535 } });
  const stream = bareStream(session);
  await once(stream, 'response');
  await standstill('the handler', () => yielded);
  assert.ok(yielded < 1_000, `${yielded} answers were made for nobody`);
  stream.resume();
  const [trailers] = (await once(stream, 'trailers')) as [Record<string, string>];
  assert.equal(trailers['grpc-status'], '0');
  assert.equal(yielded, many);
  session.destroy();
});

test('a client that sends faster than it is served has to wait', async () => {
  const gate = Promise.withResolvers<void>();
  let handled = 0;
  await using server = await StreamServer.open(async function* (requests) {
    for await (const each of requests) {
      await gate.promise;
      handled += 1;
      yield response(idOf(each));
    }
  });
  const session = connect(server.url);
  const stream = bareStream(session);
  stream.resume();
  const count = 100;
  let sent = 0;
  const sending = (async () => {
    for (; sent < count; sent += 1) {
      const written = Promise.withResolvers<unknown>();
      stream.write(frame(request(sent, Buffer.alloc(10_000))), written.resolve);
      await written.promise;
    }
    stream.end();
  })();
  await standstill('the client', () => sent);
  assert.ok(sent < 60, `the server took ${sent} requests of 10 kB`);
  gate.resolve();
  const [trailers] = (await once(stream, 'trailers')) as [Record<string, string>];
  assert.equal(trailers['grpc-status'], '0');
  assert.equal(handled, count);
  await sending;
  session.destroy();
});

test('what waits at the server is bounded over all streams', async () => {
  const gate = Promise.withResolvers<void>();
  await using server = await StreamServer.open(async function* (requests) {
    await gate.promise;
    for await (const each of requests) yield response(idOf(each));
  });
  const calls = [0, 1, 2].map(() => server.client().openStream(watch.path));
  const ends = calls.map(statusOf);
  for (const call of calls) {
    for (let number = 0; number < 4; number += 1) call.write(request(number, Buffer.alloc(100_000)));
    call.end();
  }
  assert.equal((await Promise.race(ends)).details, 'etcdserver: too many requests');
  gate.resolve();
  const codes = (await Promise.all(ends)).map(({ code }) => code);
  assert.deepEqual(
    codes.sort((a, b) => a - b),
    [status.OK, status.OK, status.RESOURCE_EXHAUSTED],
  );
});

test('a handler learns that its client has given up', async () => {
  const over = Promise.withResolvers<unknown>();
  await using server = await StreamServer.open(async function* (_requests, { signal }) {
    signal.addEventListener('abort', over.resolve, { once: true });
    yield response(1n);
    await over.promise;
  });
  const call = server.client().openStream(watch.path);
  await once(call, 'data');
  call.cancel();
  await over.promise;
  await until('the stream is forgotten', () => server.limit.size === 0);
});

test('a connection that breaks ends its streams', async () => {
  await using server = await StreamServer.open(echo);
  const session = connect(server.url);
  const stream = bareStream(session);
  stream.on('error', () => undefined);
  stream.write(frame(request(1)));
  await once(stream, 'data');
  session.destroy();
  await until('the stream is forgotten', () => server.limit.size === 0);
});

test('a handler that hangs does not keep a stream whose client has gone', async () => {
  await using server = await StreamServer.open(async function* () {
    yield response(1n);
    await new Promise(() => undefined);
  });
  const call = server.client().openStream(watch.path);
  await once(call, 'data');
  call.cancel();
  await until('the stream is forgotten', () => server.limit.size === 0);
});

test('a stopping server ends its streams with a status, and lets in no others', async () => {
  await using server = await StreamServer.open(idle);
  const client = server.client();
  const call = client.openStream(watch.path);
  const end = statusOf(call);
  await until('the stream is open', () => server.limit.size === 1);
  server.limit.stop();
  const { code, details, metadata } = await end;
  assert.deepEqual([code, details], [status.UNAVAILABLE, 'etcdserver: server stopped']);
  assert.deepEqual(metadata.get('quorate-outcome'), ['none']);
  const late = await statusOf(client.openStream(watch.path));
  assert.equal(late.details, 'etcdserver: server stopped');
});

test('streams are limited over a connection, and over all', async () => {
  await using server = await StreamServer.open(idle);
  const clients = [server.client(), server.client(), server.client()];
  const open = async (client: TestClient | undefined): Promise<() => void> => {
    const before = server.limit.size;
    const call = client?.openStream(watch.path);
    await until('the stream is open', () => server.limit.size === before + 1);
    return () => call?.cancel();
  };
  const refused = async (client: TestClient | undefined): Promise<string> => {
    assert(client !== undefined);
    const { code, details } = await statusOf(client.openStream(watch.path));
    assert.equal(code, status.RESOURCE_EXHAUSTED);
    return details;
  };
  const closeFirst = await open(clients[0]);
  await open(clients[0]);
  assert.match(await refused(clients[0]), /over this connection/);
  await open(clients[1]);
  await open(clients[1]);
  assert.match(await refused(clients[2]), /at this member/);
  closeFirst();
  await until('one stream is over', () => server.limit.size === 3);
  await open(clients[2]);
});

test('what is wrong with a request ends the stream and says so', async () => {
  await using server = await StreamServer.open(echo);
  const client = server.client();
  const malformed = client.openStream(watch.path);
  malformed.write(Buffer.from([0x0a, 0x7f]));
  const { code, details } = await statusOf(malformed);
  assert.equal(code, status.INVALID_ARGUMENT);
  assert.match(details, /no valid protobuf/);
  const tooLarge = client.openStream(watch.path);
  tooLarge.write(request(1, Buffer.alloc(messageMaxBytes)));
  assert.equal((await statusOf(tooLarge)).code, status.RESOURCE_EXHAUSTED);
  const session = connect(server.url);
  const cut = bareStream(session);
  cut.resume();
  cut.end(frame(request(1)).subarray(0, -1));
  const [headers] = (await once(cut, 'response')) as [Record<string, string>];
  assert.equal(headers['grpc-message'], 'the stream of requests ends in the middle of a gRPC message');
  session.destroy();
});

test('guards are asked for the stream and for each of its requests', async () => {
  const seen: string[] = [];
  let released = 0;
  const guard: Guard = ({ kind, request: asked }) => {
    seen.push(kind);
    if (kind === 'stream-request' && idOf(asked as WatchRequest) === 3n) throw replicaFailure('no-leader');
    return () => {
      released += 1;
    };
  };
  await using server = await StreamServer.open(echo, [guard]);
  const call = server.client().openStream(watch.path);
  const end = statusOf(call);
  call.resume();
  for (const number of [1, 2, 3]) call.write(request(number));
  assert.equal((await end).details, 'etcdserver: no leader');
  assert.deepEqual(seen, ['stream', 'stream-request', 'stream-request', 'stream-request']);
  assert.equal(released, 3);
});
