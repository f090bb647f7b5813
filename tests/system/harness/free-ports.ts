import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/**
 * Where to look for ports: below those that systems give to outgoing connections (Linux from 32768 on, others
 * from 49152 on). So no connection takes the port of a member while that is down.
 */
const firstPort = 15_000;
const lastPort = 32_767;

/**
 * Loopback ports that were free a moment ago: all are held at once, so that they differ, and then released.
 * Somebody else may take one before it is used; members that lose that race fail with "port in use".
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  try {
    while (servers.length < count) {
      const server = await tryToListen(randomInt(firstPort, lastPort + 1));
      if (server !== null) {
        servers.push(server);
      }
    }
    return servers.map(portOf);
  } finally {
    await Promise.all(servers.map(closeServer));
  }
}

/** Null if somebody has the port. */
async function tryToListen(port: number): Promise<Server | null> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return null;
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
        const server = await tryToListen(port);
        if (server === null) {
          break; // Somebody has one of them: look elsewhere.
        }
        servers.push(server);
      }
      if (servers.length === count) {
        return first;
      }
    } finally {
      await Promise.all(servers.map(closeServer));
    }
  }
}
