import { defaultCompactionPolicy } from '@quorate/replica';
import { foundingMembers } from './founding-members.ts';
import { advertiseUrls, listenUrls } from './network-address.ts';
import { type DerivedOption, derivedOption, option, type Option } from './option.ts';
import {
  byteSize,
  choice,
  dnsName,
  duration,
  memberName,
  retention,
  text,
  wholeNumber,
} from './value-type.ts';

/** As etcd's: the default, and what is still said to work well. */
const quotaDefaultBytes = 2 * 1024 * 1024 * 1024;
export const quotaWarnBytes = 8 * 1024 * 1024 * 1024;

/** Every option of one member, in the order in which people meet them. */
export const options = {
  name: option({
    name: 'name',
    type: memberName,
    default: 'default',
    summary: 'What this member is called.',
    reason:
      'It must occur in initial-cluster, tells members apart in logs and listings, and never changes: the identity of the member is derived from it.',
  }),
  dataDir: derivedOption({
    name: 'data-dir',
    type: text('DIR'),
    derivedDefault: '`NAME.quorate` in the working directory',
    summary: 'The directory that holds everything this member must not lose.',
    reason:
      'Put it on a local disk whose flushes are honest and quick: each write of the cluster waits for one.',
  }),
  listenClientUrls: option({
    name: 'listen-client-urls',
    type: listenUrls,
    default: ['http://127.0.0.1:2379'],
    summary: 'Where this member listens for clients, with gRPC and HTTP/1.1 on the same port.',
    reason:
      'By default only this machine can connect. There is no TLS and no authentication yet: whoever reaches another address can read and change everything.',
  }),
  advertiseClientUrls: derivedOption({
    name: 'advertise-client-urls',
    type: advertiseUrls,
    derivedDefault: 'where it listens for clients',
    summary: 'The URLs that clients learn for this member.',
    reason: 'Needed if clients reach the member by another address than the one it listens on.',
  }),
  listenMetricsUrls: derivedOption({
    name: 'listen-metrics-urls',
    type: listenUrls,
    derivedDefault: 'none',
    summary: 'Where this member answers for metrics and health, beside where it listens for clients.',
    reason:
      'For monitoring that must not reach the data: only `/metrics`, `/health`, `/livez`, `/readyz` and `/version` are served there.',
  }),
  listenPeerUrls: option({
    name: 'listen-peer-urls',
    type: listenUrls,
    default: ['http://127.0.0.1:2380'],
    summary: 'Where this member listens for the other members.',
    reason: 'By default only this machine can connect. Reach beyond it only over a network that you trust.',
  }),
  initialAdvertisePeerUrls: derivedOption({
    name: 'initial-advertise-peer-urls',
    type: advertiseUrls,
    derivedDefault: 'where it listens for the other members',
    summary: 'The URL that the other members use for this one when the cluster is founded.',
    reason:
      'Must be the one that initial-cluster gives for this member; state it if that is not where it listens.',
  }),
  initialCluster: derivedOption({
    name: 'initial-cluster',
    type: foundingMembers,
    derivedDefault: 'this member alone',
    summary: 'All members that found the cluster, this one included.',
    reason:
      'Must be the same for each of them, because the identities of the members and of the cluster are derived from it.',
  }),
  discoverySrv: derivedOption({
    name: 'discovery-srv',
    type: dnsName(/^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/i, 'DOMAIN', 'example.com'),
    derivedDefault: 'none',
    summary: 'A domain whose SRV records name the members, in place of initial-cluster.',
    reason:
      'A member with an empty data directory asks once for `_etcd-server._tcp.DOMAIN`, as etcd does; later starts ask nothing. One of the records must lead to initial-advertise-peer-urls. The identity of a member is derived from the host and the port in its record instead of its name, so all founding members must see the same records.',
  }),
  discoverySrvName: derivedOption({
    name: 'discovery-srv-name',
    type: dnsName(/^[a-z0-9_-]{1,40}$/i, 'SUFFIX', 'staging'),
    derivedDefault: 'none',
    summary: 'What the name of those records ends with: `_etcd-server-SUFFIX._tcp.DOMAIN`.',
    reason: 'For several clusters in one domain.',
  }),
  initialClusterState: option({
    name: 'initial-cluster-state',
    type: choice(['new', 'existing']),
    default: 'new',
    summary: 'Whether a member with an empty data directory founds a cluster or joins one.',
    reason:
      '`existing` asks the other members in initial-cluster who this member is, which must have been added first (`quorate member add`). Later starts ignore it: the data directory knows.',
  }),
  initialClusterToken: option({
    name: 'initial-cluster-token',
    type: text('TOKEN'),
    default: 'quorate-cluster',
    summary: 'A word that goes into the identities of the cluster and its members.',
    reason:
      'Give each cluster its own, so that members of two clusters with the same addresses never take each other for peers.',
  }),
  engine: option({
    name: 'engine',
    type: choice(['sqlite', 'lmdb', 'memory']),
    default: 'sqlite',
    summary: 'What keeps the data of the state machine.',
    reason:
      'All of them lose nothing, because the durable log restores what they miss. `sqlite` needs nothing installed, `lmdb` is quicker and needs a native package, `memory` loads its last snapshot and the log at each start.',
  }),
  replication: option({
    name: 'replication',
    type: choice(['pipelined', 'vanilla'], {
      nilext: 'nilext is not built yet; use pipelined, which it will extend',
    }),
    default: 'pipelined',
    summary: 'How entries travel from the leader to its followers.',
    reason:
      '`vanilla` is Raft as in figure 2 of the paper: one entry and one request at a time, written before it is sent. It is there to compare with; choose the same for all members.',
  }),
  reads: option({
    name: 'reads',
    type: choice(['read-index', 'lease']),
    default: 'read-index',
    summary: 'How a linearizable read makes sure that it sees the latest write.',
    reason:
      '`read-index` asks a majority, for many reads at once. `lease` saves that round trip and is right only while the clocks of the members run at nearly the same speed, and while no host is suspended: a leader whose machine is paused, or moved to another while it runs, may answer once with what was true before.',
  }),
  heartbeatInterval: option({
    name: 'heartbeat-interval',
    type: wholeNumber({ min: 10, max: 10_000, unit: 'milliseconds', placeholder: 'MS' }),
    default: 100,
    summary: 'How often a leader tells its followers that it lives.',
    reason: 'About one round trip between the members is right. The same for all members.',
  }),
  electionTimeout: option({
    name: 'election-timeout',
    type: wholeNumber({ min: 50, max: 50_000, unit: 'milliseconds', placeholder: 'MS' }),
    default: 1000,
    summary: 'How long a follower waits for its leader before it campaigns.',
    reason:
      'Shorter ends an outage sooner, longer tolerates slow networks and busy machines. At least five heartbeat intervals, and the same for all members.',
  }),
  snapshotCount: option({
    name: 'snapshot-count',
    type: wholeNumber({ min: 1, max: 1_000_000_000, unit: 'entries', placeholder: 'N' }),
    default: defaultCompactionPolicy.entries,
    summary: 'After how many applied entries the log is compacted.',
    reason:
      'A compaction costs one flush of the engine to the disk; with engine `memory` it writes all data to a snapshot, so there it also waits until the log has grown by half of that.',
  }),
  snapshotLogBytes: option({
    name: 'snapshot-log-bytes',
    type: byteSize({ min: 1024, max: 1024 * 1024 * 1024 * 1024 }),
    default: defaultCompactionPolicy.bytes,
    summary: 'After how many bytes of entries the log is compacted, if that comes first.',
    reason: 'The log takes about this much disk space, plus what stays of it, plus two segments of 64 MiB.',
  }),
  snapshotCatchupEntries: option({
    name: 'snapshot-catchup-entries',
    type: wholeNumber({ min: 0, max: 1_000_000_000, unit: 'entries', placeholder: 'N' }),
    default: defaultCompactionPolicy.tailEntries,
    summary: 'How many applied entries stay in the log when it is compacted.',
    reason: 'A follower that was away for no longer than they took needs no snapshot.',
  }),
  snapshotCatchupBytes: option({
    name: 'snapshot-catchup-bytes',
    type: byteSize({ min: 0, max: 1024 * 1024 * 1024 * 1024 }),
    default: defaultCompactionPolicy.tailBytes,
    summary: 'How many bytes those entries may take; beyond that, fewer of them stay.',
    reason: 'It keeps large entries from keeping the log large.',
  }),
  maxRequestBytes: option({
    name: 'max-request-bytes',
    type: byteSize({ min: 1024, max: 16 * 1024 * 1024 }),
    default: 1.5 * 1024 * 1024,
    summary: 'The largest write that is accepted, keys and values together.',
    reason:
      'Each one passes through the log and the network as a whole; large ones delay all that come after them.',
  }),
  quotaBackendBytes: option({
    name: 'quota-backend-bytes',
    type: byteSize({ min: 1024 * 1024, max: 1024 * 1024 * 1024 * 1024 }),
    default: quotaDefaultBytes,
    summary: 'How many bytes of the state machine may be in use.',
    reason:
      'Beyond it the alarm NOSPACE is raised, and every member refuses writes that take space, until keys are deleted and compacted; then it clears itself. The index of all keys is in memory, and a new member copies everything, so above 8 GiB there is a warning.',
  }),
  corruptionCheckInterval: option({
    name: 'corruption-check-interval',
    type: wholeNumber({ min: 10, max: 3_600_000, unit: 'milliseconds', placeholder: 'MS' }),
    default: 1000,
    summary: 'How long the leader waits between comparing two slices of its records with the others.',
    reason:
      'A slice has up to 1,024 records and costs each member a few milliseconds. A million of them are compared in about a quarter of an hour, over and over.',
  }),
  autoCompactionMode: option({
    name: 'auto-compaction-mode',
    type: choice(['periodic', 'revision']),
    default: 'periodic',
    summary: 'Whether old revisions are compacted by their age or by their number.',
    reason:
      '`periodic` keeps what was current within the time that auto-compaction-retention says, `revision` so many of the latest revisions.',
  }),
  autoCompactionRetention: option({
    name: 'auto-compaction-retention',
    type: retention,
    default: { kind: 'number', number: 0 },
    summary: 'How much of the past stays readable; 0 keeps everything until somebody compacts it.',
    reason:
      'With `periodic` a time such as `30m`, or a number of hours; with `revision` a number of revisions. A history that nobody cuts grows with each write, and fills memory and disk.',
  }),
  maxTxnOps: option({
    name: 'max-txn-ops',
    type: wholeNumber({ min: 1, max: 10_000, unit: 'operations', placeholder: 'N' }),
    default: 128,
    summary: 'The most operations in one branch of a transaction.',
    reason: 'A transaction is applied in one go, and everything else waits for it.',
  }),
  watchProgressNotifyInterval: option({
    name: 'watch-progress-notify-interval',
    type: duration({ minMs: 100, maxMs: 24 * 60 * 60 * 1000 }),
    default: 10 * 60 * 1000,
    summary: 'How often watchers that ask for it are told how far they have seen everything.',
    reason:
      'Up to a tenth longer by chance. It lets clients of quiet keys resume at a recent revision, before that is compacted.',
  }),
  backupDir: derivedOption({
    name: 'backup-dir',
    type: text('DIR'),
    derivedDefault: 'none: no backups are made',
    summary: 'A directory to save backups to, regularly.',
    reason:
      'Best on another disk, or one that is copied away: a backup beside the data is lost with it. One member of a cluster is enough; a second one covers for its absence.',
  }),
  backupInterval: option({
    name: 'backup-interval',
    type: duration({ minMs: 10_000, maxMs: 30 * 24 * 60 * 60 * 1000 }),
    default: 60 * 60 * 1000,
    summary: 'How often a backup is saved to `backup-dir`.',
    reason: 'What was written since the last backup is lost with the cluster.',
  }),
  backupKeep: option({
    name: 'backup-keep',
    type: wholeNumber({ min: 1, max: 10_000, unit: 'backups', placeholder: 'N' }),
    default: 24,
    summary: 'How many backups stay in `backup-dir`, the newest.',
    reason: 'Each is as large as the data. Only files of this member are removed.',
  }),
  logLevel: option({
    name: 'log-level',
    type: choice(['trace', 'debug', 'info', 'warn', 'error']),
    default: 'info',
    summary: 'The least important kind of message that is still logged.',
    reason: '`info` tells of elections, leaders and connections; `debug` adds what each peer does.',
  }),
  logFormat: option({
    name: 'log-format',
    type: choice(['auto', 'pretty', 'json']),
    default: 'auto',
    summary: 'How messages are logged, on the standard error stream.',
    reason:
      '`pretty` is one line for people, `json` one object a line for programs. `auto` means pretty on a terminal.',
  }),
} as const;

/** The option that names the configuration file. Apart from the others, since a file cannot name itself. */
export const configFileOption: DerivedOption<string> = derivedOption({
  name: 'config-file',
  type: text('FILE'),
  derivedDefault: 'none',
  summary: 'A YAML or JSON file with options.',
  reason: 'Its keys are the names of the options. Flags and environment variables override it.',
});

export type OptionKey = keyof typeof options;

/** What was stated for each option, by whichever source; an option that nobody mentioned is absent. */
export type StatedOptions = {
  readonly [Key in OptionKey]?: (typeof options)[Key] extends Option<infer T> ? T : never;
};
