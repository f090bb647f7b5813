import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '@quorate/replica';
import { formatUrl, parseUrl } from '../configuration/network-address.ts';
import { ServerError, type ServerErrorCode } from '../server-error.ts';

export type ListenerOptions = {
  /** Base URLs to listen on; port 0 lets the system choose. */
  readonly urls: readonly string[];
  /** The option that names the URLs, for error messages. */
  readonly option: string;
  /** The most connections at a time, per URL. Beyond it the system hangs up on callers. */
  readonly connectionsMax: number;
  readonly clock: Clock;
};

/**
 * Listens on one URL or several. Takes the ports as soon as it is opened, so that a port in use is found out
 * before anything is written; connections that come before `serve` wait.
 */
export class Listener {
  private readonly servers: readonly Server[];
  private readonly sockets = new Set<Socket>();
  private accept: ((socket: Socket) => void) | null = null;

  /** Rejects with a `ServerError`, and then listens nowhere. */
  static async open(options: ListenerOptions): Promise<Listener> {
    const { clock } = options;
    const listener = new Listener(options.urls.map(() => createServer({ noDelay: true })));
    for (const server of listener.servers) {
      server.maxConnections = options.connectionsMax;
      server.on('connection', (socket) => listener.take(socket));
    }
    try {
      for (const [position, url] of options.urls.entries()) {
        const server = listener.servers[position];
        if (server !== undefined) await listen(server, url, options.option);
      }
    } catch (error) {
      await listener.close(clock, 0);
      throw error;
    }
    return listener;
  }

  private constructor(servers: readonly Server[]) {
    this.servers = servers;
  }

  /** The base URLs that it turned out to listen on. */
  get urls(): readonly string[] {
    return this.servers.flatMap((server) => {
      const address = server.address();
      if (address === null || typeof address === 'string') return [];
      return [formatUrl({ host: address.address, port: address.port })];
    });
  }

  /** Hands over every connection from now on, and those that wait. Called once. */
  serve(accept: (socket: Socket) => void): void {
    this.accept = accept;
    for (const socket of this.sockets) accept(socket);
  }

  /** Takes no more connections. Those that are there go on. */
  stopListening(): void {
    for (const server of this.servers) {
      if (server.listening) server.close();
    }
  }

  /**
   * Stops listening, lets connections end by themselves for `graceMs` and closes the rest; resolves when all
   * are gone. Idempotent.
   */
  async close(clock: Clock, graceMs: number): Promise<void> {
    this.stopListening();
    const gone = Promise.all(
      [...this.sockets].map(
        (socket) =>
          new Promise((resolve) => {
            socket.once('close', resolve);
          }),
      ),
    );
    const timer = clock.setTimer(graceMs, () => {
      for (const socket of this.sockets) socket.destroy();
    });
    await gone;
    timer.cancel();
  }

  private take(socket: Socket): void {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    // Whoever serves the connection learns of its errors, too; this only keeps them from being uncaught before.
    socket.on('error', () => socket.destroy());
    this.accept?.(socket);
  }
}

async function listen(server: Server, url: string, option: string): Promise<void> {
  const { host, port } = parseUrl(url);
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => reject(toServerError(error, url, option));
    server.once('error', fail);
    server.listen({ host, port }, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

function toServerError(error: NodeJS.ErrnoException, url: string, option: string): ServerError {
  const where = `cannot listen on ${url} (${option})`;
  const known = error.code === undefined ? undefined : listenErrors.get(error.code);
  return known === undefined
    ? new ServerError('listen-failed', `${where}: ${error.message}`, error)
    : new ServerError(known.code, `${where}: ${known.advice}`, error);
}

const noSuchAddress = {
  code: 'address-unavailable',
  advice: 'this machine has no such address; choose one that it has, or 0.0.0.0 for all',
} as const;

/** What the system says, by its name for the error. */
const listenErrors = new Map<string, { readonly code: ServerErrorCode; readonly advice: string }>([
  [
    'EADDRINUSE',
    { code: 'port-in-use', advice: 'the port is in use by another process; stop it, or choose another port' },
  ],
  ['EADDRNOTAVAIL', noSuchAddress],
  ['ENOTFOUND', noSuchAddress],
  ['EAI_AGAIN', noSuchAddress],
  ['EACCES', { code: 'port-not-permitted', advice: 'this user may not use the port; choose one above 1023' }],
]);
