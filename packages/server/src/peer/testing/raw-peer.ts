import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type MemberId, type Message, noIndex } from '@quorate/raft';
import { encodeFrame, type Frame, FrameReader, payloadMaxBytes } from '../frame.ts';
import { encodeHello, encodeHelloReply, type Introduction } from '../greeting.ts';
import { decodeBatch } from '../message-codec.ts';
import { clusterId } from './peer-host.ts';

/** A bare socket that speaks frames, or whatever else a test wants to say. */
export class RawPeer {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  /** The other side has hung up. */
  ended = false;

  static async dial(port: number): Promise<RawPeer> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawPeer(socket);
  }

  constructor(socket: Socket) {
    this.socket = socket;
    const reader = new FrameReader();
    reader.payloadMaxBytes = payloadMaxBytes;
    socket.on('data', (chunk: Buffer) => reader.push(chunk, (frame) => this.frames.push(frame)));
    socket.on('error', () => {
      this.ended = true;
    });
    socket.on('close', () => {
      this.ended = true;
    });
  }

  say(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  hello(from: MemberId, to: MemberId): void {
    this.say(encodeFrame('hello', encodeHello(introduce(from), to)));
  }

  acceptAs(self: MemberId): void {
    this.say(encodeFrame('hello-reply', encodeHelloReply(introduce(self), null, false)));
  }

  /** The messages of all batches so far. */
  messages(from: MemberId, to: MemberId): readonly Message[] {
    return this.frames
      .filter((frame) => frame.type === 'batch')
      .flatMap((frame) => decodeBatch(frame.payload, from, to));
  }
}

function introduce(self: MemberId): Introduction {
  return { clusterId, self, peerUrl: '', asOf: noIndex, isUnpublished: () => false };
}
