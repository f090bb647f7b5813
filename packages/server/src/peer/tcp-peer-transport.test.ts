import assert from 'node:assert/strict';
import type { Server, Socket } from 'node:net';
import { after, test } from 'node:test';
import { type Message, toMemberId } from '@quorate/raft';
import { pong, testPeerCalls } from '@quorate/replica/testing';
import { ManualClock } from '../testing/manual-clock.ts';
import { until } from '../testing/until.ts';
import { decodeAnswer, encodeCall } from './call-codec.ts';
import { parseUrl } from '../configuration/network-address.ts';
import { encodeFrame } from './frame.ts';
import { inquire } from './inquiry.ts';
import { encodeBatch } from './message-codec.ts';
import { append, heartbeat } from './testing/messages.ts';
import { clusterId, listenOnLoopback, PeerHost, portOf, urlOf } from './testing/peer-host.ts';
import { RawPeer } from './testing/raw-peer.ts';
import { defaultTransportLimits } from './transport-limits.ts';

const n1 = toMemberId(1n);
const n2 = toMemberId(2n);

const opened: { close(): unknown }[] = [];
after(async () => {
  for (const each of opened) await each.close();
});

async function open(...settings: Parameters<typeof PeerHost.open>): Promise<PeerHost> {
  const host = await PeerHost.open(...settings);
  opened.push(host);
  return host;
}

async function connectedPair(): Promise<[PeerHost, PeerHost]> {
  const first = await open(1n);
  const second = await open(2n);
  first.meet(second);
  second.meet(first);
  await until(
    'both are connected',
    () => first.logger.count('connected to') + second.logger.count('connected to') === 2,
  );
  return [first, second];
}

/** A peer that a test plays by hand: accepts what n1 dials. */
async function playedPeer(host: PeerHost): Promise<{ callers: RawPeer[]; server: Server }> {
  const callers: RawPeer[] = [];
  const server = await listenOnLoopback((socket: Socket) => callers.push(new RawPeer(socket)));
  opened.push({
    close: () => {
      for (const caller of callers) caller.socket.destroy();
      server.close();
    },
  });
  host.meet({ id: n2, server });
  return { callers, server };
}

/** The same, with the conversation under way. */
async function playedConversation(host: PeerHost): Promise<RawPeer> {
  const { callers } = await playedPeer(host);
  await until('n1 has said hello', () => callers[0]?.frames[0]?.type === 'hello');
  const [caller] = callers;
  assert.ok(caller !== undefined);
  caller.acceptAs(n2);
  await until('n1 is connected', () => host.logger.count('connected to n2') === 1);
  return caller;
}

test('members hear what their peers say, in the order in which it was said', async () => {
  const [first, second] = await connectedPair();
  const messages = Array.from({ length: 200 }, (_, index) => append(n1, n2, index, 300));
  first.transport.send(messages);
  second.transport.send([heartbeat(n2, n1, 5)]);
  await until('everything has arrived', () => second.received.length === 200 && first.received.length === 1);
  assert.deepEqual(second.received, messages);
  assert.deepEqual(first.received, [heartbeat(n2, n1, 5)]);
});

test('what is sent in one turn goes as one batch', async () => {
  const host = await open(1n);
  const peer = await playedConversation(host);
  for (let round = 0; round < 50; round += 1) host.transport.send([heartbeat(n1, n2, round)]);
  await until('a batch has arrived', () => peer.frames.length > 1);
  assert.deepEqual(
    peer.frames.map((frame) => frame.type),
    ['hello', 'batch'],
  );
  assert.equal(peer.messages(n1, n2).length, 50);
});

test('a message to a peer that is not connected is dropped and reported, once a turn', async () => {
  const first = await open(1n);
  const second = await open(2n);
  first.meet(second); // n2 does not know n1 and turns it away.
  first.transport.send([heartbeat(n1, n2, 1), heartbeat(n1, n2, 2)]);
  await until('the loss is reported', () => first.unreachablePeers.length > 0);
  assert.deepEqual(first.unreachablePeers, [n2]);
});

test('a message to somebody who is no peer is dropped and reported', async () => {
  const host = await open(1n);
  host.transport.send([heartbeat(n1, n2, 1)]);
  await until('the loss is reported', () => host.unreachablePeers.length > 0);
});

test('a process that goes is noticed at once, and reported once although two connections end', async () => {
  const [first, second] = await connectedPair();
  await second.close();
  await until(
    'n1 notices',
    () => first.closedPeers.length > 0 && first.logger.count('lost the connection') > 0,
  );
  await until('messages are reported lost', () => first.unreachablePeers.length > 0);
  assert.deepEqual(first.closedPeers, [n2]);
});

test('a peer that comes back is talked to again, and its next end is reported again', async () => {
  const [first, second] = await connectedPair();
  const port = portOf(second.server);
  await second.close();
  await until('n1 notices', () => first.closedPeers.length === 1);
  const again = await open(2n, { port });
  again.meet(first);
  await until('n1 reaches it', () => first.logger.count('connected to n2') === 2);
  first.transport.send([heartbeat(n1, n2, 9)]);
  await until('it hears n1', () => again.received.length === 1);
  await again.close();
  await until('n1 notices again', () => first.closedPeers.length === 2);
});

test('a peer that calls is called back without waiting for the next attempt', async () => {
  const clock = new ManualClock(); // Stands still: no attempt after the first one is ever due.
  const first = await open(1n, { clock });
  const second = await open(2n);
  const port = portOf(second.server);
  await second.close();
  first.transport.setPeers([{ id: n2, urls: [`http://127.0.0.1:${port}`] }], null);
  await until('the first attempt fails', () => first.logger.count('cannot reach n2') === 1);
  const again = await open(2n, { port });
  again.meet(first);
  await until('n1 calls back', () => first.logger.count('connected to n2') === 1);
});

test('a peer of another cluster is refused with a clear line, and not asked again and again', async () => {
  const clock = new ManualClock();
  const first = await open(1n, { clock });
  const second = await open(2n, { clusterId: 0xbadn });
  first.meet(second);
  second.meet(first);
  await until(
    'both have understood',
    () => first.logger.count('error:') === 1 && second.logger.count('error:') === 1,
  );
  assert.equal(first.logger.count('n2 at http://127.0.0.1:') > 0, true);
  assert.ok(
    first.logger.count(
      'it belongs to another cluster (bad, this one is c1); compare initial-cluster and initial-cluster-token',
    ) > 0,
    first.logger.lines.join('\n'),
  );
  clock.advance(9_000);
  assert.equal(clock.pendingTimers, 1);
  clock.advance(1_000);
  await until('n1 has been turned away twice', () => second.logger.count('turned away a caller') === 2);
  assert.equal(first.logger.count('error:'), 1, 'it is said once');
  assert.deepEqual(first.closedPeers, []);
});

test('a URL that leads to the wrong member is refused by name', async () => {
  const first = await open(1n);
  const third = await open(3n);
  third.meet(first);
  first.transport.setPeers([{ id: n2, urls: [`http://127.0.0.1:${portOf(third.server)}`] }], null);
  await until('n1 has understood', () => first.logger.count('it is another member (3, called was 2)') === 1);
});

test("a second process with this member's id is turned away", async () => {
  const first = await open(1n);
  const twin = await open(1n);
  twin.transport.setPeers([{ id: n1, urls: [`http://127.0.0.1:${portOf(first.server)}`] }], null);
  await until('it is turned away', () => first.logger.count('it claims to be this member') === 1);
});

test('a second process that runs as a peer is turned away while the first one answers', async () => {
  const [first, second] = await connectedPair();
  const impostor = await open(2n);
  impostor.meet(first);
  await until('it is turned away', () => impostor.logger.count('two run with one name and must not') === 1);
  assert.equal(first.logger.count('another process is connected as that member'), 1);
  second.transport.send([heartbeat(n2, n1, 1)]);
  await until('the first one is still heard', () => first.received.length === 1);
  assert.deepEqual(first.closedPeers, []);
});

test('a connection whose host vanished makes room for a new one of the same peer', async () => {
  const host = await open(1n, { limits: { probeTimeoutMs: 50 } });
  const peer = await playedConversation(host);
  const leftover = await RawPeer.dial(portOf(host.server));
  leftover.hello(n2, n1);
  await until('it is accepted', () => leftover.frames.length === 1);
  leftover.socket.pause();
  const caller = await RawPeer.dial(portOf(host.server));
  caller.hello(n2, n1);
  await until('the new one is accepted', () => caller.frames.some((frame) => frame.type === 'hello-reply'));
  caller.say(encodeFrame('batch', encodeBatch([heartbeat(n2, n1, 4)])));
  await until('the new one is heard', () => host.received.length === 1);
  assert.deepEqual(host.closedPeers, []);
  for (const each of [leftover, caller, peer]) each.socket.destroy();
});

test('a caller who is no member is turned away', async () => {
  const host = await open(1n);
  const caller = await RawPeer.dial(portOf(host.server));
  caller.hello(toMemberId(9n), n1);
  await until('it is hung up on', () => caller.ended);
  assert.equal(host.logger.count('9 is not a member of this cluster'), 1);
});

const garbage: readonly [string, Buffer, RegExp][] = [
  [
    'an HTTP request',
    Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    /a frame claims 1195725856 bytes, at most 1024/,
  ],
  ['zeros', Buffer.alloc(64), /unknown type 0/],
  ['a batch before any hello', Buffer.from('000000004b0bbe3703', 'hex'), /batch frame/],
  ['a hello that is none', Buffer.from('000000010000000001ff', 'hex'), /wrong checksum/],
];

for (const [what, bytes, complaint] of garbage) {
  test(`${what} on the peer port is hung up on, and said clearly`, async () => {
    const host = await open(1n);
    const caller = await RawPeer.dial(portOf(host.server));
    caller.say(bytes);
    await until('it is hung up on', () => caller.ended);
    const line = host.logger.lines.find((each) =>
      each.startsWith('warn: closed a connection from 127.0.0.1:'),
    );
    assert.match(line ?? '', complaint);
  });
}

test('whoever is no member is told as of which configuration', async () => {
  const first = await open(1n);
  const second = await open(2n);
  second.meetAsOf(7);
  first.meetAsOf(5, second);
  await until('n1 is told', () => first.turnedAwayBy.length === 1);
  assert.deepEqual(first.turnedAwayBy, [[n2, 7]]);
});

test('who is known to have run before hears of it if its data is new, and says nothing', async () => {
  // Every host knows that n2 has run before.
  const knowing = await open(1n);
  const forgetful = await open(2n);
  forgetful.isUnpublished = true;
  knowing.meet(forgetful);
  forgetful.meet(knowing);
  await until('n2 is told', () => forgetful.knownBeforeBy.length > 0);
  assert.deepEqual(forgetful.knownBeforeBy, [n1]);
  forgetful.transport.send([heartbeat(n2, n1, 1)]);
  await until('its message is lost', () => forgetful.unreachablePeers.length > 0);
  assert.deepEqual(knowing.received, []);
  assert.match(forgetful.logger.lines.join('\n'), /n1 .*this member has run before/);

  const newcomer = await open(3n);
  newcomer.isUnpublished = true;
  const settled = await open(2n);
  newcomer.meet(settled);
  settled.meet(newcomer);
  await until(
    'both talk',
    () => newcomer.logger.count('connected to n2') + settled.logger.count('connected to n3') === 2,
  );
  assert.deepEqual([newcomer.knownBeforeBy, settled.knownBeforeBy], [[], []]);
});

test('who knows a later configuration is talked to until that is known', async () => {
  const clock = new ManualClock();
  const first = await open(1n, { clock });
  const second = await open(2n);
  first.meetAsOf(5);
  second.meetAsOf(7, first);
  await until('n1 has called back', () => first.logger.count('connected to n2') === 1);
  second.transport.send([heartbeat(n2, n1, 1)]);
  first.transport.send([heartbeat(n1, n2, 2)]);
  await until('both hear each other', () => first.received.length + second.received.length === 2);
  first.meetAsOf(6);
  assert.equal(first.logger.count('lost the connection'), 0);
  first.meetAsOf(7);
  await until('n2 is hung up on', () => second.logger.count('lost the connection to n1') === 1);
  await until('no timer is left', () => clock.pendingTimers === 0);
});

test('anybody may ask what cluster this is, and is told what is committed', async () => {
  const first = await open(1n);
  const second = await open(2n);
  const ask = async () =>
    inquire(parseUrl(urlOf(first.server)), { clock: new ManualClock(), timeoutMs: 1000, signal: undefined });
  assert.deepEqual(await ask(), { clusterId, memberId: n1, settled: null, started: [n2] });
  first.meetAsOf(9, second);
  const { settled } = await ask();
  assert.equal(settled?.index, 9);
  assert.deepEqual(settled?.configuration.addresses, [
    { id: n2, name: 'n2', peerUrls: [urlOf(second.server)] },
  ]);
});

test('garbage in a conversation ends it, and others go on', async () => {
  const [first, second] = await connectedPair();
  first.transport.setPeers(
    [
      { id: n2, urls: [`http://127.0.0.1:${portOf(second.server)}`] },
      { id: toMemberId(3n), urls: ['http://127.0.0.1:9'] },
    ],
    null,
  );
  const caller = await RawPeer.dial(portOf(first.server));
  caller.hello(toMemberId(3n), n1);
  await until('it is accepted', () => caller.frames.length === 1);
  caller.say(Buffer.alloc(4096, 0x7f));
  await until('it is hung up on', () => caller.ended);
  assert.equal(first.logger.count('closed a connection from n3, because a frame claims'), 1);
  second.transport.send([heartbeat(n2, n1, 1)]);
  await until('n2 is still heard', () => first.received.length === 1);
});

test('half a frame is harmless, whether the rest comes or not', async () => {
  const [first, second] = await connectedPair();
  const caller = await RawPeer.dial(portOf(first.server));
  caller.say(Buffer.from('000000', 'hex'));
  caller.socket.end();
  await until('it is gone', () => caller.ended);
  second.transport.send([heartbeat(n2, n1, 1)]);
  await until('n2 is still heard', () => first.received.length === 1);
});

test('who does not introduce himself in time is hung up on', async () => {
  const clock = new ManualClock();
  const host = await open(1n, { clock });
  const caller = await RawPeer.dial(portOf(host.server));
  await until('the connection is taken', () => clock.pendingTimers === 1);
  clock.advance(5_000);
  await until('it is hung up on', () => caller.ended);
  assert.equal(clock.pendingTimers, 0);
});

test('only so many may be about to introduce themselves', async () => {
  const host = await open(1n, { limits: { greetingsMax: 2 } });
  const callers = await Promise.all([1, 2, 3].map(() => RawPeer.dial(portOf(host.server))));
  await until('one is hung up on', () => callers.filter((caller) => caller.ended).length === 1);
  for (const caller of callers) caller.socket.destroy();
});

test('a peer that does not read costs bounded memory, and heartbeats overtake the entries it has not read', async () => {
  const host = await open(1n, { limits: { queueMaxBytes: 8 * 1024 * 1024 } });
  const peer = await playedConversation(host);
  peer.socket.pause();
  const mebibyte = 1024 * 1024;
  let accepted = 0;
  while (host.unreachablePeers.length === 0) {
    assert.ok(accepted < 100, 'the queue has a limit');
    host.transport.send([append(n1, n2, accepted, mebibyte)]);
    accepted += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  host.transport.send([heartbeat(n1, n2, 1)]);
  peer.socket.resume();
  const messages = (): readonly Message[] => peer.messages(n1, n2);
  await until('everything queued has arrived', () => messages().length >= accepted);
  const position = messages().findIndex((message) => message.type === 'heartbeat-request');
  assert.ok(
    position < messages().length - 7,
    `the heartbeat came as number ${position} of ${messages().length}`,
  );
});

test('a peer whose host vanishes without a word is given up, reported unreachable, and called again', async () => {
  const clock = new ManualClock();
  const host = await open(1n, { clock });
  const { callers } = await playedPeer(host);
  await until('n1 has said hello', () => callers[0]?.frames.length === 1);
  callers[0]?.acceptAs(n2);
  await until('n1 is connected', () => host.logger.count('connected to n2') === 1);
  for (let interval = 0; interval < 4; interval += 1) clock.advance(2_000);
  await until(
    'it is given up',
    () => host.logger.count('lost the connection to n2: nothing came from it') === 1,
  );
  assert.deepEqual(host.closedPeers, [], 'its process may still live');
  await until('the loss is reported', () => host.unreachablePeers.length === 1);
  clock.advance(1_000);
  await until('it is called again', () => callers.length === 2);
});

test('a peer that answers pings is never given up', async () => {
  const clock = new ManualClock();
  const host = await open(1n, { clock });
  const peer = await playedConversation(host);
  const pong = Buffer.from('00000000a2681b0205', 'hex');
  for (let interval = 1; interval <= 10; interval += 1) {
    clock.advance(2_000);
    await until(
      'a ping comes',
      () => peer.frames.filter((frame) => frame.type === 'ping').length === interval,
    );
    peer.say(pong);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal(host.logger.count('lost the connection'), 0, host.logger.lines.join('\n'));
});

test('a peer that is no peer any more leaves nothing behind', async () => {
  const clock = new ManualClock();
  const first = await open(1n, { clock });
  const second = await open(2n);
  first.meet(second);
  second.meet(first);
  await until(
    'both are connected',
    () => first.logger.count('n2') >= 2 && second.logger.count('connected to n1') === 1,
  );
  first.transport.setPeers([], null);
  await until('n2 is hung up on', () => second.closedPeers.length === 1);
  assert.equal(clock.pendingTimers, 0);
  first.transport.send([heartbeat(n1, n2, 1)]);
  await until('what is sent to it is lost', () => first.unreachablePeers.length === 1);
});

test('a peer that moves is called at its new place', async () => {
  const first = await open(1n);
  const old = await open(2n);
  first.meet(old);
  const moved = await open(2n);
  moved.meet(first);
  first.meet(moved);
  await until('it is called there', () => first.logger.count('connected to n2') === 1);
  first.transport.send([heartbeat(n1, n2, 1)]);
  await until('it hears n1', () => moved.received.length === 1);
});

test('a transport that is closed is silent and leaves no timer behind', async () => {
  const clock = new ManualClock();
  const first = await open(1n, { clock });
  const second = await open(2n);
  first.meet(second);
  await until('an attempt was made', () => first.logger.lines.length > 0);
  await first.transport.close();
  await first.transport.close();
  assert.equal(clock.pendingTimers, 0);
  first.transport.send([heartbeat(n1, n2, 1)]);
  first.meet(second);
  const caller = await RawPeer.dial(portOf(first.server));
  await until('callers are hung up on', () => caller.ended);
  assert.deepEqual(first.unreachablePeers, []);
  assert.equal(clock.pendingTimers, 0);
});

testPeerCalls('TCP', async () => {
  const clock = new ManualClock();
  const first = await PeerHost.open(1n, { clock });
  const second = await PeerHost.open(2n);
  first.meet(second);
  second.meet(first);
  await until('n1 is connected', () => first.logger.count('connected to n2') === 1);
  second.answer = async () => pong;
  return {
    caller: first.transport,
    peer: n2,
    nowMs: () => clock.monotonicMs(),
    pass: async (ms) => clock.advance(ms),
    answerWith: (answer) => {
      second.answer = answer;
    },
    until: async (condition) => until('the condition holds', condition),
    endPeer: async () => second.close(),
    tearDown: async () => {
      await first.close();
      await second.close();
    },
  };
});

test('a call of a kind that this release does not know is refused, and the conversation goes on', async () => {
  const host = await open(1n);
  const peer = await playedConversation(host);
  const caller = await RawPeer.dial(portOf(host.server));
  caller.hello(n2, n1);
  await until('it is accepted', () => caller.frames.length === 1);
  host.answer = async () => pong;
  const unknown = Buffer.from('0807fa07020801', 'hex'); // Call 7, with a field 127 that nobody knows.
  caller.say(encodeFrame('call', unknown));
  caller.say(encodeFrame('call', encodeCall(8, { type: 'ping' })));
  await until('both are answered', () => caller.frames.length === 3);
  const answers = caller.frames.slice(1).map((frame) => decodeAnswer(frame.payload));
  assert.deepEqual(answers, [
    {
      id: 7,
      answer: {
        ok: false,
        refusal: {
          code: 'unsupported-request',
          message: 'this release does not know this kind of request',
        },
      },
    },
    { id: 8, answer: { ok: true, response: pong } },
  ]);
  for (const each of [caller, peer]) each.socket.destroy();
});

test('a caller that does not read answers costs bounded memory: it is refused more', async () => {
  const host = await open(1n, { limits: { answerWindowBytes: 256 * 1024 } });
  const peer = await playedConversation(host);
  const caller = await RawPeer.dial(portOf(host.server));
  caller.hello(n2, n1);
  await until('it is accepted', () => caller.frames.length === 1);
  caller.socket.pause();
  host.answer = async () => ({ ...pong, version: 'x'.repeat(256 * 1024) });
  for (let id = 0; id < 200; id += 1) caller.say(encodeFrame('call', encodeCall(id, { type: 'ping' })));
  await until('all are answered', () => host.asking.length === 200);
  caller.socket.resume();
  await until('all answers have arrived', () => caller.frames.length === 201);
  const answers = caller.frames.slice(1).map((frame) => decodeAnswer(frame.payload).answer);
  assert.ok(answers.some((answer) => !answer.ok && answer.refusal.code === 'overloaded'));
  for (const each of [caller, peer]) each.socket.destroy();
});

test('an answer that is too large becomes a refusal', async () => {
  const [first, second] = await connectedPair();
  second.answer = async () => ({ ...pong, version: 'x'.repeat(defaultTransportLimits.answerMaxBytes) });
  await assert.rejects(
    first.transport.call(n2, { type: 'ping' }, { deadlineMs: performance.now() + 60_000 }),
    /response-too-large/,
  );
});
