import type { Entry, MemberId, Message } from '@quorate/raft';
import type { Peer, PeerTransport } from '@quorate/replica';
import type { Connection } from './connection.ts';

/** One process's side of the network. */
export class SimulatedTransport implements PeerTransport {
  private readonly open: (to: MemberId) => Connection;
  private readonly leave: () => void;
  private connections = new Map<MemberId, Connection>();
  private closed = false;

  constructor(open: (to: MemberId) => Connection, leave: () => void) {
    this.open = open;
    this.leave = leave;
  }

  setPeers(peers: readonly Peer[]): void {
    const next = new Map<MemberId, Connection>();
    for (const { id } of peers) {
      next.set(id, this.connections.get(id) ?? this.open(id));
    }
    for (const [id, connection] of this.connections) {
      if (!next.has(id)) {
        connection.close();
      }
    }
    this.connections = next;
  }

  send(messages: readonly Message[]): void {
    if (this.closed) {
      return;
    }
    const batches = new Map<MemberId, Message[]>();
    for (const message of messages) {
      freeze(message);
      const batch = batches.get(message.to);
      if (batch === undefined) {
        batches.set(message.to, [message]);
      } else {
        batch.push(message);
      }
    }
    for (const [to, batch] of batches) {
      this.connections.get(to)?.send(batch);
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    this.connections = new Map();
    this.leave();
  }
}

/**
 * Members of a simulated cluster share one memory. Frozen messages keep one from changing what another sees,
 * which encoding does in the real transport.
 */
function freeze(message: Message): void {
  Object.freeze(message);
  if (message.type === 'append-request' && !Object.isFrozen(message.entries)) {
    Object.freeze(message.entries);
    for (const entry of message.entries) {
      freezeEntry(entry);
    }
  }
}

function freezeEntry(entry: Entry): void {
  Object.freeze(entry);
}
