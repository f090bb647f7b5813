import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/**
 * Loopback ports that were free a moment ago: all are held at once, so that they differ, and then released.
 * Somebody else may take one before it is used; members that lose that race fail with "port in use".
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  try {
    for (let index = 0; index < count; index += 1) {
      const server = createServer();
      servers.push(server);
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    return servers.map(portOf);
  } finally {
    await Promise.all(servers.map(closeServer));
  }
}

export function portOf(server: Server): number {
  const address = server.address();
  assert(address !== null && typeof address === 'object');
  return address.port;
}

export async function closeServer(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

/** The first of `count` consecutive ports that were all free a moment ago. */
export async function freePortRange(count: number): Promise<number> {
  for (;;) {
    const [first = 0] = await freePorts(1);
    const servers: Server[] = [];
    try {
      for (let port = first; port < first + count; port += 1) {
        const server = createServer();
        server.listen(port, '127.0.0.1');
        await once(server, 'listening');
        servers.push(server);
      }
      return first;
    } catch {
      // Somebody has one of them: look elsewhere.
    } finally {
      await Promise.all(servers.map(closeServer));
    }
  }
}
