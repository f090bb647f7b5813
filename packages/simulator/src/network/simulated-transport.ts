import {
  type Entry,
  type LoggedConfiguration,
  type LogIndex,
  type MemberId,
  type Message,
  noIndex,
} from '@quorate/raft';
import {
  type Call,
  type Peer,
  PeerCalls,
  type PeerRequest,
  type PeerTransport,
  type ResponseTo,
} from '@quorate/replica';
import type { Connection } from './connection.ts';
import type { AnswerParcel, CallParcel, Side, Endpoint } from './wire.ts';

/** What a process may do to the network. */
export type NetworkSide = {
  readonly open: (to: Peer) => Connection;
  /** Ends the conversations with callers that are no peers any more. */
  readonly hangUp: (isPeer: (id: MemberId) => boolean) => void;
  readonly leave: () => void;
};

/** One process's side of the network. */
export class SimulatedTransport implements PeerTransport, Side {
  private readonly network: NetworkSide;
  private readonly calls: PeerCalls;
  private connections = new Map<MemberId, Connection>();
  private settled: LoggedConfiguration | null = null;
  /** Callers that know a later configuration than this process, which may name them. */
  private readonly guests = new Map<MemberId, LogIndex>();
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

  get asOf(): LogIndex {
    return this.settled?.index ?? noIndex;
  }

  setPeers(peers: readonly Peer[], settled: LoggedConfiguration | null): void {
    if (this.closed) {
      return;
    }
    this.settled = settled;
    const next = new Map<MemberId, Connection>();
    for (const peer of peers) {
      next.set(peer.id, this.connections.get(peer.id) ?? this.network.open(peer));
    }
    for (const [id, connection] of this.connections) {
      if (next.has(id)) {
        continue;
      }
      if ((this.guests.get(id) ?? noIndex) > this.asOf) {
        next.set(id, connection);
      } else {
        connection.close();
        this.calls.lost(id);
      }
    }
    this.connections = next;
    for (const id of this.guests.keys()) {
      if (!next.has(id)) {
        this.guests.delete(id);
      }
    }
    this.network.hangUp((id) => next.has(id));
  }

  recognises(caller: Peer, asOf: LogIndex): boolean {
    if (this.closed || this.connections.has(caller.id)) {
      return !this.closed;
    }
    if (asOf <= this.asOf) {
      return false;
    }
    this.guests.set(caller.id, asOf);
    this.connections.set(caller.id, this.network.open(caller));
    return true;
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
