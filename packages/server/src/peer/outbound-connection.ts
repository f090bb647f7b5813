import { connect } from 'node:net';
import type { MemberId } from '@quorate/raft';
import type { Clock, PeerAnswer, Timer } from '@quorate/replica';
import type { NetworkAddress } from '../configuration/network-address.ts';
import { decodeAnswer } from './call-codec.ts';
import { FramedSocket, type EndReason } from './framed-socket.ts';
import type { Frame } from './frame.ts';
import { encodeHello, type Introduction, judgeHelloReply, type TurnedAway } from './greeting.ts';
import type { TransportLimits } from './transport-limits.ts';
import type { Traffic } from './traffic.ts';

/** How an attempt to talk to a peer ended: as sockets end, or turned away at the door. */
export type OutboundEnd = EndReason | ({ readonly kind: 'refused' } & TurnedAway);

export type OutboundConnectionOptions = {
  readonly address: NetworkAddress;
  readonly own: Introduction;
  readonly peer: MemberId;
  readonly clock: Clock;
  readonly limits: TransportLimits;
  /** The peer has accepted the conversation. */
  readonly established: () => void;
  readonly drained: () => void;
  /** The peer answered a call. */
  readonly answered: (id: number, answer: PeerAnswer) => void;
  /** Called once, unless the owner closed the connection. */
  readonly ended: (end: OutboundEnd) => void;
};

/** One attempt at a connection to a peer: dials, introduces itself, and carries batches, calls and their answers until it ends. */
export class OutboundConnection {
  private readonly options: OutboundConnectionOptions;
  private readonly socket: FramedSocket;
  private greetingTimer: Timer | null;

  static dial(options: OutboundConnectionOptions): OutboundConnection {
    const { host, port } = options.address;
    const socket = connect({ host, port });
    const connection: OutboundConnection = new OutboundConnection(
      options,
      new FramedSocket(socket, options.clock, {
        receive: (frame) => connection.receiveFrame(frame),
        drained: options.drained,
        ended: (reason) => connection.end(reason),
      }),
    );
    connection.socket.start();
    connection.socket.write('hello', encodeHello(options.own, options.peer));
    return connection;
  }

  private constructor(options: OutboundConnectionOptions, socket: FramedSocket) {
    this.options = options;
    this.socket = socket;
    this.greetingTimer = options.clock.setTimer(options.limits.greetingTimeoutMs, () => {
      this.greetingTimer = null;
      this.end({ kind: 'lost', message: `no answer within ${options.limits.greetingTimeoutMs} ms` });
    });
  }

  get bufferedBytes(): number {
    return this.socket.bufferedBytes;
  }

  writeBatch(payload: Uint8Array): void {
    this.socket.write('batch', payload);
  }

  writeCall(payload: Uint8Array): void {
    this.socket.write('call', payload);
  }

  get traffic(): Traffic {
    return this.socket.traffic;
  }

  close(): void {
    this.greetingTimer?.cancel();
    this.socket.close();
  }

  private receiveFrame(frame: Frame): void {
    if (frame.type === 'answer' && this.greetingTimer === null) {
      const { id, answer } = decodeAnswer(frame.payload);
      this.options.answered(id, answer);
    } else if (frame.type === 'hello-reply' && this.greetingTimer !== null) {
      this.receiveReply(frame.payload, this.greetingTimer);
    } else {
      this.end({ kind: 'malformed', message: `a ${frame.type} frame out of turn` });
    }
  }

  private receiveReply(payload: Buffer, greetingTimer: Timer): void {
    const refusal = judgeHelloReply(payload, this.options.own, this.options.peer);
    if (refusal !== null) {
      this.end({ kind: 'refused', ...refusal });
      return;
    }
    greetingTimer.cancel();
    this.greetingTimer = null;
    this.socket.acceptPayloads(this.options.limits.answerMaxBytes);
    this.socket.watchSilence(this.options.limits, true);
    this.options.established();
  }

  private end(end: OutboundEnd): void {
    this.close();
    this.options.ended(end);
  }
}
