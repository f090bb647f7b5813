import type { Socket } from 'node:net';
import type { Clock } from '@quorate/replica';
import { sniffProtocol } from './protocol-sniffer.ts';

/** What speaks one protocol over connections that it is given. */
export type ProtocolServer = {
  accept(socket: Socket): void;
};

export type ClientConnectionsOptions = {
  readonly clock: Clock;
  readonly http1: ProtocolServer;
  readonly http2: ProtocolServer;
  /** How long a client may take to say the first word, in milliseconds. */
  readonly silenceMaxMs: number;
};

/** Clients' connections: each goes to the server that speaks what the client speaks. */
export class ClientConnections {
  private readonly options: ClientConnectionsOptions;
  /** Those that have not said a word yet. */
  private readonly silent = new Set<Socket>();

  constructor(options: ClientConnectionsOptions) {
    this.options = options;
  }

  accept(socket: Socket): void {
    const { clock, http1, http2, silenceMaxMs } = this.options;
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
        (protocol === 'http2' ? http2 : http1).accept(socket);
      },
    });
  }

  /** Closes those that have not said a word yet. */
  closeSilent(): void {
    for (const socket of this.silent) socket.destroy();
  }
}
