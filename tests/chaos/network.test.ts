import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { peer as wire } from '@quorate/protocol';
import { eventually } from '../system/harness/eventually.ts';
import { closeServer, portOf } from '../system/harness/free-ports.ts';
import { LinkProxy } from './link-proxy.ts';
import { Network } from './network.ts';

const forth = { from: 'a', to: 'b' };
const back = { from: 'b', to: 'a' };

/** A party `b` that says everything back, and what it received. */
class Echo implements AsyncDisposable {
  readonly #server: Server;
  readonly sockets = new Set<Socket>();
  received = '';

  private constructor() {
    this.#server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on('error', () => socket.destroy()).on('close', () => this.sockets.delete(socket));
      socket.on('data', (chunk) => {
        this.received += chunk.toString('latin1');
        socket.write(chunk);
      });
    });
  }

  static async listen(): Promise<Echo> {
    const echo = new Echo();
    echo.#server.listen(0, '127.0.0.1');
    await once(echo.#server, 'listening');
    return echo;
  }

  get port(): number {
    return portOf(this.#server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) {
      socket.destroy();
    }
    await closeServer(this.#server);
  }
}

/** A connection of party `a`, and what it received. */
class Caller implements Disposable {
  readonly #socket: Socket;
  received = '';
  closed = false;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.on('data', (chunk) => (this.received += chunk.toString('latin1')));
    this.#socket.on('error', () => this.#socket.destroy()).on('close', () => (this.closed = true));
  }

  say(text: string): void {
    this.#socket.write(text, 'latin1');
  }

  async hears(text: string): Promise<void> {
    await eventually(`"${text}" arrives`, () => assert.equal(this.received, text));
  }

  async isClosed(): Promise<void> {
    await eventually('the connection is closed', () => assert(this.closed));
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

async function connected(
  network: Network,
  work: (echo: Echo, proxy: LinkProxy) => Promise<void>,
): Promise<void> {
  await using echo = await Echo.listen();
  await using proxy = await LinkProxy.forClients(network, 'b', echo.port, 'a');
  await work(echo, proxy);
}

describe('the network between processes', () => {
  test('passes everything on in both directions', () =>
    connected(new Network(), async (_, proxy) => {
      using caller = new Caller(proxy.port);
      caller.say('one');
      await caller.hears('one');
      caller.say('two');
      await caller.hears('onetwo');
    }));

  test('a held path holds one direction only, and delivers in order when it is over', async () => {
    const network = new Network();
    await connected(network, async (echo, proxy) => {
      using caller = new Caller(proxy.port);
      caller.say('1');
      await caller.hears('1');
      const heal = network.disturb([back], { kind: 'hold' });
      caller.say('2');
      caller.say('3');
      await eventually('b hears a', () => assert.equal(echo.received, '123'));
      assert.equal(caller.received, '1', 'a does not hear b');
      heal();
      await caller.hears('123');
    });
  });

  test('nobody hears of an end while the path is held', async () => {
    const network = new Network();
    await connected(network, async (echo, proxy) => {
      using caller = new Caller(proxy.port);
      caller.say('1');
      await caller.hears('1');
      const heal = network.disturb([back], { kind: 'hold' });
      for (const socket of echo.sockets) {
        socket.destroy();
      }
      await eventually('b has hung up', () => assert.equal(echo.sockets.size, 0));
      using other = new Caller(proxy.port);
      other.say('x');
      await eventually('the network goes on', () => assert.equal(echo.received, '1x'));
      assert(!caller.closed);
      heal();
      await caller.isClosed();
    });
  });

  test('what is on its way when connections are reset never arrives', async () => {
    const network = new Network();
    await connected(network, async (echo, proxy) => {
      using caller = new Caller(proxy.port);
      caller.say('1');
      await caller.hears('1');
      const heal = network.disturb([forth], { kind: 'hold' });
      caller.say('2');
      using witness = new Caller(proxy.port);
      assert.equal(
        network.reset([forth]),
        1,
        'the witness has said nothing yet, so it is no connection of a',
      );
      heal();
      await caller.isClosed();
      witness.say('3');
      await witness.hears('3');
      assert.equal(echo.received, '13');
    });
  });

  test('a refused path breaks its connections and lets none be made', async () => {
    const network = new Network();
    await connected(network, async (echo, proxy) => {
      using caller = new Caller(proxy.port);
      caller.say('1');
      await caller.hears('1');
      const heal = network.disturb([back], { kind: 'refuse' });
      await caller.isClosed();
      using refused = new Caller(proxy.port);
      refused.say('2');
      await refused.isClosed();
      heal();
      using accepted = new Caller(proxy.port);
      accepted.say('3');
      await accepted.hears('3');
      assert.equal(echo.received, '13');
    });
  });

  test('the conditions of a path are those of all that is wrong with it', () => {
    const network = new Network();
    const normal = network.conditionsOf('a', 'b');
    const heals = [
      network.disturb([forth], { kind: 'delay', delayMs: 20 }),
      network.disturb([forth, back], { kind: 'delay', delayMs: 100 }),
      network.disturb([forth], { kind: 'throttle', bytesPerSecond: 2000 }),
      network.disturb([forth], { kind: 'throttle', bytesPerSecond: 1000 }),
    ];
    assert.deepEqual(network.conditionsOf('a', 'b'), { ...normal, delayMs: 120, bytesPerSecond: 1000 });
    assert.deepEqual(network.conditionsOf('b', 'a'), { ...normal, delayMs: 100 });
    for (const heal of heals) {
      heal();
    }
    assert.deepEqual(network.conditionsOf('a', 'b'), normal);
  });

  test('what is delayed arrives all the same', async () => {
    const network = new Network();
    await connected(network, async (_, proxy) => {
      using caller = new Caller(proxy.port);
      network.disturb([forth, back], { kind: 'delay', delayMs: 5 });
      network.disturb([forth], { kind: 'throttle', bytesPerSecond: 5_000 });
      for (const part of ['one', 'two', 'three']) {
        caller.say(part);
      }
      await caller.hears('onetwothree');
    });
  });

  test('a member is known by the number in its Hello', async () => {
    const network = new Network();
    network.introduce(7n, 'a');
    await using echo = await Echo.listen();
    await using proxy = await LinkProxy.forPeers(network, 'b', echo.port);
    const hellos = [7n, 8n].map((from) => {
      const hello = wire.Hello.encode({
        protocolVersion: 1,
        clusterId: 1n,
        from,
        to: 9n,
        configurationIndex: 1,
        peerUrl: '',
      }).finish();
      const head = Buffer.alloc(9);
      head.writeUInt32BE(hello.length, 0);
      return Buffer.concat([head, hello]).toString('latin1');
    });
    network.disturb([forth], { kind: 'refuse' });
    using known = new Caller(proxy.port);
    known.say(hellos[0]?.slice(0, 5) ?? '');
    known.say(hellos[0]?.slice(5) ?? '');
    await known.isClosed();
    using stranger = new Caller(proxy.port);
    stranger.say(hellos[1] ?? '');
    await stranger.hears(hellos[1] ?? '');
    assert.equal(echo.received, hellos[1]);
  });
});
