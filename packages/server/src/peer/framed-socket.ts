import type { Socket } from 'node:net';
import type { Clock, Timer } from '@quorate/replica';
import { type Traffic } from './traffic.ts';
import {
  encodeFrame,
  encodeHeader,
  type Frame,
  FrameReader,
  type FrameType,
  MalformedFrame,
} from './frame.ts';

/**
 * How a connection ended.
 *
 * - `closed-by-peer`: the peer's host said so, by a FIN or a reset. Its process is gone, or closed it.
 * - `lost`: the network gave up.
 * - `silent`: nothing came for several pings.
 * - `malformed`: what came cannot be understood, so nothing after it can.
 */
export type EndReason =
  | { readonly kind: 'closed-by-peer' }
  | { readonly kind: 'lost'; readonly message: string }
  | { readonly kind: 'silent' }
  | { readonly kind: 'malformed'; readonly message: string };

/** What a framed socket tells its owner. */
export type FramedSocketEvents = {
  /** May throw `MalformedFrame`. */
  readonly receive: (frame: Frame) => void;
  /** Everything that was written has left for the kernel, after it had piled up. */
  readonly drained: () => void;
  /** Called once, unless the owner closed the socket. The socket is destroyed already. */
  readonly ended: (reason: EndReason) => void;
};

/** How connections that are dead without a word are found out. */
export type SilenceOptions = {
  readonly pingIntervalMs: number;
  /** After so many intervals in which nothing came at all, the connection is given up. */
  readonly silentIntervalsMax: number;
};

/** A socket that carries frames. Owns the socket and one timer; `close` or the end of the connection frees both. */
export class FramedSocket {
  private readonly socket: Socket;
  private readonly clock: Clock;
  private readonly events: FramedSocketEvents;
  private readonly reader = new FrameReader();
  private silenceTimer: Timer | null = null;
  private silentIntervals = 0;
  private readonly probes = new Set<(alive: boolean) => void>();
  private ended = false;

  /** `start` must follow in the same turn of the event loop. */
  constructor(socket: Socket, clock: Clock, events: FramedSocketEvents) {
    this.socket = socket;
    this.clock = clock;
    this.events = events;
  }

  start(): void {
    this.socket.setNoDelay(true);
    this.socket.on('data', (chunk: Buffer) => this.receive(chunk));
    this.socket.on('drain', () => {
      if (!this.ended) this.events.drained();
    });
    this.socket.on('end', () => this.end({ kind: 'closed-by-peer' }));
    this.socket.on('error', (error: NodeJS.ErrnoException) => this.end(reasonOf(error)));
    this.socket.on('close', () => this.end({ kind: 'lost', message: 'the socket was closed' }));
  }

  /** From here on frames of this size are accepted. */
  acceptPayloads(maxBytes: number): void {
    this.reader.payloadMaxBytes = maxBytes;
  }

  /**
   * Watches for silence. The side that dialled sends pings, the other one answers them: each hears from the
   * other at least once per interval. Intervals are counted, not time, so that a process that was itself
   * suspended does not take its own silence for the peer's.
   */
  watchSilence(options: SilenceOptions, sendPings: boolean): void {
    this.silenceTimer = this.clock.setTimer(options.pingIntervalMs, () => {
      this.silentIntervals += 1;
      if (this.silentIntervals > options.silentIntervalsMax) {
        this.end({ kind: 'silent' });
        return;
      }
      if (sendPings) this.write('ping', noPayload);
      this.watchSilence(options, sendPings);
    });
  }

  /** Asks the other side for a sign of life; answers whether one came in time. */
  probe(timeoutMs: number, answer: (alive: boolean) => void): void {
    const settle = (alive: boolean): void => {
      this.probes.delete(settle);
      timer.cancel();
      answer(alive);
    };
    const timer = this.clock.setTimer(timeoutMs, () => settle(false));
    this.probes.add(settle);
    this.write('ping', noPayload);
  }

  /** Bytes that the kernel has not taken yet. */
  get bufferedBytes(): number {
    return this.socket.writableLength;
  }

  get traffic(): Traffic {
    return { sentBytes: this.socket.bytesWritten, receivedBytes: this.socket.bytesRead };
  }

  write(type: FrameType, payload: Uint8Array): void {
    if (this.ended) return;
    if (payload.length <= copiedPayloadMaxBytes) {
      this.socket.write(encodeFrame(type, payload));
      return;
    }
    this.socket.cork();
    this.socket.write(encodeHeader(type, payload));
    this.socket.write(payload);
    this.socket.uncork();
  }

  /** Sends what was written and closes; for a last word before hanging up. Reports no end. */
  closeAfterWriting(): void {
    this.stop();
    this.socket.destroySoon();
  }

  /** Closes at once. Reports no end. */
  close(): void {
    this.stop();
    this.socket.destroy();
  }

  private receive(chunk: Buffer): void {
    if (this.ended) return;
    this.silentIntervals = 0;
    for (const settle of this.probes) settle(true);
    try {
      this.reader.push(chunk, (frame) => {
        if (this.ended) return;
        if (frame.type === 'ping') this.write('pong', noPayload);
        else if (frame.type !== 'pong') this.events.receive(frame);
      });
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error;
      this.end({ kind: 'malformed', message: error.message });
    }
  }

  private end(reason: EndReason): void {
    if (this.ended) return;
    this.close();
    this.events.ended(reason);
  }

  private stop(): void {
    this.ended = true;
    this.silenceTimer?.cancel();
    this.silenceTimer = null;
    for (const settle of this.probes) settle(false);
  }
}

const noPayload = new Uint8Array(0);

/** Below this, copying the payload behind its header is cheaper than a second buffer for the kernel. */
const copiedPayloadMaxBytes = 16 * 1024;

function reasonOf(error: NodeJS.ErrnoException): EndReason {
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return { kind: 'closed-by-peer' };
  return { kind: 'lost', message: error.message };
}
