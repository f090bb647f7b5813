import type { Socket } from 'node:net';
import type { Clock } from '@quorate/replica';
import { Http2Opening } from './http2-opening.ts';
import { sniffProtocol } from './protocol-sniffer.ts';

/** What speaks one protocol over connections that it is given. */
export type ProtocolServer = {
  accept(socket: Socket): void;
};

export type ClientConnectionsOptions = {
  readonly clock: Clock;
  readonly http1: ProtocolServer;
  readonly http2: ProtocolServer;
  /**
   * How long a client may take to say the first word, in milliseconds; and as long again until HTTP/2 is agreed on
   * and its first request waited for.
   */
  readonly silenceMaxMs: number;
};

/** Clients' connections: each goes to the server that speaks what the client speaks. */
export class ClientConnections {
  private readonly options: ClientConnectionsOptions;
  /** Those that have not said a word yet. */
  private readonly silent = new Set<Socket>();
  /** Those that speak HTTP/2 and have not sent a request yet. */
  private readonly openings = new Set<Http2Opening>();

  constructor(options: ClientConnectionsOptions) {
    this.options = options;
  }

  accept(socket: Socket): void {
    const { clock, http1, silenceMaxMs } = this.options;
    this.silent.add(socket);
    const forget = (): void => {
      this.silent.delete(socket);
    };
    socket.once('close', forget);
    sniffProtocol(socket, {
      clock,
      timeoutMs: silenceMaxMs,
      found: (protocol) => {
        socket.off('close', forget);
        forget();
        if (protocol === 'http1') http1.accept(socket);
        else this.open(socket);
      },
    });
  }

  /** Closes those that have not said a word yet, and waits for no more first requests. */
  closeSilent(): void {
    for (const socket of this.silent) socket.destroy();
    for (const opening of this.openings) opening.end();
  }

  private open(socket: Socket): void {
    const { clock, http2, silenceMaxMs } = this.options;
    const forget = (): void => {
      this.openings.delete(opening);
    };
    const opening = new Http2Opening(socket, {
      clock,
      timeoutMs: silenceMaxMs,
      opened: () => {
        socket.off('close', forget);
        forget();
        http2.accept(socket);
      },
    });
    this.openings.add(opening);
    socket.once('close', forget);
    opening.start();
  }
}
