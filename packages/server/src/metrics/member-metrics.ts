import type { Store } from '@quorate/kv';
import { formatMemberId } from '@quorate/raft';
import type { Replica } from '@quorate/replica';
import { alarmName } from '../api/alarm-name.ts';
import { type CallStatistics, type MethodCount, runningOf } from '../api/call-statistics.ts';
import { etcdVersion } from '../api/etcd-version.ts';
import type { StatusName } from '../api/api-error.ts';
import type { PeerConnection } from '../peer/tcp-peer-transport.ts';
import type { HistogramMetric, Sample, SampledMetric } from './metric.ts';

/** Where the values come from. All of it is there anyway: nothing is kept for metrics but counters. */
export type MetricSources = {
  readonly replica: Pick<Replica, 'status' | 'measures' | 'isIsolated' | 'spaceQuotaBytes'> & {
    readonly store: Pick<
      Store,
      'revision' | 'compactedRevision' | 'sizeBytes' | 'sizeInUseBytes' | 'sizes' | 'alarms'
    >;
  };
  readonly peers: () => readonly PeerConnection[];
  readonly calls: CallStatistics;
  /** Bytes that were written to the log's files. */
  readonly logBytes: () => number;
  /** Of this release. */
  readonly version: string;
};

type Metric = SampledMetric<MetricSources>;

/** How long the log's writes take to be durable: from half a millisecond to eight seconds, as etcd. */
export const logFlushSeconds: HistogramMetric = {
  name: 'etcd_disk_wal_fsync_duration_seconds',
  kind: 'histogram',
  labels: [],
  help: 'How long a write to the log took to be durable, in seconds.',
  buckets: Array.from({ length: 14 }, (_, power) => 0.001 * 2 ** power),
};

/** Every metric of a member, but for those of its process. The names that begin with `etcd_` and `grpc_` mean what they mean in etcd. */
export const memberMetrics: readonly Metric[] = [
  gauge('etcd_server_has_leader', 'Whether the member knows a leader: 1 or 0.', ({ replica }) =>
    flag(replica.status().leader !== null),
  ),
  gauge('etcd_server_is_leader', 'Whether the member leads: 1 or 0.', ({ replica }) =>
    flag(replica.status().role === 'leader'),
  ),
  gauge('etcd_server_is_learner', 'Whether the member is a learner: 1 or 0.', ({ replica }) => {
    const { configuration, memberId } = replica.status();
    return flag(configuration.learners.includes(memberId));
  }),
  counter(
    'etcd_server_leader_changes_seen_total',
    'How often the member learnt of a new leader.',
    ({ replica }) => replica.measures().leaderChanges,
  ),
  gauge(
    'etcd_server_proposals_committed_total',
    'The index of the last log entry that is known to be committed.',
    ({ replica }) => replica.status().commitIndex,
  ),
  gauge(
    'etcd_server_proposals_applied_total',
    'The index of the last log entry that is applied.',
    ({ replica }) => replica.status().appliedIndex,
  ),
  gauge(
    'etcd_server_proposals_pending',
    "Writes of this member's clients that have no answer yet.",
    ({ replica }) => replica.measures().pendingWrites,
  ),
  counter(
    'etcd_server_proposals_failed_total',
    "Writes of this member's clients that were given up without an answer of the cluster.",
    ({ replica }) => replica.measures().writesFailed,
  ),
  counter(
    'etcd_server_read_indexes_failed_total',
    "Linearizable reads of this member's clients that were given up.",
    ({ replica }) => replica.measures().readsFailed,
  ),
  gauge(
    'etcd_server_quota_backend_bytes',
    'How many bytes the state machine may have in use.',
    ({ replica }) => replica.spaceQuotaBytes,
  ),
  labelled(
    'etcd_server_id',
    ['server_id'],
    'Which member this is, in hexadecimal digits: 1.',
    ({ replica }) => [{ labels: { server_id: formatMemberId(replica.status().memberId) }, value: 1 }],
  ),
  labelled('etcd_server_version', ['server_version'], 'The version of etcd whose API is spoken: 1.', () => [
    { labels: { server_version: etcdVersion }, value: 1 },
  ]),
  counter('etcd_disk_wal_write_bytes_total', "Bytes that were written to the log's files.", ({ logBytes }) =>
    logBytes(),
  ),
  peers(
    'etcd_network_active_peers',
    'gauge',
    ['Local', 'Remote'],
    'Whether the peer is connected: 1 or 0.',
    (peer) => (peer.isConnected ? 1 : 0),
  ),
  peers(
    'etcd_network_peer_sent_bytes_total',
    'counter',
    ['To'],
    'Bytes that were sent to the peer.',
    (peer) => peer.sentBytes,
  ),
  peers(
    'etcd_network_peer_received_bytes_total',
    'counter',
    ['From'],
    'Bytes that were received from the peer.',
    (peer) => peer.receivedBytes,
  ),
  counter(
    'etcd_network_client_grpc_received_bytes_total',
    'Bytes of requests from clients, by gRPC or the gateway.',
    ({ calls }) => sum(calls, (count) => count.receivedBytes),
  ),
  counter(
    'etcd_network_client_grpc_sent_bytes_total',
    'Bytes of answers to clients, by gRPC or the gateway.',
    ({ calls }) => sum(calls, (count) => count.sentBytes),
  ),
  gauge(
    'etcd_mvcc_db_total_size_in_bytes',
    'Bytes that the engine takes on the disk, or in memory for the engine `memory`.',
    ({ replica }) => replica.store.sizeBytes,
  ),
  gauge(
    'etcd_mvcc_db_total_size_in_use_in_bytes',
    'Bytes of those that hold something.',
    ({ replica }) => replica.store.sizeInUseBytes,
  ),
  gauge(
    'etcd_debugging_mvcc_keys_total',
    'Keys, deleted ones included until they are compacted.',
    ({ replica }) => replica.store.sizes.keys,
  ),
  gauge(
    'etcd_debugging_mvcc_current_revision',
    'The revision of the store.',
    ({ replica }) => replica.store.revision,
  ),
  gauge(
    'etcd_debugging_mvcc_compact_revision',
    'The oldest revision that can be read.',
    ({ replica }) => replica.store.compactedRevision,
  ),
  gauge(
    'etcd_debugging_mvcc_watcher_total',
    'Watches at this member.',
    ({ replica }) => replica.store.sizes.watchers,
  ),
  gauge(
    'etcd_debugging_mvcc_slow_watcher_total',
    'Watches at this member that have not been told everything yet.',
    ({ replica }) => replica.store.sizes.watchersBehind,
  ),
  gauge('etcd_debugging_mvcc_watch_stream_total', 'Streams of watches at this member.', ({ calls }) =>
    sum(calls, (count) => (count.path === '/etcdserverpb.Watch/Watch' ? runningOf(count) : 0)),
  ),
  methods(
    'grpc_server_started_total',
    [],
    'Calls and streams that have begun, by gRPC or the gateway.',
    (count) => [{ value: count.started }],
  ),
  methods(
    'grpc_server_handled_total',
    ['grpc_code'],
    'Calls and streams that have ended, with their status.',
    (count) =>
      [...count.handled].map(([status, value]) => ({ labels: { grpc_code: codeNames[status] }, value })),
  ),
  gauge('quorate_raft_term', 'The term of the member.', ({ replica }) => replica.status().term),
  gauge(
    'quorate_raft_last_index',
    "The index of the last entry in the member's log.",
    ({ replica }) => replica.status().lastIndex,
  ),
  labelled('quorate_members', ['role'], 'Members of the cluster, voters and learners.', ({ replica }) => {
    const { voters, learners } = replica.status().configuration;
    return [
      { labels: { role: 'voter' }, value: voters.length },
      { labels: { role: 'learner' }, value: learners.length },
    ];
  }),
  labelled('quorate_alarms', ['alarm'], 'Alarms that are raised, over all members.', ({ replica }) => {
    const counts = new Map<string, number>();
    for (const { alarm } of replica.store.alarms()) {
      const name = alarmName(alarm);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return [...counts].map(([alarm, value]) => ({ labels: { alarm }, value }));
  }),
  gauge(
    'quorate_isolated',
    'Whether the member serves nothing, because its data is wrong: 1 or 0.',
    ({ replica }) => flag(replica.isIsolated),
  ),
  gauge('quorate_leases', 'Leases in the store.', ({ replica }) => replica.store.sizes.leases),
  gauge(
    'quorate_reads_pending',
    "Linearizable reads of this member's clients that wait.",
    ({ replica }) => replica.measures().pendingReads,
  ),
  gauge(
    'quorate_inputs_pending',
    'Messages, ticks and results of the disk that wait for the core.',
    ({ replica }) => replica.measures().inputs,
  ),
  gauge(
    'quorate_log_unwritten_bytes',
    'Bytes of log entries that wait for the disk.',
    ({ replica }) => replica.measures().unwrittenBytes,
  ),
  gauge('quorate_calls_running', 'Calls that are being handled, streams apart.', ({ calls }) =>
    sum(calls, (count) => (count.kind === 'unary' ? runningOf(count) : 0)),
  ),
  gauge('quorate_streams_open', 'Streams that are open.', ({ calls }) =>
    sum(calls, (count) => (count.kind === 'unary' ? 0 : runningOf(count))),
  ),
  labelled(
    'quorate_version_info',
    ['version', 'node'],
    'The release, and the Node.js that runs it: 1.',
    ({ version }) => [{ labels: { version, node: process.version }, value: 1 }],
  ),
];

/** As gRPC's libraries for metrics spell the statuses. */
const codeNames: Readonly<Record<StatusName | 'ok', string>> = {
  ok: 'OK',
  cancelled: 'Canceled',
  unknown: 'Unknown',
  'invalid-argument': 'InvalidArgument',
  'deadline-exceeded': 'DeadlineExceeded',
  'not-found': 'NotFound',
  'resource-exhausted': 'ResourceExhausted',
  'failed-precondition': 'FailedPrecondition',
  'out-of-range': 'OutOfRange',
  unimplemented: 'Unimplemented',
  internal: 'Internal',
  unavailable: 'Unavailable',
  'data-loss': 'DataLoss',
};

type Read = (sources: MetricSources) => number;

function gauge(name: string, help: string, read: Read): Metric {
  return { name, kind: 'gauge', labels: [], help, read: (sources) => [{ value: read(sources) }] };
}

function counter(name: string, help: string, read: Read): Metric {
  return { name, kind: 'counter', labels: [], help, read: (sources) => [{ value: read(sources) }] };
}

function labelled(name: string, labels: readonly string[], help: string, read: Metric['read']): Metric {
  return { name, kind: 'gauge', labels, help, read };
}

/** One value for each peer; `labels` name the own id and the peer's, or the peer's alone. */
function peers(
  name: string,
  kind: 'gauge' | 'counter',
  labels: readonly string[],
  help: string,
  read: (peer: PeerConnection) => number,
): Metric {
  const sample = (own: string, peer: PeerConnection): Sample => {
    const ids = [own, formatMemberId(peer.id)].slice(-labels.length);
    const named = labels.map((label, position): [string, string] => [label, ids[position] ?? '']);
    return { value: read(peer), labels: Object.fromEntries(named) };
  };
  return {
    name,
    kind,
    labels,
    help,
    read: (sources) => {
      const own = formatMemberId(sources.replica.status().memberId);
      return sources.peers().map((peer) => sample(own, peer));
    },
  };
}

/** Values for each method that was asked for. */
function methods(
  name: string,
  labels: readonly string[],
  help: string,
  read: (count: MethodCount) => readonly Sample[],
): Metric {
  return {
    name,
    kind: 'counter',
    labels: ['grpc_service', 'grpc_method', 'grpc_type', ...labels],
    help,
    read: ({ calls }) =>
      [...calls.all()].flatMap((count) => {
        const [, service = '', method = ''] = count.path.split('/');
        const own = { grpc_service: service, grpc_method: method, grpc_type: count.kind };
        return read(count).map((sample) => ({ ...sample, labels: { ...own, ...sample.labels } }));
      }),
  };
}

function sum(calls: CallStatistics, value: (count: MethodCount) => number): number {
  let total = 0;
  for (const count of calls.all()) total += value(count);
  return total;
}

function flag(condition: boolean): number {
  return condition ? 1 : 0;
}
