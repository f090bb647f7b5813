import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Message, toLogIndex, toMemberId, toTerm } from '@quorate/raft';
import type { PeerRequest, PeerResponse } from '@quorate/replica';
import { pong, testPeerCalls } from '@quorate/replica/testing';
import { Life } from '../host/life.ts';
import { SimulatedClock } from '../host/simulated-clock.ts';
import { Kernel } from '../kernel/kernel.ts';
import { streamOf } from '../kernel/random-stream.ts';
import { Trace } from '../kernel/trace.ts';
import { urlOfHost } from './host-url.ts';
import { Network } from './network.ts';
import type { NetworkProfile } from './paths.ts';
import type { SimulatedTransport } from './simulated-transport.ts';
import type { Endpoint } from './wire.ts';

const calm: NetworkProfile = {
  delayMeanUs: 1000,
  retransmitChance: 0,
  retransmitUs: 0,
  lossChance: 0,
  duplicateChance: 0,
  reorderChance: 0,
  resetChance: 0,
};

type Host = {
  readonly life: Life;
  readonly endpoint: Endpoint;
  readonly transport: SimulatedTransport;
  readonly heard: string[];
};

class TwoHosts {
  readonly kernel = new Kernel();
  readonly network: Network;
  readonly hosts: readonly [Host, Host];
  /** What either of them answers. */
  answer: (request: PeerRequest) => Promise<PeerResponse> = async () => pong;

  constructor(profile: Partial<NetworkProfile> = {}) {
    this.network = new Network({
      kernel: this.kernel,
      random: streamOf(1, 'network'),
      profile: { ...calm, ...profile },
      hostCount: 2,
      trace: new Trace(this.kernel, 'off'),
    });
    this.hosts = [this.join(0), this.join(1)];
  }

  join(host: number): Host {
    const life = new Life(this.kernel);
    const heard: string[] = [];
    const endpoint: Endpoint = {
      host,
      id: toMemberId(BigInt(host + 1)),
      life,
      clock: new SimulatedClock(this.kernel, life, { rate: 1, leapMs: 0, wallOffsetMs: 0 }),
      events: {
        receive: (message) => heard.push(textOf(message)),
        closed: (peer) => heard.push(`n${peer} closed`),
        unreachable: (peer) => heard.push(`n${peer} unreachable`),
        turnedAway: (peer, asOf) => heard.push(`n${peer} turns it away as of ${asOf}`),
        knownBefore: (peer) => heard.push(`n${peer} knows it`),
        asked: async (from, request) => {
          heard.push(`n${from} asks ${request.type}`);
          return this.answer(request);
        },
      },
    };
    const transport = this.network.connect(endpoint);
    transport.setPeers([{ id: toMemberId(BigInt(2 - host)), urls: [urlOfHost(1 - host)] }], null);
    return { life, endpoint, transport, heard };
  }

  async pass(ms: number): Promise<void> {
    await this.kernel.run(this.kernel.nowUs + ms * 1000, () => false);
  }
}

function heartbeat(round: number): Message {
  return {
    type: 'heartbeat-request',
    from: toMemberId(1n),
    to: toMemberId(2n),
    term: toTerm(1),
    commit: toLogIndex(0),
    round,
  };
}

function proposals(id: number): Message {
  return {
    type: 'forwarded-proposals',
    from: toMemberId(1n),
    to: toMemberId(2n),
    term: toTerm(1),
    proposals: [{ id, data: new Uint8Array(0) }],
  };
}

function textOf(message: Message): string {
  if (message.type === 'forwarded-proposals') {
    return `p${message.proposals[0]?.id}`;
  }
  return message.type === 'heartbeat-request' ? String(message.round) : message.type;
}

const numbers = Array.from({ length: 200 }, (_, number) => number);

describe('the network', () => {
  test('delivers everything once and in order when nothing disturbs it', async () => {
    const both = new TwoHosts();
    await both.pass(50);
    for (const round of numbers) {
      both.hosts[0].transport.send([heartbeat(round)]);
    }
    await both.pass(50);
    assert.deepEqual(both.hosts[1].heard, numbers.map(String));
    assert.equal(both.network.inFlight, 0);
  });

  test('drops what is sent before there is a connection, and says so once', async () => {
    const both = new TwoHosts();
    both.hosts[0].transport.send([heartbeat(1), heartbeat(2)]);
    await both.pass(50);
    assert.deepEqual(both.hosts[1].heard, []);
    assert.deepEqual(both.hosts[0].heard, ['n2 unreachable']);
  });

  test('repeats and reorders messages, but never repeats a command', async () => {
    const both = new TwoHosts({ duplicateChance: 0.5, reorderChance: 0.5 });
    await both.pass(50);
    for (const number of numbers) {
      both.hosts[0].transport.send([heartbeat(number), proposals(number)]);
    }
    await both.pass(100);
    const heard = both.hosts[1].heard;
    const commands = heard.filter((text) => text.startsWith('p'));
    assert.equal(commands.length, numbers.length);
    assert.equal(new Set(commands).size, numbers.length);
    assert(heard.length - commands.length > numbers.length, 'heartbeats were repeated');
    assert.notDeepEqual(
      commands,
      numbers.map((number) => `p${number}`),
    );
  });

  test('holds back what meets a blocked path, and delivers it when that is open again soon', async () => {
    const both = new TwoHosts();
    await both.pass(50);
    both.network.paths.block(0, 1);
    both.hosts[0].transport.send([heartbeat(1)]);
    await both.pass(100);
    assert.deepEqual(both.hosts[1].heard, []);
    both.network.paths.unblock(0, 1);
    both.network.flush();
    await both.pass(50);
    assert.deepEqual(both.hosts[1].heard, ['1']);
  });

  test('gives up on a blocked path in the end, and connects anew when it is open', async () => {
    const both = new TwoHosts();
    await both.pass(50);
    both.network.paths.block(0, 1);
    both.hosts[0].transport.send([heartbeat(1)]);
    await both.pass(5000);
    assert.deepEqual(both.hosts[0].heard, ['n2 unreachable']);
    both.network.heal();
    await both.pass(1000);
    both.hosts[0].transport.send([heartbeat(2)]);
    await both.pass(50);
    assert.deepEqual(both.hosts[1].heard, ['2']);
  });

  test('blocks one direction alone', async () => {
    const both = new TwoHosts();
    await both.pass(50);
    both.network.paths.block(1, 0);
    both.hosts[0].transport.send([heartbeat(1)]);
    await both.pass(50);
    assert.deepEqual(both.hosts[1].heard, ['1']);
  });

  test('tells peers at once of a process that ended, and of a host without power only after a while', async () => {
    for (const hostRuns of [true, false]) {
      const both = new TwoHosts();
      await both.pass(50);
      both.hosts[1].life.kill();
      both.network.disconnect(both.hosts[1].endpoint, hostRuns);
      await both.pass(50);
      assert.deepEqual(both.hosts[0].heard, hostRuns ? ['n2 closed'] : []);
      await both.pass(5000);
      assert.deepEqual(both.hosts[0].heard, hostRuns ? ['n2 closed'] : ['n2 unreachable']);
    }
  });

  test('gives nothing that was meant for one process to the next on the same host', async () => {
    const both = new TwoHosts();
    await both.pass(50);
    both.hosts[0].transport.send([heartbeat(1)]);
    both.hosts[1].life.kill();
    const successor = both.join(1);
    await both.pass(1000);
    assert.deepEqual(successor.heard, []);
  });

  test('a paused process hears everything when it goes on', async () => {
    const both = new TwoHosts();
    await both.pass(50);
    both.hosts[1].life.pause();
    both.hosts[0].transport.send([heartbeat(1)]);
    both.hosts[0].transport.send([heartbeat(2)]);
    await both.pass(500);
    assert.deepEqual(both.hosts[1].heard, []);
    both.hosts[1].life.resume();
    await both.pass(1);
    assert.deepEqual(both.hosts[1].heard, ['1', '2']);
  });

  test('messages cannot be changed by who gets them', async () => {
    const both = new TwoHosts();
    const message = heartbeat(1);
    both.hosts[0].transport.send([message]);
    assert(Object.isFrozen(message));
  });
});

testPeerCalls('the simulated network', async () => {
  const both = new TwoHosts();
  await both.pass(50);
  const [caller, peer] = both.hosts;
  return {
    caller: caller.transport,
    peer: peer.endpoint.id,
    nowMs: () => caller.endpoint.clock.monotonicMs(),
    pass: async (ms) => both.pass(ms),
    answerWith: (answer) => {
      both.answer = answer;
    },
    until: async (condition) => {
      await both.kernel.run(both.kernel.nowUs + 10_000_000, condition);
      assert.ok(condition());
    },
    endPeer: async () => {
      peer.life.kill();
      both.network.disconnect(peer.endpoint, true);
    },
    tearDown: async () => undefined,
  };
});

describe('calls over a bad network', () => {
  test('time out when the call or its answer is lost', async () => {
    for (const lost of [0, 1]) {
      const both = new TwoHosts();
      await both.pass(50);
      both.network.paths.block(lost, 1 - lost);
      const call = both.hosts[0].transport.call(
        toMemberId(2n),
        { type: 'ping' },
        { deadlineMs: both.hosts[0].endpoint.clock.monotonicMs() + 100 },
      );
      const failed = assert.rejects(call, { code: 'timed-out' });
      await both.pass(200);
      await failed;
      assert.equal(both.hosts[1].heard.length, lost);
    }
  });

  test('an answer never reaches the next process on the host of who asked', async () => {
    const both = new TwoHosts();
    await both.pass(50);
    const late = Promise.withResolvers<PeerResponse>();
    both.answer = async () => late.promise;
    const deadlineMs = 100_000;
    const asked = both.hosts[0].transport.call(toMemberId(2n), { type: 'ping' }, { deadlineMs });
    await both.pass(50);
    both.hosts[0].life.kill();
    both.network.disconnect(both.hosts[0].endpoint, true);
    const successor = both.join(0);
    await both.pass(1000);
    const again = successor.transport.call(toMemberId(2n), { type: 'ping' }, { deadlineMs });
    late.resolve(pong);
    await both.pass(1000);
    assert.deepEqual(await again, pong);
    assert.equal(await Promise.race([asked, Promise.resolve('nothing')]), 'nothing');
  });
});
