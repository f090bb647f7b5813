import { once } from 'node:events';
import { createServer } from 'node:net';
import { CliError } from '../cli-error.ts';

/** Throws a CliError that names the port if this process may not listen on it at 127.0.0.1. */
export async function checkPortFree(port: number): Promise<void> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (cause) {
    const isInUse = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
    const why = isInUse ? 'is in use by another process' : 'cannot be listened on';
    throw new CliError(`port ${port} ${why}`, {
      hint: 'Stop what uses it, or start a cluster on other ports: --base-port PORT --data-dir DIR.',
      cause,
    });
  }
  server.close();
  await once(server, 'close');
}
