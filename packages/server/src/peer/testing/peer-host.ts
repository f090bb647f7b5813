import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { LogIndex, MemberId, Message } from '@quorate/raft';
import { toLogIndex, toMemberId } from '@quorate/raft';
import {
  type Clock,
  type PeerEvents,
  type PeerRequest,
  type PeerResponse,
  ReplicaError,
} from '@quorate/replica';
import { SystemClock } from '../../platform/system-clock.ts';
import { SystemRandom } from '../../platform/system-random.ts';
import { RecordingLogger } from '../../testing/recording-logger.ts';
import { memberNames, TcpPeerTransport } from '../tcp-peer-transport.ts';
import { defaultTransportLimits, type TransportLimits } from '../transport-limits.ts';

export const clusterId = 0xc1n;

/** Listens on a port that the system chooses, or again on one that it chose before. */
export async function listenOnLoopback(accept: (socket: Socket) => void, port = 0): Promise<Server> {
  const server = createServer(accept);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

export function urlOf(server: Server): string {
  return `http://127.0.0.1:${portOf(server)}`;
}

/** A member that is nothing but its transport, with everything that it was told. */
export class PeerHost implements PeerEvents {
  readonly id: MemberId;
  readonly server: Server;
  readonly transport: TcpPeerTransport;
  readonly logger = new RecordingLogger();
  readonly received: Message[] = [];
  readonly closedPeers: MemberId[] = [];
  readonly unreachablePeers: MemberId[] = [];
  /** By whom it was turned away, and as of which configuration. */
  readonly turnedAwayBy: (readonly [MemberId, number])[] = [];
  /** Who knows that it has run before, though it has not with the data that it has. */
  readonly knownBeforeBy: MemberId[] = [];
  /** It has not told the cluster of itself. */
  isUnpublished = false;
  /** Who asked, in order. */
  readonly asking: MemberId[] = [];
  /** What peers that ask are answered. */
  answer: (request: PeerRequest) => Promise<PeerResponse> = async () => {
    throw new ReplicaError('stopped', 'this host answers nothing');
  };

  static async open(id: bigint, settings: Partial<HostSettings> = {}): Promise<PeerHost> {
    const server = await listenOnLoopback((socket) => host.transport.accept(socket), settings.port);
    const host: PeerHost = new PeerHost(toMemberId(id), server, settings);
    return host;
  }

  private constructor(id: MemberId, server: Server, settings: Partial<HostSettings>) {
    this.id = id;
    this.server = server;
    this.transport = new TcpPeerTransport({
      own: {
        clusterId: settings.clusterId ?? clusterId,
        self: id,
        peerUrl: urlOf(server),
        isUnpublished: () => this.isUnpublished,
      },
      events: this,
      clock: settings.clock ?? new SystemClock(),
      random: new SystemRandom(),
      logger: this.logger,
      nameOf: memberNames([1n, 2n, 3n].map((number) => ({ id: toMemberId(number), name: `n${number}` }))),
      startedMembers: () => [toMemberId(2n)],
      limits: { ...defaultTransportLimits, ...settings.limits },
    });
  }

  receive(message: Message): void {
    this.received.push(message);
  }

  closed(peer: MemberId): void {
    this.closedPeers.push(peer);
  }

  unreachable(peer: MemberId): void {
    this.unreachablePeers.push(peer);
  }

  async asked(from: MemberId, request: PeerRequest): Promise<PeerResponse> {
    this.asking.push(from);
    return this.answer(request);
  }

  turnedAway(peer: MemberId, asOf: LogIndex): void {
    this.turnedAwayBy.push([peer, asOf]);
  }

  knownBefore(peer: MemberId): void {
    this.knownBeforeBy.push(peer);
  }

  /** Talks to these hosts and nobody else from now on. */
  meet(...hosts: readonly { readonly id: MemberId; readonly server: Server }[]): void {
    this.meetAsOf(0, ...hosts);
  }

  /** The same, by a committed configuration at this log index. */
  meetAsOf(index: number, ...hosts: readonly { readonly id: MemberId; readonly server: Server }[]): void {
    const peers = hosts.map((host) => ({ id: host.id, urls: [urlOf(host.server)] }));
    const addresses = peers.map(({ id, urls }) => ({ id, name: `n${id}`, peerUrls: urls }));
    const configuration = {
      voters: peers.map(({ id }) => id),
      outgoingVoters: [],
      learners: [],
      learnersNext: [],
      addresses,
    };
    this.transport.setPeers(peers, index === 0 ? null : { index: toLogIndex(index), configuration });
  }

  async close(): Promise<void> {
    await this.transport.close();
    this.server.close();
    if (this.server.listening) await once(this.server, 'close');
  }
}

type HostSettings = {
  readonly port: number;
  readonly clusterId: bigint;
  readonly clock: Clock;
  readonly limits: Partial<TransportLimits>;
};
