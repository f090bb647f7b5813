import type { Socket } from 'node:net';
import type { MemberId, Message } from '@quorate/raft';
import { type Clock, type PeerAnswer, type PeerRequest, refuse, type Timer } from '@quorate/replica';
import { decodeCall, encodeAnswer } from './call-codec.ts';
import { FramedSocket, type EndReason } from './framed-socket.ts';
import type { Frame } from './frame.ts';
import { type Caller, encodeHelloReply, type Introduction, judgeHello, type Refusal } from './greeting.ts';
import { decodeBatch } from './message-codec.ts';
import type { TransportLimits } from './transport-limits.ts';
import type { Traffic } from './traffic.ts';

export type InboundConnectionOptions = {
  /** Who this member is at the moment. */
  readonly introduction: () => Introduction;
  readonly clock: Clock;
  readonly limits: TransportLimits;
  /** Whether this member talks to the caller. */
  readonly recognises: (caller: Caller) => boolean;
  /** Whether a member is known to have run before. */
  readonly hasRun: (member: MemberId) => boolean;
  /** The answer to who asks what cluster this is. */
  readonly describeCluster: () => Uint8Array;
  /** The caller only wanted to know that. The connection is closed already. */
  readonly inquired: () => void;
  /** Whether this may be the one connection from that peer; may be decided later. */
  readonly admit: (from: MemberId, decide: (admitted: boolean) => void) => void;
  /** The caller has introduced itself and was accepted. */
  readonly established: (from: MemberId) => void;
  /** The caller was turned away. The connection is closed already. */
  readonly refused: (explanation: string) => void;
  readonly receive: (message: Message) => void;
  /** The caller asks; `reply` sends the answer back to it. */
  readonly asked: (from: MemberId, request: PeerRequest, reply: (answer: PeerAnswer) => void) => void;
  /** Called once, unless the owner closed the connection. `from` is null if it had not introduced itself. */
  readonly ended: (from: MemberId | null, reason: EndReason) => void;
};

/** A connection that a peer has dialled: judges its Hello, then takes its batches and answers its calls until it ends. */
export class InboundConnection {
  /** Whom it comes from, as host and port. */
  readonly remote: string;
  private readonly options: InboundConnectionOptions;
  private readonly socket: FramedSocket;
  private greetingTimer: Timer | null;
  private from: MemberId | null = null;
  private closed = false;

  static accept(socket: Socket, options: InboundConnectionOptions): InboundConnection {
    const remote = `${socket.remoteAddress}:${socket.remotePort}`;
    const framed = new FramedSocket(socket, options.clock, {
      receive: (frame) => connection.receiveFrame(frame),
      drained: () => undefined,
      ended: (reason) => connection.end(reason),
    });
    const connection: InboundConnection = new InboundConnection(options, remote, framed);
    framed.start();
    return connection;
  }

  private constructor(options: InboundConnectionOptions, remote: string, socket: FramedSocket) {
    this.options = options;
    this.remote = remote;
    this.socket = socket;
    this.greetingTimer = options.clock.setTimer(options.limits.greetingTimeoutMs, () => {
      this.greetingTimer = null;
      this.end({ kind: 'silent' });
    });
  }

  /** Asks the caller for a sign of life. */
  probe(timeoutMs: number, answer: (alive: boolean) => void): void {
    this.socket.probe(timeoutMs, answer);
  }

  get traffic(): Traffic {
    return this.socket.traffic;
  }

  close(): void {
    this.closed = true;
    this.stopGreeting();
    this.socket.close();
  }

  private receiveFrame(frame: Frame): void {
    if (frame.type === 'batch' && this.from !== null) {
      for (const message of decodeBatch(frame.payload, this.from, this.options.introduction().self)) {
        this.options.receive(message);
      }
    } else if (frame.type === 'call' && this.from !== null) {
      this.receiveCall(frame.payload, this.from);
    } else if (frame.type === 'hello' && this.from === null) {
      this.greet(frame.payload);
    } else if (frame.type === 'inquiry' && this.from === null) {
      this.stopGreeting();
      this.socket.write('inquiry-reply', this.options.describeCluster());
      this.socket.closeAfterWriting();
      this.options.inquired();
    } else {
      this.end({ kind: 'malformed', message: `a ${frame.type} frame out of turn` });
    }
  }

  private receiveCall(payload: Buffer, from: MemberId): void {
    const { id, request } = decodeCall(payload);
    if (request === null) {
      this.answer(id, refuse('unsupported-request', 'this release does not know this kind of request'));
    } else {
      this.options.asked(from, request, (answer) => this.answer(id, answer));
    }
  }

  private answer(id: number, answer: PeerAnswer): void {
    if (this.closed) return;
    const { answerMaxBytes, answerWindowBytes } = this.options.limits;
    if (answer.ok && this.socket.bufferedBytes >= answerWindowBytes) {
      this.answer(id, refuse('overloaded', 'the caller does not read the answers to its other calls'));
      return;
    }
    const payload = encodeAnswer(id, answer);
    if (answer.ok && payload.length > answerMaxBytes) {
      const message = `the answer takes ${payload.length} bytes, at most ${answerMaxBytes} are allowed`;
      this.answer(id, refuse('response-too-large', message));
      return;
    }
    this.socket.write('answer', payload);
  }

  private greet(payload: Buffer): void {
    const verdict = judgeHello(payload, this.options.introduction(), this.options.recognises);
    if (!verdict.accepted) {
      this.refuse(verdict.refusal, verdict.explanation);
      return;
    }
    this.options.admit(verdict.from, (admitted) => {
      if (this.closed) return;
      if (admitted) {
        this.welcome(verdict.from);
      } else {
        const explanation = 'another process is connected as that member, and answers; two run with one name';
        this.refuse('already-connected', explanation);
      }
    });
  }

  private refuse(refusal: Refusal, explanation: string): void {
    this.stopGreeting();
    this.socket.write('hello-reply', encodeHelloReply(this.options.introduction(), refusal, false));
    this.socket.closeAfterWriting();
    this.options.refused(explanation);
  }

  private welcome(from: MemberId): void {
    this.stopGreeting();
    this.from = from;
    this.socket.acceptPayloads(this.options.limits.payloadMaxBytes);
    const { introduction, hasRun } = this.options;
    this.socket.write('hello-reply', encodeHelloReply(introduction(), null, hasRun(from)));
    this.socket.watchSilence(this.options.limits, false);
    this.options.established(from);
  }

  private stopGreeting(): void {
    this.greetingTimer?.cancel();
    this.greetingTimer = null;
  }

  private end(reason: EndReason): void {
    this.close();
    this.options.ended(this.from, reason);
  }
}
