import type { Socket } from 'node:net';
import {
  formatMemberId,
  type LoggedConfiguration,
  type LogIndex,
  type MemberId,
  type Message,
  noIndex,
} from '@quorate/raft';
import {
  type Call,
  type Clock,
  type Logger,
  type Peer,
  PeerCalls,
  type PeerEvents,
  type PeerRequest,
  type PeerTransport,
  type Random,
  type ResponseTo,
} from '@quorate/replica';
import type { EndReason } from './framed-socket.ts';
import { MalformedValue } from '../configuration/configuration-error.ts';
import { parseAdvertisedUrl } from '../configuration/network-address.ts';
import type { Caller, Introduction } from './greeting.ts';
import { InboundConnection } from './inbound-connection.ts';
import { encodeDescription } from './inquiry.ts';
import { PeerChannel } from './peer-channel.ts';
import { noTraffic, sumOfTraffic, type Traffic } from './traffic.ts';
import { defaultTransportLimits, type TransportLimits } from './transport-limits.ts';

export type TcpPeerTransportOptions = {
  readonly own: Omit<Introduction, 'asOf'>;
  readonly events: PeerEvents;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** What people call a peer. */
  readonly nameOf: (id: MemberId) => string;
  /** The members that have ever run: told to who wants to join, and to those that call. */
  readonly startedMembers: () => readonly MemberId[];
  readonly limits?: TransportLimits;
};

/** How a member is connected with a peer, and what has gone between them since this member started. */
export type PeerConnection = Traffic & { readonly id: MemberId; readonly isConnected: boolean };

/**
 * Carries messages between members over TCP. Each member dials each of its peers and sends over the
 * connection that it dialled; over those that its peers dialled it only receives, and
 * answers their calls. DESIGN.md says why, and
 * what the bytes look like.
 */
export class TcpPeerTransport implements PeerTransport {
  private readonly options: TcpPeerTransportOptions;
  private readonly limits: TransportLimits;
  private readonly channels = new Map<MemberId, PeerChannel>();
  private readonly inbound = new Map<MemberId, InboundConnection>();
  private readonly greeting = new Set<InboundConnection>();
  /** Over connections that a peer had dialled and that have ended. */
  private readonly pastInbound = new Map<MemberId, Traffic>();
  /** Peers whose process is known to be there, until its host closes a connection. */
  private readonly present = new Set<MemberId>();
  /** Peers whose losses are reported at the end of this turn. */
  private readonly losses = new Set<MemberId>();
  private readonly calls: PeerCalls;
  /** Callers that know a later configuration than this member, which may name them. */
  private readonly guests = new Map<MemberId, { readonly peer: Peer; readonly asOf: LogIndex }>();
  private settled: LoggedConfiguration | null = null;
  private closed = false;

  constructor(options: TcpPeerTransportOptions) {
    this.options = options;
    this.limits = options.limits ?? defaultTransportLimits;
    this.calls = new PeerCalls({
      clock: options.clock,
      send: (peer, id, request) => this.channels.get(peer)?.call(id, request) ?? 'unreachable',
      asked: async (from, request) => options.events.asked(from, request),
    });
  }

  setPeers(peers: readonly Peer[], settled: LoggedConfiguration | null): void {
    if (this.closed) return;
    this.settled = settled;
    const wanted = new Map(peers.map((peer) => [peer.id, peer]));
    for (const [id, { peer, asOf }] of this.guests) {
      if (asOf <= this.asOf || wanted.has(id)) this.guests.delete(id);
      else wanted.set(id, peer);
    }
    for (const [id, channel] of this.channels) {
      if (!sameUrls(wanted.get(id)?.urls, channel.peer.urls)) {
        channel.close();
        this.channels.delete(id);
      }
    }
    for (const [id, connection] of this.inbound) {
      if (!wanted.has(id)) {
        connection.close();
        this.inbound.delete(id);
      }
    }
    for (const id of this.pastInbound.keys()) {
      if (!wanted.has(id)) this.pastInbound.delete(id);
    }
    for (const id of this.present) {
      if (!wanted.has(id)) this.present.delete(id);
    }
    for (const peer of wanted.values()) {
      if (!this.channels.has(peer.id)) this.openChannel(peer);
    }
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) {
      if (this.channels.get(message.to)?.send(message) !== true) this.lose(message.to);
    }
  }

  async call<Request extends PeerRequest>(
    peer: MemberId,
    request: Request,
    call: Call,
  ): Promise<ResponseTo<Request>> {
    return this.calls.call(peer, request, call);
  }

  /** For metrics: each peer, whether it is connected, and what has gone to it and come from it. */
  peers(): readonly PeerConnection[] {
    return [...this.channels].map(([id, channel]) => {
      const inbound = sumOfTraffic(
        this.pastInbound.get(id) ?? noTraffic,
        this.inbound.get(id)?.traffic ?? noTraffic,
      );
      return { id, isConnected: channel.isConnected, ...sumOfTraffic(channel.traffic, inbound) };
    });
  }

  /** Takes a connection that somebody has made to this member's peer address. */
  accept(socket: Socket): void {
    if (this.closed || this.greeting.size >= this.limits.greetingsMax) {
      socket.destroy();
      return;
    }
    const { own, clock, events } = this.options;
    const connection: InboundConnection = InboundConnection.accept(socket, {
      introduction: () => this.introduction,
      clock,
      limits: this.limits,
      recognises: (caller) => this.recognises(caller),
      hasRun: (member) => this.options.startedMembers().includes(member),
      describeCluster: () => {
        const { clusterId, self: memberId } = own;
        return encodeDescription({
          clusterId,
          memberId,
          settled: this.settled,
          started: this.options.startedMembers(),
        });
      },
      inquired: () => this.greeting.delete(connection),
      admit: (from, decide) => this.admit(from, decide),
      established: (from) => this.welcome(from, connection),
      refused: (explanation) => {
        this.greeting.delete(connection);
        const fields = { remote: connection.remote };
        this.options.logger.warn(fields, `turned away a caller from ${connection.remote}: ${explanation}`);
      },
      receive: (message) => events.receive(message),
      asked: (from, request, reply) => this.calls.asked(from, request, reply),
      ended: (from, reason) => this.inboundEnded(from, connection, reason),
    });
    this.greeting.add(connection);
  }

  /** Closes all connections at once. What waits to be sent is dropped. Idempotent. */
  async close(): Promise<void> {
    this.closed = true;
    for (const channel of this.channels.values()) channel.close();
    for (const connection of this.inbound.values()) connection.close();
    for (const connection of this.greeting) connection.close();
    this.channels.clear();
    this.inbound.clear();
    this.greeting.clear();
    this.calls.close();
    return Promise.resolve();
  }

  private get asOf(): LogIndex {
    return this.settled?.index ?? noIndex;
  }

  private get introduction(): Introduction {
    return { ...this.options.own, asOf: this.asOf };
  }

  /**
   * Whether the caller is a peer. One that knows a later configuration than this member may have been added since,
   * and be the leader that this member has to learn it from: it is talked to until that is known.
   */
  private recognises({ id, peerUrl, asOf }: Caller): boolean {
    const caller = id as MemberId;
    if (this.channels.has(caller)) return true;
    if (asOf <= this.asOf || !isPeerUrl(peerUrl) || this.guests.size >= guestsMax) return false;
    const peer = { id: caller, urls: [peerUrl] };
    this.guests.set(caller, { peer, asOf });
    this.openChannel(peer);
    return true;
  }

  private openChannel(peer: Peer): void {
    const { clock, random, logger, nameOf } = this.options;
    const channel = new PeerChannel({
      peer,
      name: nameOf(peer.id),
      introduction: () => this.introduction,
      clock,
      random,
      logger,
      limits: this.limits,
      established: () => this.present.add(peer.id),
      turnedAway: (asOf) => this.options.events.turnedAway(peer.id, asOf),
      knownBefore: () => this.options.events.knownBefore(peer.id),
      closedByPeer: () => this.peerClosed(peer.id),
      lost: () => this.lose(peer.id),
      answered: (id, answer) => this.calls.answered(peer.id, id, answer),
      callsLost: () => this.calls.lost(peer.id),
    });
    this.channels.set(peer.id, channel);
    channel.open();
  }

  /**
   * A peer has one connection. A second one either replaces a leftover, whose host vanished without a word,
   * or comes from a second process that runs as the same member: then both must not be heard.
   */
  private admit(from: MemberId, decide: (admitted: boolean) => void): void {
    const existing = this.inbound.get(from);
    if (existing === undefined) decide(true);
    else existing.probe(this.limits.probeTimeoutMs, (alive) => decide(!alive));
  }

  private welcome(from: MemberId, connection: InboundConnection): void {
    this.greeting.delete(connection);
    if (this.closed || !this.channels.has(from)) {
      connection.close();
      return;
    }
    // A leftover, as `admit` found out.
    const leftover = this.inbound.get(from);
    if (leftover !== undefined) {
      this.remember(from, leftover);
      leftover.close();
    }
    this.inbound.set(from, connection);
    this.present.add(from);
    this.channels.get(from)?.hurry();
    this.options.logger.debug({ remote: connection.remote }, `${this.options.nameOf(from)} connected`);
  }

  private inboundEnded(from: MemberId | null, connection: InboundConnection, reason: EndReason): void {
    this.greeting.delete(connection);
    if (reason.kind === 'malformed') {
      const who = from === null ? connection.remote : this.options.nameOf(from);
      const fields = { remote: connection.remote };
      this.options.logger.warn(fields, `closed a connection from ${who}, because ${reason.message}`);
    }
    if (from === null || this.inbound.get(from) !== connection) return;
    this.inbound.delete(from);
    this.remember(from, connection);
    if (reason.kind === 'closed-by-peer') this.peerClosed(from);
  }

  private remember(peer: MemberId, { traffic }: InboundConnection): void {
    this.pastInbound.set(peer, sumOfTraffic(this.pastInbound.get(peer) ?? noTraffic, traffic));
  }

  /** Both connections with a peer end when its process does: report it once. */
  private peerClosed(peer: MemberId): void {
    if (this.present.delete(peer)) this.options.events.closed(peer);
  }

  private lose(peer: MemberId): void {
    if (this.losses.size === 0) {
      queueMicrotask(() => {
        const losses = [...this.losses];
        this.losses.clear();
        if (this.closed) return;
        for (const id of losses) this.options.events.unreachable(id);
      });
    }
    this.losses.add(peer);
  }
}

/** More than one cluster has members. */
const guestsMax = 16;

function isPeerUrl(text: string): boolean {
  try {
    parseAdvertisedUrl(text);
    return true;
  } catch (error) {
    if (!(error instanceof MalformedValue)) throw error;
    return false;
  }
}

function sameUrls(left: readonly string[] | undefined, right: readonly string[]): boolean {
  return (
    left !== undefined &&
    left.length === right.length &&
    left.every((url, position) => url === right[position])
  );
}

/** What people call a member, as far as its configuration tells. */
export function memberNames(members: readonly { readonly id: MemberId; readonly name: string }[]) {
  const names = new Map(members.map((member) => [member.id, member.name]));
  return (id: MemberId): string => names.get(id) ?? `member ${formatMemberId(id)}`;
}
