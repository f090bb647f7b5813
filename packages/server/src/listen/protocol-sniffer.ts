import type { Socket } from 'node:net';
import type { Clock } from '@quorate/replica';

/** What a client speaks on a new connection. */
export type ClientProtocol = 'http1' | 'http2';

/** Every HTTP/2 connection in the clear starts with `PRI * HTTP/2.0`; PRI is no method of HTTP/1.1. */
const prefaceStart = Buffer.from('PRI');

/**
 * Finds out what a client speaks from the first three bytes that it sends, puts them back and hands the
 * socket over. Who sends nothing for `timeoutMs` is hung up on.
 */
export function sniffProtocol(
  socket: Socket,
  options: {
    readonly clock: Clock;
    readonly timeoutMs: number;
    readonly found: (protocol: ClientProtocol) => void;
  },
): void {
  let start: Buffer = Buffer.alloc(0);
  const timer = options.clock.setTimer(options.timeoutMs, () => socket.destroy());
  const stop = (): void => {
    timer.cancel();
    socket.off('readable', look);
    socket.off('close', stop);
  };
  const look = (): void => {
    const bytes = socket.read() as Buffer | null;
    if (bytes === null) return;
    start = Buffer.concat([start, bytes]);
    const maybeHttp2 = start.subarray(0, prefaceStart.length).equals(prefaceStart.subarray(0, start.length));
    if (maybeHttp2 && start.length < prefaceStart.length) return;
    stop();
    socket.unshift(start);
    options.found(maybeHttp2 ? 'http2' : 'http1');
  };
  socket.on('readable', look);
  socket.once('close', stop);
}
