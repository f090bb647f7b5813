import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { peer as wire } from '@quorate/protocol';
import { closeServer, portOf } from '../system/harness/free-ports.ts';
import type { Conditions, Link, Network, Party } from './network.ts';
import { Pipe } from './pipe.ts';

/** Finds out who dialled from the first bytes; null while more are needed. */
type Identify = (firstBytes: Buffer) => { readonly dialler: Party | null } | null;

/** Nobody needs more to say who they are. */
const greetingMaxBytes = 1024;
/** Length, checksum and type of a frame between members. */
const frameHeaderBytes = 9;

/** Listens in front of one port of a member, and passes on what the network lets through. */
export class LinkProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(accept: (socket: Socket, track: (socket: Socket) => void) => void) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      accept(socket, (each) => this.#track(each)),
    );
  }

  /** In front of the port where `member` listens for the other members, who say who they are. */
  static forPeers(network: Network, member: Party, port: number): Promise<LinkProxy> {
    return LinkProxy.#listen(network, member, port, (bytes) => {
      const id = helloSender(bytes);
      return id === null ? null : { dialler: network.nameOf(id) };
    });
  }

  /** In front of the port where `member` listens for clients. */
  static forClients(network: Network, member: Party, port: number, dialler: Party): Promise<LinkProxy> {
    return LinkProxy.#listen(network, member, port, () => ({ dialler }));
  }

  static async #listen(
    network: Network,
    dialled: Party,
    port: number,
    identify: Identify,
  ): Promise<LinkProxy> {
    const proxy = new LinkProxy((socket, track) => {
      track(socket);
      greet(socket, identify, (dialler, firstBytes) => {
        if (isRefused(network, dialler, dialled)) {
          socket.resetAndDestroy();
          return;
        }
        const upstream = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
        track(upstream);
        openLink({ network, dialler, dialled, socket, upstream, firstBytes });
      });
    });
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return portOf(this.#server);
  }

  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await closeServer(this.#server);
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy()); // The pipe that reads from it hears of its end.
  }
}

/** Collects first bytes until they say who dialled. Who ends before that, or says too much, is cut off. */
function greet(
  socket: Socket,
  identify: Identify,
  known: (dialler: Party | null, firstBytes: Buffer) => void,
): void {
  let bytes = Buffer.alloc(0);
  const listen = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk]);
    const found = identify(bytes);
    if (found !== null) {
      socket.off('data', listen).off('end', giveUp);
      known(found.dialler, bytes);
    } else if (bytes.length > greetingMaxBytes) {
      giveUp();
    }
  };
  const giveUp = (): void => {
    socket.destroy();
  };
  socket.on('data', listen).on('end', giveUp);
}

function openLink(parts: {
  readonly network: Network;
  readonly dialler: Party | null;
  readonly dialled: Party;
  readonly socket: Socket;
  readonly upstream: Socket;
  readonly firstBytes: Buffer;
}): void {
  const { network, dialler, dialled, socket, upstream, firstBytes } = parts;
  const forth = (): Conditions => network.conditionsOf(dialler, dialled);
  const back = (): Conditions => network.conditionsOf(dialled, dialler);
  const delivered = (): void => network.countChunk();
  const pipes = [
    new Pipe({ source: socket, sink: upstream, conditions: forth, delivered }),
    new Pipe({ source: upstream, sink: socket, conditions: back, delivered }),
  ] as const;
  const link: Link = {
    dialler,
    dialled,
    conditionsChanged(): void {
      if (isRefused(network, dialler, dialled)) {
        link.reset();
      }
      for (const pipe of pipes) {
        pipe.pump();
      }
    },
    reset(): void {
      socket.resetAndDestroy();
      upstream.resetAndDestroy();
    },
  };
  network.add(link);
  let open = 2;
  for (const each of [socket, upstream]) {
    each.on('close', () => {
      open -= 1;
      if (open === 0) {
        network.remove(link);
      }
    });
  }
  pipes[0].take(firstBytes);
}

/** TCP needs both directions. */
function isRefused(network: Network, dialler: Party | null, dialled: Party): boolean {
  return network.conditionsOf(dialler, dialled).isRefused || network.conditionsOf(dialled, dialler).isRefused;
}

/** The number of the member that a Hello, the first frame of a connection between members, comes from. */
function helloSender(bytes: Buffer): bigint | null {
  if (bytes.length < frameHeaderBytes) {
    return null;
  }
  const end = frameHeaderBytes + bytes.readUInt32BE(0);
  return bytes.length < end ? null : wire.Hello.decode(bytes.subarray(frameHeaderBytes, end)).from;
}
