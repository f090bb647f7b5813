import { Store } from '@quorate/kv';
import {
  type Configuration,
  defaultRaftOptions,
  type MemberId,
  replicationPreset,
  toMemberId,
} from '@quorate/raft';
import {
  AutoCompaction,
  type Clock,
  defaultTransferLimits,
  type Logger,
  type PeerEvents,
  type Random,
  Replica,
  ReplicaError,
  type ReplicaLimits,
  type ReplicaStatus,
} from '@quorate/replica';
import { DataDirectory, type Identity, SnapshotDirectory, WriteAheadLog } from '@quorate/storage';
import { NodeFileSystem } from '@quorate/storage/node';
import { BackupSchedule } from './backup/backup-schedule.ts';
import { ClientInterface } from './client-interface.ts';
import { foundingConfiguration } from './configuration/cluster-identity.ts';
import { isLoopback, parseUrl } from './configuration/network-address.ts';
import type { ServerConfiguration } from './configuration/server-configuration.ts';
import { discoverMembers } from './discovery/discover-members.ts';
import { type Dns, SystemDns } from './discovery/dns.ts';
import { Diagnosis } from './diagnosis/diagnosis.ts';
import { openEngine } from './engine.ts';
import { CallStatistics } from './api/call-statistics.ts';
import { compareWithLog } from './joining/compare-with-log.ts';
import { FirstPublication } from './joining/first-publication.ts';
import { joinCluster } from './joining/join-cluster.ts';
import { memberIdentity } from './joining/member-identity.ts';
import { Listener } from './listen/listener.ts';
import { measuredFileSystem } from './metrics/measured-file-system.ts';
import { MemberRegistry } from './metrics/member-registry.ts';
import { memberNames, TcpPeerTransport } from './peer/tcp-peer-transport.ts';
import { isStateDamage, setAsideDamage, withReplacement } from './state-damage.ts';
import { SystemClock } from './platform/system-clock.ts';
import { SystemRandom } from './platform/system-random.ts';
import { Publication } from './publication.ts';
import { ServerError, toServerError } from './server-error.ts';

export type StartOptions = {
  readonly logger: Logger;
  /** The release that this member runs, as it answers peers that ask. */
  readonly version: string;
  /** Calls the start off: it rejects with `start-cancelled` and leaves nothing behind. No effect afterwards. */
  readonly signal?: AbortSignal;
  /** Who is asked for the members (`discovery-srv`); the name servers of this host unless stated. */
  readonly dns?: Dns;
};

/** A member that is up. */
export type RunningServer = {
  /** Where clients and peers reach it: the base URLs that it listens on. */
  readonly clientUrls: readonly string[];
  /** Where it answers for metrics and health alone. */
  readonly metricsUrls: readonly string[];
  readonly peerUrls: readonly string[];
  /** Resolves if the member had to stop itself: its disk failed, or an invariant is broken. It must then be closed. Never rejects. */
  readonly failed: Promise<Error>;
  status(): ReplicaStatus;
  /**
   * Stops in order: no more calls, those that run end or are told what is known of them, then the member, its
   * log and its data, and last the connections. Resolves when nothing is left. Idempotent.
   */
  close(): Promise<void>;
};

/** The most connections of clients and of peers at a time, for each URL. */
const clientConnectionsMax = 16_384;
const peerConnectionsMax = 128;
/** Of those who ask for metrics and health where nothing else is served. */
const probeConnectionsMax = 128;
/** What an answer needs to reach its client in time, in milliseconds. */
const answerTravelMs = 50;
/** How long connections may take to end by themselves when the server has closed all else, in milliseconds. */
const hangUpAfterMs = 2_000;

/**
 * Starts one member: takes its ports, opens its data directory, log and engine, joins its peers, and serves
 * clients. Ports first, because they are what is most often wrong and nothing has been written by then.
 *
 * Rejects with a `ServerError`, whose message is a line for people; then nothing is left behind, but for what
 * has been created in the data directory.
 */
export async function startServer(
  configuration: ServerConfiguration,
  options: StartOptions,
): Promise<RunningServer> {
  try {
    return await start(configuration, options);
  } catch (error) {
    throw toServerError(error);
  }
}

async function start(configuration: ServerConfiguration, options: StartOptions): Promise<RunningServer> {
  const { logger, version, signal } = options;
  const clock = new SystemClock();
  await using parts = new AsyncDisposableStack();
  const random = new SystemRandom();
  const metrics = new MemberRegistry();
  const founders = memoized(async () =>
    discoverMembers(configuration, { dns: options.dns ?? new SystemDns(), clock, signal }),
  );
  const making: Making = {
    configuration,
    founders,
    logger,
    version,
    clock,
    random,
    metrics,
    parts,
    signal,
  };

  const { listenClientUrls, listenMetricsUrls, listenPeerUrls } = configuration;
  const clientListener = await listen(making, listenClientUrls, 'listen-client-urls', clientConnectionsMax);
  const probeListener = await listen(making, listenMetricsUrls, 'listen-metrics-urls', probeConnectionsMax);
  const peerListener = await listen(making, listenPeerUrls, 'listen-peer-urls', peerConnectionsMax);
  checkWanted(signal);
  const { replica, firstPublication } = await openReplica(making, peerListener);
  parts.defer(async () => replica.close());
  checkWanted(signal);
  publish(making, replica, firstPublication, clientListener.urls);
  serveClients(making, replica, clientListener, probeListener);
  scheduleBackups(making, replica);
  compactRegularly(making, replica);
  // Done first when the server closes: while it still serves.
  parts.defer(async () => handOver(replica, clock, configuration, logger));
  announce(configuration, replica, clientListener, peerListener, logger);

  const owned = parts.move();
  let closing: Promise<void> | null = null;
  return {
    clientUrls: clientListener.urls,
    metricsUrls: probeListener.urls,
    peerUrls: peerListener.urls,
    failed: replica.failed,
    status: () => replica.status(),
    close: async () => {
      closing ??= owned.disposeAsync().then(() => logger.info({}, 'stopped'));
      return closing;
    },
  };
}

/** A member in the making. */
type Making = {
  readonly configuration: ServerConfiguration;
  /** The configuration with its founding members: only a beginner needs them, and may have to ask DNS for them. */
  readonly founders: () => Promise<ServerConfiguration>;
  readonly logger: Logger;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: MemberRegistry;
  /** What has to be closed, the latest first. */
  readonly parts: AsyncDisposableStack;
  readonly signal: AbortSignal | undefined;
};

async function listen(
  { clock, parts }: Making,
  urls: readonly string[],
  option: string,
  connectionsMax: number,
): Promise<Listener> {
  const listener = await Listener.open({ urls, option, connectionsMax, clock });
  return parts.adopt(listener, async () => listener.close(clock, hangUpAfterMs));
}

/** Opens the data directory, and the replica on what is in it. */
async function openReplica(
  making: Making,
  peerListener: Listener,
): Promise<{ readonly replica: Replica; readonly firstPublication: FirstPublication }> {
  const { configuration, logger, version, clock, random, parts, signal } = making;
  const fileSystem = new NodeFileSystem();
  const directory = await openDirectory(making, fileSystem);
  parts.defer(async () => directory.close());
  checkWanted(signal);

  const firstPublication = new FirstPublication(directory);
  const data = await openData(making, directory);
  const { clusterId, memberId, joinedAt, joinedPeers } = directory.identity;
  const founding = await foundingOf(making, directory.identity, data);
  let replica: Replica | null = null;
  const foundersName = memberNames(founding?.addresses ?? configuration.members);
  let failure: unknown = null;
  parts.defer(async () => {
    if (isStateDamage(failure)) await setAsideDamage(failure, directory, logger);
  });
  const connect = (events: PeerEvents): TcpPeerTransport => {
    const transport = new TcpPeerTransport({
      own: {
        clusterId,
        self: memberId,
        peerUrl: configuration.initialAdvertisePeerUrls[0] ?? '',
        isUnpublished: firstPublication.pending,
      },
      events,
      clock,
      random,
      logger: logger.child({ component: 'peers' }),
      nameOf: (id) => replica?.membership.nameOf(id) ?? foundersName(id),
      startedMembers: () => [...(replica?.store.memberAttributes().keys() ?? [])].map(toMemberId),
    });
    parts.defer(async () => transport.close());
    making.metrics.followPeers(() => transport.peers());
    peerListener.serve((socket) => transport.accept(socket));
    return transport;
  };
  replica = await Replica.open({
    memberId,
    clusterId,
    version,
    raft: raftOptions(configuration, memberId, random),
    tickMs: configuration.heartbeatInterval,
    log: data.log,
    founding,
    ...(joinedAt === undefined ? {} : { joinedAt }),
    ...(joinedPeers === undefined ? {} : { joinedPeers }),
    store: data.store,
    clock,
    random,
    logger: logger.child({ component: 'raft' }),
    connect,
    corruptionCheckIntervalMs: configuration.corruptionCheckInterval,
    snapshots: snapshotOptions(configuration, data.snapshots),
    limits: replicaLimits(configuration),
    starting: signal,
  });
  void replica.failed.then((error) => {
    failure = error;
  });
  for (const warning of compareWithLog(configuration, memberId, replica.status().configuration)) {
    logger.warn({}, warning);
  }
  return { replica, firstPublication };
}

/** What an empty log begins with. Only who founds this very cluster may begin its log. */
async function foundingOf(
  { founders }: Making,
  { clusterId, joinedAt }: Identity,
  { log, store }: MemberData,
): Promise<Configuration | null> {
  if (joinedAt !== undefined || log.recovered.lastIndex !== 0) return null;
  try {
    const known = await founders();
    return clusterId === known.clusterId ? foundingConfiguration(known.members) : null;
  } catch (error) {
    await store.close();
    await log.close();
    throw error;
  }
}

async function openDirectory(
  { configuration, founders, logger, clock, random, signal }: Making,
  fileSystem: NodeFileSystem,
): Promise<DataDirectory> {
  const { dataDir: path, name, initialAdvertisePeerUrls } = configuration;
  const [peerUrl = ''] = initialAdvertisePeerUrls;
  return DataDirectory.open({
    fileSystem,
    path,
    random,
    identity: async (found) => {
      const known = found === null ? await founders() : configuration;
      const { initialCluster: members } = known;
      return memberIdentity(known, found, async () =>
        joinCluster({ name, peerUrl, members, clock, logger, signal }),
      );
    },
  });
}

function raftOptions(configuration: ServerConfiguration, id: MemberId, random: Random) {
  const { heartbeatInterval, electionTimeout, reads, replication } = configuration;
  return {
    ...defaultRaftOptions({
      id,
      electionTimeoutMs: electionTimeout,
      random: (bound) => random.integer(bound),
    }),
    electionTimeoutTicks: Math.ceil(electionTimeout / heartbeatInterval),
    reads,
    replication: replicationPreset(replication),
  };
}

function snapshotOptions(configuration: ServerConfiguration, directory: SnapshotDirectory) {
  return {
    directory,
    compaction: {
      entries: configuration.snapshotCount,
      bytes: configuration.snapshotLogBytes,
      tailEntries: configuration.snapshotCatchupEntries,
      tailBytes: configuration.snapshotCatchupBytes,
    },
    transfer: defaultTransferLimits,
  };
}

function replicaLimits({ maxRequestBytes, quotaBackendBytes }: ServerConfiguration): ReplicaLimits {
  return {
    requestMaxBytes: maxRequestBytes,
    pendingProposalsMax: 65_536,
    pendingProposalsMaxBytes: 256 * 1024 * 1024,
    pendingReadsMax: 65_536,
    inputQueueMax: 65_536,
    applyLagMaxEntries: 5_000,
    spaceQuotaBytes: quotaBackendBytes,
  };
}

/** What the replica owns of the data directory. */
type MemberData = {
  readonly log: WriteAheadLog;
  readonly store: Store;
  readonly snapshots: SnapshotDirectory;
};

async function openData(
  { configuration, logger, clock, random, metrics }: Making,
  directory: DataDirectory,
): Promise<MemberData> {
  const fileSystem = new NodeFileSystem();
  const snapshots = await SnapshotDirectory.open(fileSystem, directory.snapshotDirectory);
  const log = await WriteAheadLog.open({
    fileSystem: measuredFileSystem(fileSystem, clock, metrics),
    directory: directory.logDirectory,
    random,
  }).catch((error: unknown) => {
    throw withReplacement(error, configuration, directory.identity.memberId);
  });
  const store = await openStore(configuration, directory.stateDirectory)
    .catch(async (error: unknown) => {
      if (!isStateDamage(error)) throw error;
      await setAsideDamage(error, directory, logger);
      return openStore(configuration, directory.stateDirectory);
    })
    .catch(async (error: unknown) => {
      await log.close();
      throw error;
    });
  const { tornTail } = log.recovered;
  if (tornTail !== null) {
    logger.info(
      tornTail,
      `cut ${tornTail.bytes} bytes off ${tornTail.file}: a write that was never acknowledged`,
    );
  }
  return { log, store, snapshots };
}

async function openStore(configuration: ServerConfiguration, directory: string): Promise<Store> {
  const engine = await openEngine(configuration.engine, directory);
  try {
    return Store.open(engine, { transactionMaxOperations: configuration.maxTxnOps });
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** Starts to tell the cluster how clients reach this member. */
function publish(
  { configuration, clock, logger, parts }: Making,
  replica: Replica,
  firstPublication: FirstPublication,
  listening: readonly string[],
): void {
  const publication = new Publication({
    member: replica,
    name: configuration.name,
    clientUrls: configuration.advertiseClientUrls ?? listening,
    clock,
    logger,
    timeoutMs: requestTimeoutMs(configuration),
    publishing: async (call) => firstPublication.begin(replica, call),
    // In etcd's words: whoever starts a member and waits for it looks for them.
    published: () => logger.info({ clientUrls: listening }, 'ready to serve client requests'),
  });
  parts.defer(async () => publication.stop());
  publication.start();
}

function serveClients(
  { configuration, clock, random, logger, version, metrics, parts }: Making,
  replica: Replica,
  listener: Listener,
  probeListener: Listener,
): void {
  const statistics = new CallStatistics();
  metrics.describe({ replica, calls: statistics, version });
  const clients = new ClientInterface({
    member: replica,
    clock,
    logger,
    times: {
      timeoutMaxMs: requestTimeoutMs(configuration),
      // The replica looks for deadlines that have passed once a heartbeat.
      answerReserveMs: configuration.heartbeatInterval + answerTravelMs,
    },
    requestMaxBytes: configuration.maxRequestBytes,
    electionTimeoutMs: configuration.electionTimeout,
    watchProgressIntervalMs: configuration.watchProgressNotifyInterval,
    random,
    statistics,
    metrics: async () => metrics.read(),
    diagnosis: new Diagnosis({
      member: replica,
      version,
      fileSystem: new NodeFileSystem(),
      dataDirectory: configuration.dataDir,
    }),
  });
  parts.defer(async () => clients.drain(clock));
  parts.defer(() => listener.stopListening());
  parts.defer(() => probeListener.stopListening());
  listener.serve((socket) => clients.accept(socket));
  probeListener.serve((socket) => clients.acceptProbe(socket));
}

function scheduleBackups({ configuration, clock, logger, parts }: Making, member: Replica): void {
  const { backupDir, backupInterval, backupKeep, name } = configuration;
  if (backupDir === null) return;
  const schedule = new BackupSchedule({
    member,
    name,
    directory: backupDir,
    intervalMs: backupInterval,
    keep: backupKeep,
    fileSystem: new NodeFileSystem(),
    clock,
    logger: logger.child({ component: 'backup' }),
  });
  parts.defer(async () => schedule.stop());
  schedule.start();
}

/** A leader that stops lets another member lead first, so that nobody has to wait for an election. */
async function handOver(
  replica: Replica,
  clock: Clock,
  { electionTimeout }: ServerConfiguration,
  logger: Logger,
): Promise<void> {
  try {
    await replica.handOver({ deadlineMs: clock.monotonicMs() + electionTimeout });
  } catch (error) {
    if (!(error instanceof ReplicaError)) throw error;
    logger.debug({ err: error }, 'stops without having handed over leadership');
  }
}

/** As etcd: five seconds for the work, and twice an election for a change of leaders in between. */
function requestTimeoutMs(configuration: ServerConfiguration): number {
  return 5_000 + 2 * configuration.electionTimeout;
}

function compactRegularly({ configuration, clock, logger, parts }: Making, replica: Replica): void {
  const { autoCompaction: policy } = configuration;
  if (policy === null) return;
  const compaction = new AutoCompaction({ policy, member: replica, clock, logger });
  parts.defer(async () => compaction.stop());
  compaction.start();
}

function memoized<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let result: Promise<Result> | null = null;
  return async () => (result ??= work());
}

function checkWanted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new ServerError('start-cancelled', 'the start was called off');
}

/** Tells people who this is, where it is, and what to beware of. */
function announce(
  configuration: ServerConfiguration,
  replica: Replica,
  clientListener: Listener,
  peerListener: Listener,
  logger: Logger,
): void {
  const { name, dataDir, engine, replication } = configuration;
  const { memberId, clusterId, configuration: inForce } = replica.status();
  const members = inForce.addresses;
  const id = memberId.toString(16);
  const cluster = clusterId.toString(16);
  logger.info(
    { id, cluster, members: members.length, dataDir, engine, replication },
    `member ${name} (${id})${members.length === 0 ? '' : ` of ${members.length}`} in cluster ${cluster}; data in ${dataDir}, engine ${engine}, replication ${replication}`,
  );
  logger.info(
    { clientUrls: clientListener.urls, peerUrls: peerListener.urls },
    `listening for clients on ${clientListener.urls.join(', ')} and for members on ${peerListener.urls.join(', ')}`,
  );
  for (const url of [...clientListener.urls, ...peerListener.urls]) {
    if (isLoopback(parseUrl(url).host)) continue;
    logger.warn(
      { url },
      `there is no TLS and no authentication yet: whoever reaches ${url} can read and change everything`,
    );
  }
}
