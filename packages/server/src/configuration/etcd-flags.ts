/**
 * What a flag of etcd is here.
 *
 * - `same`: an option that means the same.
 * - `differs`: an option that differs in what the note says.
 * - `idle`: taken and changes nothing; the note says why there is nothing to change.
 * - `fixed`: taken with etcd's default only, which is how things are here; the note says what else is refused.
 */
export type EtcdFlagKind = 'same' | 'differs' | 'idle' | 'fixed';

export type EtcdFlag = {
  readonly name: string;
  /** Of etcd. Empty if etcd's is. */
  readonly default: string;
  readonly kind: EtcdFlagKind;
  /** For a sentence that begins with the flag, such as `--wal-dir is not supported: NOTE`. */
  readonly note: string;
};

const tls = 'there is no TLS yet; use a network that you trust, or a proxy that ends TLS';
const auth = 'there is no authentication yet';
const discovery = 'members are named by initial-cluster or discovery-srv, or added to a cluster that runs';
const bbolt = 'it tunes a storage engine of etcd';
const tracing = 'traces are not exported';

/** Every flag of etcd 3.6, in the order of its help. */
export const etcdFlags: readonly EtcdFlag[] = [
  same('name', 'default'),
  differs('data-dir', '${name}.etcd', 'the default is `NAME.quorate`, so that nothing of etcd is touched'),
  fixed('wal-dir', '', 'the log is in data-dir'),
  differs('snapshot-count', '10000', 'the default is 100000, and `snapshot-log-bytes` counts as well'),
  same('heartbeat-interval', '100'),
  same('election-timeout', '1000'),
  idle('initial-election-tick-advance', 'true', 'a member that starts alone campaigns at once'),
  same('listen-peer-urls', 'http://localhost:2380'),
  same('listen-client-urls', 'http://localhost:2379'),
  fixed('listen-client-http-urls', '', 'gRPC and HTTP share the ports of listen-client-urls'),
  idle('max-snapshots', '5', 'old snapshots are removed as soon as a newer one is safe'),
  idle('max-wals', '5', 'the log is cut as soon as it is not needed'),
  idle('memory-mlock', 'false', bbolt),
  differs('quota-backend-bytes', '0', 'units such as `2GiB` are understood; 0 is not, the default is 2GiB'),
  idle('backend-bbolt-freelist-type', 'map', bbolt),
  idle('backend-batch-interval', '', bbolt),
  idle('backend-batch-limit', '0', bbolt),
  same('max-txn-ops', '128'),
  same('max-request-bytes', '1572864'),
  idle(
    'max-concurrent-streams',
    '4294967295',
    'a connection carries 2048 calls at a time, 1024 of them streams',
  ),
  fixed('enable-grpc-gateway', 'true', 'the gateway is always there'),
  idle('grpc-keepalive-min-time', '5s', 'clients may ask for a sign of life as often as they like'),
  fixed('grpc-keepalive-interval', '2h', 'the interval cannot be changed'),
  fixed('grpc-keepalive-timeout', '20s', 'the timeout cannot be changed'),
  fixed('socket-reuse-port', 'false', 'a port belongs to one member'),
  idle('socket-reuse-address', 'false', 'addresses in TIME_WAIT can always be bound'),
  idle('raft-read-timeout', '5s', 'connections between members are watched by pings'),
  idle('raft-write-timeout', '5s', 'connections between members are watched by pings'),
  idle('feature-gates', '', 'there are no features of etcd to switch'),
  same('initial-advertise-peer-urls', 'http://localhost:2380'),
  same('initial-cluster', 'default=http://localhost:2380'),
  same('initial-cluster-state', 'new'),
  differs('initial-cluster-token', 'etcd-cluster', 'the default is `quorate-cluster`'),
  same('advertise-client-urls', 'http://localhost:2379'),
  fixed('discovery', '', discovery),
  fixed('discovery-token', '', discovery),
  fixed('discovery-endpoints', '', discovery),
  idle('discovery-dial-timeout', '2s', discovery),
  idle('discovery-request-timeout', '5s', discovery),
  idle('discovery-keepalive-time', '2s', discovery),
  idle('discovery-keepalive-timeout', '6s', discovery),
  idle('discovery-insecure-transport', 'true', discovery),
  idle('discovery-insecure-skip-tls-verify', 'false', discovery),
  fixed('discovery-cert', '', discovery),
  fixed('discovery-key', '', discovery),
  fixed('discovery-cacert', '', discovery),
  fixed('discovery-user', '', discovery),
  fixed('discovery-password', '', discovery),
  idle('discovery-fallback', 'exit', discovery),
  fixed('discovery-proxy', '', discovery),
  differs('discovery-srv', '', 'records for TLS (`_etcd-server-ssl`) are not used: there is no TLS yet'),
  same('discovery-srv-name', ''),
  fixed(
    'strict-reconfig-check',
    'true',
    'changes of members that would lose the majority are always refused',
  ),
  fixed('pre-vote', 'true', 'there is always a pre-vote'),
  same('auto-compaction-retention', '0'),
  same('auto-compaction-mode', 'periodic'),
  idle('v2-deprecation', 'write-only', 'there has never been a v2 API'),
  fixed('cert-file', '', tls),
  fixed('key-file', '', tls),
  fixed('client-cert-auth', 'false', tls),
  fixed('client-cert-file', '', tls),
  fixed('client-key-file', '', tls),
  fixed('client-crl-file', '', tls),
  fixed('client-cert-allowed-hostname', '', tls),
  fixed('trusted-ca-file', '', tls),
  fixed('auto-tls', 'false', tls),
  fixed('peer-cert-file', '', tls),
  fixed('peer-key-file', '', tls),
  fixed('peer-client-cert-auth', 'false', tls),
  fixed('peer-client-cert-file', '', tls),
  fixed('peer-client-key-file', '', tls),
  fixed('peer-trusted-ca-file', '', tls),
  fixed('peer-cert-allowed-cn', '', tls),
  fixed('peer-cert-allowed-hostname', '', tls),
  fixed('peer-auto-tls', 'false', tls),
  idle('self-signed-cert-validity', '1', tls),
  fixed('peer-crl-file', '', tls),
  fixed('cipher-suites', '', tls),
  fixed('cors', '*', 'no headers for other origins are sent'),
  fixed('host-whitelist', '*', 'the Host header of requests is not looked at'),
  fixed('tls-min-version', 'TLS1.2', tls),
  fixed('tls-max-version', '', tls),
  fixed('auth-token', 'simple', auth),
  idle('bcrypt-cost', '10', auth),
  idle('auth-token-ttl', '300', auth),
  fixed('enable-pprof', 'false', 'there is no Go runtime to profile; Node.js has `--cpu-prof`'),
  idle('metrics', 'basic', 'all metrics are always there'),
  differs('listen-metrics-urls', '', '`/version` is served there, too'),
  idle('logger', 'zap', 'the log is structured'),
  idle('log-outputs', 'default', 'the log goes to the standard error stream'),
  differs('log-level', 'info', '`trace` is added; `panic` and `fatal` are not known'),
  differs(
    'log-format',
    'json',
    '`json`, or `pretty` where etcd has `console`; by default what fits the terminal',
  ),
  fixed('enable-log-rotation', 'false', 'whoever takes the standard error stream rotates it'),
  idle('log-rotation-config-json', '', 'whoever takes the standard error stream rotates it'),
  idle('warning-unary-request-duration', '300ms', 'slow requests are counted by metrics and not logged'),
  fixed('enable-distributed-tracing', 'false', tracing),
  idle('distributed-tracing-address', 'localhost:4317', tracing),
  idle('distributed-tracing-service-name', 'etcd', tracing),
  idle('distributed-tracing-instance-id', '', tracing),
  idle('distributed-tracing-sampling-rate', '0', tracing),
  idle('experimental-initial-corrupt-check', 'false', 'what is read from the disk is always checked'),
  idle('corrupt-check-time', '0s', 'members compare their data by themselves'),
  idle('experimental-compact-hash-check-enabled', 'false', 'members compare their data by themselves'),
  idle('compact-hash-check-time', '1m', 'members compare their data by themselves'),
  idle(
    'experimental-enable-lease-checkpoint',
    'false',
    'what remains of leases is always kept through a change of leaders',
  ),
  idle(
    'experimental-enable-lease-checkpoint-persist',
    'false',
    'what remains of leases is always kept through a change of leaders',
  ),
  idle('compaction-batch-limit', '1000', 'compaction gives way to other work by itself'),
  idle('compaction-sleep-interval', '10ms', 'compaction gives way to other work by itself'),
  fixed('peer-skip-client-san-verification', 'false', tls),
  same('watch-progress-notify-interval', '10m'),
  idle('warning-apply-duration', '100ms', 'slow work is measured by metrics and not logged'),
  idle('experimental-txn-mode-write-with-shared-buffer', 'true', bbolt),
  idle('bootstrap-defrag-threshold-megabytes', '0', bbolt),
  fixed('max-learners', '1', 'a cluster has one learner at a time'),
  idle('downgrade-check-time', '5s', 'there is no downgrade to watch'),
  same('snapshot-catchup-entries', '5000'),
  idle('experimental-stop-grpc-service-on-defrag', 'false', 'the service goes on while space is freed'),
  fixed('force-new-cluster', 'false', 'a cluster that lost its majority is restored from a backup'),
  fixed('unsafe-no-fsync', 'false', 'what is acknowledged is on the disk'),
];

const byName: ReadonlyMap<string, EtcdFlag> = new Map(etcdFlags.map((flag) => [flag.name, flag]));

/** The prefix that etcd's flags had while they were new, and that it still takes. */
const experimental = 'experimental-';

/** The flag of etcd that is called so, now or while it was experimental. */
export function findEtcdFlag(name: string): EtcdFlag | null {
  const flag = byName.get(name);
  if (flag !== undefined) return flag;
  return (name.startsWith(experimental) && byName.get(name.slice(experimental.length))) || null;
}

/** Flags that may stand without a value, and then mean `true`. */
export function isSwitch(flag: EtcdFlag): boolean {
  return flag.default === 'true' || flag.default === 'false';
}

function same(name: string, etcdDefault: string): EtcdFlag {
  return { name, default: etcdDefault, kind: 'same', note: '' };
}

function differs(name: string, etcdDefault: string, note: string): EtcdFlag {
  return { name, default: etcdDefault, kind: 'differs', note };
}

function idle(name: string, etcdDefault: string, note: string): EtcdFlag {
  return { name, default: etcdDefault, kind: 'idle', note };
}

function fixed(name: string, etcdDefault: string, note: string): EtcdFlag {
  return { name, default: etcdDefault, kind: 'fixed', note };
}
