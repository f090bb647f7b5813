import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import { peer as wire } from '@quorate/protocol';
import { eventually } from './eventually.ts';

const frameTypes = { hello: 1, helloReply: 2, batch: 3, ping: 4, pong: 5 } as const;

/** Who the parties are. */
export type FakePeerOptions = {
  readonly clusterId: bigint;
  /** The id that this peer pretends to have. */
  readonly self: bigint;
  /** Where the member under test expects that peer. */
  readonly port: number;
  /** The member under test. */
  readonly member: { readonly id: bigint; readonly port: number };
};

/**
 * Pretends to be a member of a cluster and talks to a real one over the peer port, so that a test decides what
 * is said and when. Written from the description of the format alone, without the server's code.
 */
export class FakePeer implements AsyncDisposable {
  readonly #options: FakePeerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #votes = new Map<number, boolean>();
  #outbound: Socket | null = null;
  /** Connections on which the member has introduced itself. */
  #greeted = 0;

  private constructor(options: FakePeerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async listen(options: FakePeerOptions): Promise<FakePeer> {
    const peer = new FakePeer(options);
    peer.#server.listen(options.port, '127.0.0.1');
    await once(peer.#server, 'listening');
    return peer;
  }

  /** Dials the member and waits until the member has dialled back: from then on both can talk. */
  async connect(): Promise<void> {
    const { clusterId, self: from, member } = this.#options;
    this.#outbound = await eventually('the member accepts connections', async () => {
      const socket = connect(member.port, '127.0.0.1');
      this.#track(socket);
      await once(socket, 'connect');
      socket.write(
        encodeFrame(
          'hello',
          wire.Hello.encode({
            protocolVersion: 1,
            clusterId,
            from,
            to: member.id,
            configurationIndex: 1,
            peerUrl: '',
          }).finish(),
        ),
      );
      await once(socket, 'readable');
      const reply = readFrames(socket)[0];
      assert.equal(reply?.type, frameTypes.helloReply);
      assert.equal(wire.HelloReply.decode(reply.payload).status, wire.HelloReply_Status.OK);
      return socket;
    });
    await eventually('the member dials back', () => assert(this.#greeted > 0));
  }

  /** Drops all connections, as if this peer's process had died. */
  disconnect(): void {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    this.#outbound = null;
    this.#greeted = 0;
  }

  /** Asks for a vote and waits for the answer. The candidate's log is longer than any other. */
  async requestVote(term: number): Promise<boolean> {
    this.#votes.delete(term);
    const voteRequest = { lastIndex: 1_000_000, lastTerm: term - 1, leadershipTransfer: false };
    const message = { term, body: { $case: 'voteRequest', voteRequest } } as const;
    assert(this.#outbound !== null, 'not connected');
    this.#outbound.write(encodeFrame('batch', wire.Batch.encode({ messages: [message] }).finish()));
    return eventually(`an answer in term ${term}`, () => {
      const granted = this.#votes.get(term);
      assert(granted !== undefined, 'no answer');
      return granted;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disconnect();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(socket: Socket): void {
    this.#track(socket);
    const { clusterId, self: memberId } = this.#options;
    socket.on('readable', () => {
      for (const frame of readFrames(socket)) {
        if (frame.type === frameTypes.hello) {
          const reply = {
            status: wire.HelloReply_Status.OK,
            protocolVersion: 1,
            clusterId,
            memberId,
            configurationIndex: 1,
            callerHasRun: false,
          };
          socket.write(encodeFrame('helloReply', wire.HelloReply.encode(reply).finish()));
          this.#greeted += 1;
        } else if (frame.type === frameTypes.ping) {
          socket.write(encodeFrame('pong', new Uint8Array(0)));
        } else if (frame.type === frameTypes.batch) {
          this.#receive(wire.Batch.decode(frame.payload));
        }
      }
    });
  }

  #receive(batch: wire.Batch): void {
    for (const { term, body } of batch.messages) {
      if (body?.$case === 'voteResponse') {
        this.#votes.set(term, body.voteResponse.granted);
      }
    }
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  }
}

/** Four bytes of length, four of checksum over type and payload, one of type, then the payload. */
function encodeFrame(type: keyof typeof frameTypes, payload: Uint8Array): Buffer {
  const checked = Buffer.concat([Buffer.from([frameTypes[type]]), payload]);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(payload.length, 0);
  head.writeUInt32BE(crc32(checked), 4);
  return Buffer.concat([head, checked]);
}

/** Takes the complete frames out of a socket; what is incomplete stays for the next time. */
function readFrames(socket: Socket): { type: number; payload: Uint8Array }[] {
  const frames: { type: number; payload: Uint8Array }[] = [];
  for (;;) {
    const head: Buffer | null = socket.read(9);
    if (head === null) {
      return frames;
    }
    const length = head.readUInt32BE(0);
    const payload: Buffer | null = length === 0 ? Buffer.alloc(0) : socket.read(length);
    if (payload === null) {
      socket.unshift(head);
      return frames;
    }
    const checked = Buffer.concat([head.subarray(8), payload]);
    assert.equal(head.readUInt32BE(4), crc32(checked), 'the checksum of a frame');
    frames.push({ type: head[8] ?? 0, payload });
  }
}
