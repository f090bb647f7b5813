import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { closeServer, portOf } from './free-ports.ts';

/** Accepts connections and never says a word: a host that hangs. */
export class SilentServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
    });
  }

  static async listen(): Promise<SilentServer> {
    const silent = new SilentServer();
    silent.#server.listen(0, '127.0.0.1');
    await once(silent.#server, 'listening');
    return silent;
  }

  get endpoint(): string {
    return `127.0.0.1:${portOf(this.#server)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await closeServer(this.#server);
  }
}
