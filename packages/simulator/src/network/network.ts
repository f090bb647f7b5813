import type { MemberId, Message } from '@quorate/raft';
import type { Peer } from '@quorate/replica';
import type { Kernel } from '../kernel/kernel.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { Trace } from '../kernel/trace.ts';
import { Connection } from './connection.ts';
import { memberName, parcelText } from './message-text.ts';
import { type NetworkProfile, Paths } from './paths.ts';
import { SimulatedTransport } from './simulated-transport.ts';
import type { Endpoint, Fate, NetworkCounts, Parcel, Wire } from './wire.ts';

/**
 * The network between the hosts: one connection for each direction between two processes, as the server's
 * transport has, on paths that can be slow, lossy or blocked.
 *
 * It is harsher than TCP where the contract of `PeerTransport` allows it: messages within a connection may
 * vanish, overtake each other and arrive twice. But nothing outlives the process that sent it or the one it
 * was sent to, and commands and their refusals, calls and their answers are delivered at most once: TCP promises both,
 * and `replica` builds on it.
 */
export class Network {
  readonly paths: Paths;
  readonly counts: NetworkCounts = { sent: 0, delivered: 0, lost: 0, duplicated: 0 };
  private readonly random: RandomStream;
  private readonly trace: Trace;
  private readonly wire: Wire;
  private readonly endpoints: (Endpoint | null)[];
  private readonly transports = new Map<Endpoint, SimulatedTransport>();
  private readonly connections = new Set<Connection>();
  private readonly watchers: ((message: Message) => void)[] = [];

  constructor(parts: {
    readonly kernel: Kernel;
    readonly random: RandomStream;
    readonly profile: NetworkProfile;
    readonly hostCount: number;
    readonly trace: Trace;
  }) {
    this.random = parts.random;
    this.trace = parts.trace;
    this.paths = new Paths(parts.hostCount, parts.profile, parts.random);
    this.endpoints = Array.from({ length: parts.hostCount }, () => null);
    this.wire = {
      kernel: parts.kernel,
      random: parts.random,
      profile: parts.profile,
      paths: this.paths,
      counts: this.counts,
      endpointOf: (id) => this.endpoints.find((endpoint) => endpoint?.id === id) ?? null,
      sideOf: (endpoint) => this.transports.get(endpoint) ?? null,
      reached: (from, to) => this.reached(from, to),
      watch: (parcels) => this.watch(parcels),
      tell: (from, fate, parcels) => this.tell(from, fate, parcels),
    };
  }

  /** Calls `watch` with every message of the consensus protocol that leaves a member, delivered or not. */
  watchMessages(watch: (message: Message) => void): void {
    this.watchers.push(watch);
  }

  /** Puts a process on the network. It leaves with `disconnect`, or by closing its transport. */
  connect(endpoint: Endpoint): SimulatedTransport {
    this.endpoints[endpoint.host] = endpoint;
    const transport = new SimulatedTransport(endpoint, {
      open: (to) => this.open(endpoint, to),
      hangUp: (isPeer) => this.hangUp(endpoint, isPeer),
      leave: () => this.disconnect(endpoint, true),
    });
    this.transports.set(endpoint, transport);
    return transport;
  }

  /**
   * A process is gone. If its host still runs it closes the connections, and the peers notice as soon as that
   * reaches them; if the host lost power, they notice nothing before they try to talk to it.
   */
  disconnect(endpoint: Endpoint, hostRuns: boolean): void {
    if (this.endpoints[endpoint.host] === endpoint) {
      this.endpoints[endpoint.host] = null;
    }
    this.transports.delete(endpoint);
    for (const connection of [...this.connections]) {
      if (connection.from === endpoint) {
        connection.close();
        this.connections.delete(connection);
      } else if (connection.peer === endpoint) {
        connection.peerDied(hostRuns);
      }
    }
  }

  /** Breaks every connection from one host to another: what is in flight is lost. */
  reset(from: number, to: number): void {
    for (const connection of this.connections) {
      if (connection.from.host === from && connection.toHost === to) {
        connection.break(this.random.chance(0.3) ? 'closed' : 'unreachable');
      }
    }
  }

  /** To be called after paths were opened: what the connections held back goes on its way. */
  flush(): void {
    for (const connection of this.connections) {
      connection.flush();
    }
  }

  /** From now on the network is as good as a network can be. */
  heal(): void {
    const none = { lossChance: 0, duplicateChance: 0, reorderChance: 0, retransmitChance: 0, resetChance: 0 };
    this.wire.profile = { ...this.wire.profile, ...none };
    this.paths.heal();
    this.flush();
  }

  /** Messages on their way, over all connections. */
  get inFlight(): number {
    let count = 0;
    for (const connection of this.connections) {
      count += connection.inFlightCount;
    }
    return count;
  }

  private open(from: Endpoint, to: Peer): Connection {
    const connection = new Connection(this.wire, from, to);
    this.connections.add(connection);
    return connection;
  }

  /** A process ends its conversations with all callers that are no peers of it any more. */
  private hangUp(endpoint: Endpoint, isPeer: (id: MemberId) => boolean): void {
    for (const connection of this.connections) {
      if (connection.peer === endpoint && !isPeer(connection.from.id)) {
        connection.break('closed');
      }
    }
  }

  /** A member that was reached knows that its peer is there, and does not wait any longer to reach it as well. */
  private reached(from: Endpoint, to: MemberId): void {
    for (const connection of this.connections) {
      if (connection.from.id === to && connection.to === from.id) {
        connection.hurry();
      }
    }
  }

  private watch(parcels: readonly Parcel[]): void {
    this.counts.sent += parcels.length;
    for (const parcel of parcels) {
      if (parcel.type === 'call' || parcel.type === 'answer') {
        continue;
      }
      for (const watch of this.watchers) {
        watch(parcel);
      }
    }
  }

  private tell(from: Endpoint, fate: Fate, parcels: readonly Parcel[]): void {
    if (this.trace.tellsDetail) {
      for (const parcel of parcels) {
        this.trace.detail(
          memberName(from.id),
          () => `${fate} ${memberName(parcel.to)}: ${parcelText(parcel)}`,
        );
      }
    }
  }
}
