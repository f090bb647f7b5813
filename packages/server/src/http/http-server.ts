import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock, Logger, Timer } from '@quorate/replica';

/** What bounds a connection that speaks HTTP/1.1. */
export type HttpLimits = {
  /** Line and headers of a request, in bytes. */
  readonly headersMaxBytes: number;
  /** The first request must be there by then, and a next one so long after the last answer; in milliseconds. */
  readonly requestTimeoutMs: number;
  /** The most requests over one connection. */
  readonly connectionRequestsMax: number;
};

export const defaultHttpLimits: HttpLimits = {
  headersMaxBytes: 16 * 1024,
  requestTimeoutMs: 10_000,
  connectionRequestsMax: 1000,
};

/**
 * Speaks HTTP/1.1 over connections that come from outside. Node's server enforces its time limits only if it
 * listens itself, so the one that matters is kept here: a connection without a request under way is closed
 * after a while, however slowly it drips.
 */
export class HttpServer {
  private readonly server: Server;
  private readonly clock: Clock;
  private readonly limits: HttpLimits;
  /** The connections without a request under way, each with the timer that ends it. */
  private readonly idle = new Map<Socket, Timer>();
  private stopping = false;

  constructor(
    handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
    options: { readonly clock: Clock; readonly logger: Logger; readonly limits?: HttpLimits },
  ) {
    this.clock = options.clock;
    this.limits = options.limits ?? defaultHttpLimits;
    this.server = createServer({ maxHeaderSize: this.limits.headersMaxBytes, noDelay: true });
    this.server.maxRequestsPerSocket = this.limits.connectionRequestsMax;
    this.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.begin(request, response);
      handle(request, response).catch((error: unknown) => {
        const fields = { err: error, url: request.url };
        options.logger.error(fields, 'an HTTP request failed in a way that is a fault of the server');
        response.destroy();
      });
    });
  }

  /** Takes a connection. What was read from it must have been put back (`unshift`). */
  accept(socket: Socket): void {
    this.wait(socket);
    socket.once('close', () => this.stopWaiting(socket));
    this.server.emit('connection', socket);
  }

  /** Closes connections that are idle now, and the others when they have their answer. */
  stop(): void {
    this.stopping = true;
    for (const socket of this.idle.keys()) socket.destroy();
  }

  private begin(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    this.stopWaiting(socket);
    // A body that nobody has read by then is dropped by Node when the answer is sent.
    response.once('close', () => {
      if (this.stopping) socket.destroySoon();
      else if (!socket.destroyed) this.wait(socket);
    });
  }

  private wait(socket: Socket): void {
    this.stopWaiting(socket); // Pipelined requests end one after the other.
    const timer = this.clock.setTimer(this.limits.requestTimeoutMs, () => socket.destroy());
    this.idle.set(socket, timer);
  }

  private stopWaiting(socket: Socket): void {
    this.idle.get(socket)?.cancel();
    this.idle.delete(socket);
  }
}
