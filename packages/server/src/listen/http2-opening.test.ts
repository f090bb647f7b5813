import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { SystemClock } from '../platform/system-clock.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { TestFrontend } from '../testing/test-frontend.ts';
import { until } from '../testing/until.ts';
import { Http2Opening } from './http2-opening.ts';
import { Listener } from './listener.ts';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const settings = Buffer.from('000000040000000000', 'hex');
const acknowledgement = Buffer.from('000000040100000000', 'hex');
/** What etcdctl 3.4 sends for `endpoint status --endpoints=http://127.0.0.1:23790`: HEADERS and DATA. */
const request = Buffer.from(
  [
    '0000770104 00000001 8386459760a924882d9dcb6571afa066a925a87510ac6e48d36a3f41909d29aee30c044eae05c0b86e09975f07',
    '5f8b1d75d0620d263d4c4d65647a8b9acac8b4c7602bb2caecff40027465864d833505b11f40899acac8b24d494f6a7f860befb8eb22',
    'b7408d25062d495875996ee5b1063d5f03332e34 0000050001 00000001 0000000000',
  ]
    .join('')
    .replaceAll(' ', ''),
  'hex',
);
/** The same with an authority that is none of a URL. */
const plainRequest = Buffer.from(request);
Buffer.from('9d29aee2cb', 'hex').copy(plainRequest, plainRequest.indexOf('9d29aee30c', 0, 'hex'));

type Frame = {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
};

/** The other end of a connection, which reads frames. */
class FrameClient {
  readonly frames: Frame[] = [];
  readonly socket: Socket;
  private received: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.received = Buffer.concat([this.received, bytes]);
      this.readFrames();
    });
  }

  private readFrames(): void {
    const { received } = this;
    if (received.length < 9) return;
    const end = 9 + received.readUIntBE(0, 3);
    if (received.length < end) return;
    this.frames.push({
      type: received.readUInt8(3),
      flags: received.readUInt8(4),
      stream: received.readUInt32BE(5),
      payload: received.subarray(9, end),
    });
    this.received = received.subarray(end);
    this.readFrames();
  }

  async greeted(): Promise<void> {
    await until('the server has said its settings', () => this.frames.length > 0);
    assert.deepEqual(this.frames[0], { type: 4, flags: 0, stream: 0, payload: Buffer.alloc(0) });
  }

  /** Waits until the server has hung up, whether or not it has read everything. */
  async hungUp(): Promise<void> {
    await until('the server has hung up', () => this.socket.destroyed);
  }

  /** Waits for the end of a stream, and returns the types of its frames: 1 is HEADERS, 0 DATA. */
  async answer(id = 1): Promise<readonly number[]> {
    const own = (): readonly Frame[] => this.frames.filter(({ stream }) => stream === id);
    await until('the stream has ended', () => own().some(({ type, flags }) => type === 3 || flags % 2 === 1));
    return own().map(({ type }) => type);
  }
}

const served = [1, 0, 1];

async function dial(frontend: TestFrontend): Promise<FrameClient> {
  return new FrameClient(await frontend.connect());
}

/** A client that has waited for the settings of the server, and not acknowledged them. */
async function dialGreeted(frontend: TestFrontend): Promise<FrameClient> {
  const client = await dial(frontend);
  client.socket.write(Buffer.concat([preface, settings]));
  await client.greeted();
  return client;
}

test('a client that waits for the settings of the server, and then names a URL, is served', async () => {
  await using frontend = await TestFrontend.open();
  const client = await dialGreeted(frontend);
  client.socket.write(Buffer.concat([acknowledgement, request]));
  assert.deepEqual(await client.answer(), served);
});

test('the settings that hold are acknowledged after those of the greeting', async () => {
  await using frontend = await TestFrontend.open();
  const client = await dialGreeted(frontend);
  client.socket.write(Buffer.concat([acknowledgement, request]));
  assert.deepEqual(await client.answer(), served);
  const again = Buffer.from(plainRequest);
  for (const frame of [0, request.readUIntBE(0, 3) + 9]) again.writeUInt32BE(3, frame + 5);
  client.socket.write(Buffer.concat([acknowledgement, again]));
  assert.deepEqual(await client.answer(3), served);
  assert.ok(!client.frames.some(({ type }) => type === 7), 'the connection goes on');
});

test('it does not matter how the bytes come', async () => {
  await using frontend = await TestFrontend.open();
  const client = await dial(frontend);
  for (const byte of Buffer.concat([preface, settings])) client.socket.write(Buffer.from([byte]));
  await client.greeted();
  for (const byte of Buffer.concat([acknowledgement, request])) {
    client.socket.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  assert.deepEqual(await client.answer(), served);
});

test('an acknowledgement that comes after the request is waited for', async () => {
  await using frontend = await TestFrontend.open();
  const client = await dialGreeted(frontend);
  client.socket.write(Buffer.concat([request, acknowledgement]));
  assert.deepEqual(await client.answer(), served);
});

test('who sends a request at once hears the settings that hold, and no others', async () => {
  await using frontend = await TestFrontend.open();
  const client = await dial(frontend);
  client.socket.write(Buffer.concat([preface, settings, request]));
  assert.deepEqual(await client.answer(), served);
  const ofServer = client.frames.filter(({ type, flags }) => type === 4 && flags === 0);
  assert.equal(ofServer.length, 1);
  assert.notEqual(ofServer[0]?.payload.length, 0);
});

test('later requests name the URL by its place in the table', async () => {
  const clock = new SystemClock();
  const seen: unknown[] = [];
  const server = createServer();
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    seen.push(headers[':authority']);
    stream.respond({ ':status': 200 }, { endStream: true });
  });
  const listener = await Listener.open({
    urls: ['http://127.0.0.1:0'],
    option: 'test',
    connectionsMax: 10,
    clock,
  });
  listener.serve((socket) => {
    const opened = (): boolean => server.emit('connection', socket);
    new Http2Opening(socket, { clock, timeoutMs: 10_000, opened }).start();
  });
  const session = connect(listener.urls[0] ?? '');
  try {
    for (let count = 0; count < 3; count += 1) {
      const stream = session.request({ ':method': 'POST', ':authority': 'http://member:2379' });
      stream.end();
      stream.resume();
      await once(stream, 'close');
    }
    assert.deepEqual(seen, Array(3).fill('http:--member:2379'));
  } finally {
    session.destroy();
    await listener.close(clock, 0);
  }
});

/** Opens a connection that has done its part and sends no request. */
async function dialIdle(frontend: TestFrontend): Promise<FrameClient> {
  const client = await dial(frontend);
  // All at once, so that the greeting shows that the server has read the acknowledgement as well.
  client.socket.write(Buffer.concat([preface, settings, acknowledgement]));
  await client.greeted();
  return client;
}

test('an idle connection is handed over after a while, and serves later', async () => {
  const clock = new ManualClock();
  await using frontend = await TestFrontend.open(clock);
  const client = await dialIdle(frontend);
  clock.advance(10_000);
  await until('the settings that hold are said', () =>
    client.frames.some(({ type, payload }) => type === 4 && payload.length > 0),
  );
  client.socket.write(plainRequest);
  assert.deepEqual(await client.answer(), served);
});

test('who does not agree on HTTP/2 is hung up on after a while', async () => {
  const clock = new ManualClock();
  await using frontend = await TestFrontend.open(clock);
  for (const words of [preface.subarray(0, 10), Buffer.concat([preface, settings])]) {
    const client = await dial(frontend);
    client.socket.write(words);
    await client.greeted();
    clock.advance(10_000);
    await client.hungUp();
  }
});

test('who sends too much before that is hung up on', async () => {
  await using frontend = await TestFrontend.open();
  const client = await dialGreeted(frontend);
  const data = Buffer.concat([Buffer.from('004000000000000001', 'hex'), Buffer.alloc(16_384)]);
  for (let count = 0; count < 20; count += 1) client.socket.write(data);
  await client.hungUp();
});

test('a server that stops waits for no first request', async () => {
  await using frontend = await TestFrontend.open();
  const idle = await dialIdle(frontend);
  const unready = await dial(frontend);
  unready.socket.write(Buffer.concat([preface, settings]));
  await unready.greeted();
  await frontend.clients.drain(new SystemClock());
  await unready.hungUp();
  await until('it is told to go elsewhere', () => idle.frames.some(({ type }) => type === 7));
});

test('a client that leaves meanwhile leaves nothing behind', async () => {
  const clock = new ManualClock();
  await using frontend = await TestFrontend.open(clock);
  const client = await dialGreeted(frontend);
  assert.notEqual(clock.pendingTimers, 0);
  client.socket.end();
  await until('its timer is gone', () => clock.pendingTimers === 0);
});
