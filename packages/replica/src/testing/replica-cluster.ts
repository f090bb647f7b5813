import { MemoryEngine, Store } from '@quorate/kv';
import {
  type Configuration,
  defaultRaftOptions,
  type LogIndex,
  type MemberId,
  noIndex,
  type RaftOptions,
  replicationPreset,
  type ReplicationPresetName,
  toMemberId,
} from '@quorate/raft';
import { SnapshotDirectory, WriteAheadLog } from '@quorate/storage';
import { MemoryDisk, MemoryFileSystem, seededRandom } from '@quorate/storage/testing';
import type { PeerRequest } from '../peer-call.ts';
import { PeerCalls } from '../peer-calls.ts';
import type { Logger, Peer, PeerEvents, PeerTransport } from '../ports.ts';
import { Replica } from '../replica.ts';
import type { ReplicaLimits } from '../replica-options.ts';
import {
  type CompactionPolicy,
  defaultCompactionPolicy,
  defaultTransferLimits,
  type TransferLimits,
} from '../snapshot/snapshot-options.ts';
import { ManualClock } from './manual-clock.ts';

export type ReplicaClusterOptions = {
  readonly members: number;
  readonly replication?: ReplicationPresetName;
  readonly raft?: Partial<RaftOptions>;
  readonly limits?: Partial<ReplicaLimits>;
  /** Default 0: never. */
  readonly corruptionCheckIntervalMs?: number;
  readonly compaction?: Partial<CompactionPolicy>;
  readonly transfer?: Partial<TransferLimits>;
};

const tickMs = 10;

/** Complete members in one process, on simulated disks, connected by memory; a test moves the clock. */
export class ReplicaCluster {
  readonly clock = new ManualClock();
  readonly disks: readonly MemoryDisk[];
  readonly ids: readonly MemberId[];
  private readonly options: ReplicaClusterOptions;
  private readonly engines = new Map<MemberId, MemoryEngine>();
  private readonly replicas = new Map<MemberId, Replica>();
  private readonly mailboxes = new Map<MemberId, Mailbox>();
  private readonly cut = new Set<MemberId>();
  private readonly joined = new Map<
    MemberId,
    { readonly at: LogIndex; readonly peers: readonly Peer[]; readonly disk: MemoryDisk }
  >();
  /** What members asked each other, in order. */
  readonly asked: { readonly from: MemberId; readonly request: PeerRequest }[] = [];
  /** Called whenever a member asks, before it is known whether that arrives. */
  onAsked: () => void = () => undefined;

  constructor(options: ReplicaClusterOptions) {
    this.options = options;
    this.ids = Array.from({ length: options.members }, (_, number) => toMemberId(BigInt(number + 1)));
    this.disks = this.ids.map((_, number) => new MemoryDisk({ random: seededRandom(number + 1) }));
  }

  static async start(options: ReplicaClusterOptions): Promise<ReplicaCluster> {
    const cluster = new ReplicaCluster(options);
    for (const id of cluster.ids) {
      await cluster.open(id);
    }
    return cluster;
  }

  /** Starts a member on what its disk holds; its engine is empty, so it replays its whole log. */
  async open(id: MemberId): Promise<Replica> {
    const number = this.ids.indexOf(id);
    const disk = this.disks[number] ?? this.joined.get(id)?.disk;
    if (disk === undefined) {
      throw new RangeError(`no member ${id}`);
    }
    const joined = this.joined.get(id);
    const fileSystem = new MemoryFileSystem(disk);
    await fileSystem.makeDirectory('/log');
    const random = seededRandom(100 + number);
    const log = await WriteAheadLog.open({ fileSystem, directory: '/log', random, segmentMaxBytes: 65_536 });
    const { replication = 'pipelined', raft = {}, limits = {}, compaction, transfer } = this.options;
    const defaults = defaultRaftOptions({
      id,
      electionTimeoutMs: 100,
      random: (bound) => random.integer(bound),
    });
    const engine = new MemoryEngine();
    this.engines.set(id, engine);
    const opening = Replica.open({
      memberId: id,
      clusterId: 7n,
      version: 'test',
      raft: { ...defaults, replication: replicationPreset(replication), ...raft },
      tickMs,
      log,
      founding: joined === undefined ? foundingConfiguration(this.ids) : null,
      ...(joined === undefined ? {} : { joinedAt: joined.at, joinedPeers: joined.peers }),
      store: Store.open(engine),
      clock: this.clock,
      random,
      logger: silentLogger,
      connect: (events) => this.connect(id, events),
      corruptionCheckIntervalMs: this.options.corruptionCheckIntervalMs ?? 0,
      limits: { ...defaultLimits, ...limits },
      snapshots: {
        directory: await SnapshotDirectory.open(fileSystem, '/snapshot'),
        compaction: { ...defaultCompactionPolicy, ...compaction },
        transfer: { ...defaultTransferLimits, ...transfer },
      },
    });
    const replica = await this.clock.settling(opening);
    this.replicas.set(id, replica);
    return replica;
  }

  /** Starts a member that was added by the configuration at the log index `at`, with an empty disk. */
  async join(id: MemberId, at: LogIndex): Promise<Replica> {
    const peers = this.ids.map((peer) => ({ id: peer, urls: [] }));
    this.joined.set(id, { at, peers, disk: new MemoryDisk({ random: seededRandom(Number(id % 1000n)) }) });
    return this.open(id);
  }

  member(number: number): Replica {
    const replica = this.replicas.get(toMemberId(BigInt(number)));
    if (replica === undefined) {
      throw new RangeError(`member ${number} is not running`);
    }
    return replica;
  }

  /** The engine of a running member. */
  engine(number: number): MemoryEngine {
    const engine = this.engines.get(toMemberId(BigInt(number)));
    if (engine === undefined) {
      throw new RangeError(`member ${number} is not running`);
    }
    return engine;
  }

  /** Moves the clock until a member leads that all connected members follow. */
  async awaitLeader(): Promise<Replica> {
    for (let waitedMs = 0; waitedMs < 10_000; waitedMs += tickMs) {
      const running = [...this.replicas].filter(([id]) => !this.cut.has(id)).map(([, replica]) => replica);
      const leader = running.find((replica) => replica.status().role === 'leader');
      const { memberId } = leader?.status() ?? {};
      if (leader !== undefined && running.every((replica) => replica.status().leader === memberId)) {
        return leader;
      }
      await this.clock.advance(tickMs);
    }
    throw new Error('no leader was elected within 10 simulated seconds');
  }

  /** Messages from and to this member are lost. */
  disconnect(id: MemberId): void {
    this.cut.add(id);
  }

  reconnect(id: MemberId): void {
    this.cut.delete(id);
  }

  /** The member's process ends in good order. */
  async stop(id: MemberId): Promise<void> {
    const replica = this.replicas.get(id);
    this.replicas.delete(id);
    if (replica !== undefined) {
      await this.clock.settling(replica.close());
    }
  }

  async close(): Promise<void> {
    for (const id of [...this.replicas.keys()]) {
      await this.stop(id);
    }
  }

  private connect(id: MemberId, events: PeerEvents): PeerTransport {
    const calls: PeerCalls = new PeerCalls({
      clock: this.clock,
      send: (to, callId, request) => {
        if (!this.mailboxes.has(to)) {
          return 'unreachable';
        }
        this.asked.push({ from: id, request });
        this.onAsked();
        this.carry(id, to, (mailbox) =>
          mailbox.calls.asked(id, request, (answer) =>
            this.carry(to, id, (caller) => {
              if (caller.calls === calls) {
                calls.answered(to, callId, answer);
              }
            }),
          ),
        );
        return 'sent';
      },
      asked: async (from, request) => events.asked(from, request),
    });
    const own: Mailbox = { events, calls, peers: new Set(), asOf: noIndex };
    this.mailboxes.set(id, own);
    return {
      setPeers: (peers, settled) => {
        const before = own.peers;
        own.peers = new Set(peers.map((peer) => peer.id));
        own.asOf = settled?.index ?? noIndex;
        // It greets its peers, and whoever it hangs up on calls again.
        for (const peer of own.peers) {
          this.carry(id, peer, () => undefined);
        }
        for (const gone of before.difference(own.peers)) {
          this.carry(gone, id, () => undefined);
        }
      },
      send: (messages) => {
        for (const message of messages) {
          this.carry(message.from, message.to, (mailbox) => mailbox.events.receive(message));
        }
      },
      call: async (peer, request, call) => calls.call(peer, request, call),
      close: async () => {
        this.mailboxes.delete(id);
        calls.close();
        for (const mailbox of this.mailboxes.values()) {
          mailbox.calls.lost(id);
        }
      },
    };
  }

  /** Hands something over in a later turn, unless it is lost. */
  private carry(from: MemberId, to: MemberId, deliver: (mailbox: Mailbox) => void): void {
    this.clock.defer(() => {
      const mailbox = this.mailboxes.get(to);
      const sender = this.mailboxes.get(from);
      if (mailbox === undefined || sender === undefined || this.cut.has(from) || this.cut.has(to)) {
        return;
      }
      if (mailbox.peers.has(from) || sender.asOf > mailbox.asOf) {
        deliver(mailbox);
      } else {
        sender.events.turnedAway(to, mailbox.asOf);
      }
    });
  }
}

/** Where a running member hears from its peers. */
type Mailbox = {
  readonly events: PeerEvents;
  readonly calls: PeerCalls;
  /** Whom it talks to, and the configuration that says so. */
  peers: ReadonlySet<MemberId>;
  asOf: LogIndex;
};

export const defaultLimits: ReplicaLimits = {
  requestMaxBytes: 1024,
  pendingProposalsMax: 100,
  pendingProposalsMaxBytes: 100_000,
  pendingReadsMax: 100,
  inputQueueMax: 1000,
  applyLagMaxEntries: 5000,
  spaceQuotaBytes: 1024 * 1024 * 1024,
};

export const silentLogger: Logger = {
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};

function foundingConfiguration(ids: readonly MemberId[]): Configuration {
  return {
    voters: ids,
    outgoingVoters: [],
    learners: [],
    learnersNext: [],
    addresses: ids.map((id) => ({ id, name: `m${id}`, peerUrls: [`http://127.0.0.1:${2380 + Number(id)}`] })),
  };
}
