import type { Entry, MemberId, Message } from '@quorate/raft';
import {
  type Call,
  type Peer,
  PeerCalls,
  type PeerRequest,
  type PeerTransport,
  type ResponseTo,
} from '@quorate/replica';
import type { Connection } from './connection.ts';
import type { AnswerParcel, CallParcel, CallPort, Endpoint } from './wire.ts';

/** What a process may do to the network. */
export type NetworkSide = {
  readonly open: (to: MemberId) => Connection;
  readonly leave: () => void;
};

/** One process's side of the network. */
export class SimulatedTransport implements PeerTransport, CallPort {
  private readonly network: NetworkSide;
  private readonly calls: PeerCalls;
  private connections = new Map<MemberId, Connection>();
  private closed = false;

  constructor(endpoint: Endpoint, network: NetworkSide) {
    this.network = network;
    this.calls = new PeerCalls({
      clock: endpoint.clock,
      send: (to, id, request) => {
        const sent = this.connections.get(to)?.send([{ type: 'call', to, id, request }]);
        return sent === true ? 'sent' : 'unreachable';
      },
      asked: async (from, request) => endpoint.events.asked(from, request),
    });
  }

  setPeers(peers: readonly Peer[]): void {
    const next = new Map<MemberId, Connection>();
    for (const { id } of peers) {
      next.set(id, this.connections.get(id) ?? this.network.open(id));
    }
    for (const [id, connection] of this.connections) {
      if (!next.has(id)) {
        connection.close();
        this.calls.lost(id);
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

  async call<Request extends PeerRequest>(
    peer: MemberId,
    request: Request,
    call: Call,
  ): Promise<ResponseTo<Request>> {
    return this.calls.call(peer, request, call);
  }

  /** The answer goes over this one's own connection to it. */
  receiveCall({ id, request }: CallParcel, caller: Endpoint): void {
    this.calls.asked(caller.id, request, (answer) => {
      this.connections.get(caller.id)?.send([{ type: 'answer', to: caller.id, id, answer, caller }]);
    });
  }

  receiveAnswer({ id, answer }: AnswerParcel, from: MemberId): void {
    this.calls.answered(from, id, answer);
  }

  callsLost(peer: MemberId): void {
    this.calls.lost(peer);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.connections = new Map();
    this.calls.close();
    this.network.leave();
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
