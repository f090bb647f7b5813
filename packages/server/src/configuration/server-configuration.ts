import type { MemberAddress, MemberId } from '@quorate/raft';
import type { AutoCompactionPolicy } from '@quorate/replica';
import { clusterIdentity } from './cluster-identity.ts';
import { ConfigurationError, type ConfigurationProblem } from './configuration-error.ts';
import type { FoundingMember } from './founding-members.ts';
import { isWildcard, parseUrl } from './network-address.ts';
import { options, type OptionKey, type StatedOptions } from './options.ts';

/** How one member runs. Complete and consistent: whoever holds one need not check it again. */
export type ServerConfiguration = Required<
  Omit<
    StatedOptions,
    | 'advertiseClientUrls'
    | 'backupDir'
    | 'autoCompactionMode'
    | 'autoCompactionRetention'
    | 'discoverySrv'
    | 'discoverySrvName'
  >
> & {
  /** Null: only who asks for it compacts. */
  readonly autoCompaction: AutoCompactionPolicy | null;
  /** Null: no backups are made. */
  readonly backupDir: string | null;
  /** Null: the addresses that the client listeners turn out to have. */
  readonly advertiseClientUrls: readonly string[] | null;
  /**
   * Where DNS names the members (`discoverMembers`); null: `initialCluster` does. Until it was asked, `initialCluster`,
   * `members` and the ids are those of this member alone, which nobody may found a cluster with.
   */
  readonly discovery: { readonly domain: string; readonly suffix: string | null } | null;
  readonly memberId: MemberId;
  readonly clusterId: bigint;
  /** The founding members, this one included, sorted by id. */
  readonly members: readonly MemberAddress[];
};

/** At least so many heartbeats fit into an election timeout: a single lost one must not end a leader's term. */
const heartbeatsPerElectionTimeoutMin = 5;

/**
 * Fills in the defaults, asserts the relations between options and derives the identities. Throws
 * `ConfigurationError`.
 */
export function completeConfiguration(stated: StatedOptions): ServerConfiguration {
  const problems: ConfigurationProblem[] = [];
  const name = stated.name ?? options.name.default;
  const listenClientUrls = stated.listenClientUrls ?? options.listenClientUrls.default;
  const listenPeerUrls = stated.listenPeerUrls ?? options.listenPeerUrls.default;
  const peerUrls =
    stated.initialAdvertisePeerUrls ?? advertisedPeerUrls(stated, name, listenPeerUrls, problems);
  const initialCluster = stated.initialCluster ?? peerUrls.map((peerUrl) => ({ name, peerUrl }));
  const complete = {
    name,
    dataDir: stated.dataDir ?? `${name}.quorate`,
    listenClientUrls,
    advertiseClientUrls: stated.advertiseClientUrls ?? null,
    listenMetricsUrls: stated.listenMetricsUrls ?? [],
    listenPeerUrls,
    initialAdvertisePeerUrls: peerUrls,
    initialCluster,
    discovery: discoveryOf(stated, peerUrls, problems),
    initialClusterState: stated.initialClusterState ?? options.initialClusterState.default,
    initialClusterToken: stated.initialClusterToken ?? options.initialClusterToken.default,
    engine: stated.engine ?? options.engine.default,
    replication: stated.replication ?? options.replication.default,
    reads: stated.reads ?? options.reads.default,
    heartbeatInterval: stated.heartbeatInterval ?? options.heartbeatInterval.default,
    electionTimeout: stated.electionTimeout ?? options.electionTimeout.default,
    ...completeCompaction(stated),
    maxRequestBytes: stated.maxRequestBytes ?? options.maxRequestBytes.default,
    quotaBackendBytes: stated.quotaBackendBytes ?? options.quotaBackendBytes.default,
    corruptionCheckInterval: stated.corruptionCheckInterval ?? options.corruptionCheckInterval.default,
    autoCompaction: autoCompactionOf(stated, problems),
    maxTxnOps: stated.maxTxnOps ?? options.maxTxnOps.default,
    watchProgressNotifyInterval:
      stated.watchProgressNotifyInterval ?? options.watchProgressNotifyInterval.default,
    backupDir: stated.backupDir ?? null,
    backupInterval: stated.backupInterval ?? options.backupInterval.default,
    backupKeep: stated.backupKeep ?? options.backupKeep.default,
    logLevel: stated.logLevel ?? options.logLevel.default,
    logFormat: stated.logFormat ?? options.logFormat.default,
  };
  checkTiming(complete.heartbeatInterval, complete.electionTimeout, problems);
  if (problems.length === 0) checkOwnPlace(name, peerUrls, initialCluster, problems);
  checkReachable(listenClientUrls, complete.advertiseClientUrls, problems);
  const identity = clusterIdentity(complete.initialClusterToken, initialCluster);
  const own = identity.members.find((member) => member.name === name);
  checkDistinct(identity.members, problems);
  if (problems.length > 0 || own === undefined) throw new ConfigurationError(problems);
  return { ...complete, memberId: own.id, clusterId: identity.clusterId, members: identity.members };
}

function completeCompaction(stated: StatedOptions) {
  return {
    snapshotCount: stated.snapshotCount ?? options.snapshotCount.default,
    snapshotLogBytes: stated.snapshotLogBytes ?? options.snapshotLogBytes.default,
    snapshotCatchupEntries: stated.snapshotCatchupEntries ?? options.snapshotCatchupEntries.default,
    snapshotCatchupBytes: stated.snapshotCatchupBytes ?? options.snapshotCatchupBytes.default,
  };
}

/** Where the others reach this member if nobody says: its place in the cluster, or else where it listens. */
function advertisedPeerUrls(
  stated: StatedOptions,
  name: string,
  listenPeerUrls: readonly string[],
  problems: ConfigurationProblem[],
): readonly string[] {
  const place = stated.initialCluster?.find((member) => member.name === name);
  if (place !== undefined) return [place.peerUrl];
  const vague = listenPeerUrls.find((url) => isVague(url));
  if (vague !== undefined) {
    problems.push(between(`${vague} cannot be connected to; state ${key('initialAdvertisePeerUrls')}`));
  }
  return listenPeerUrls.slice(0, 1);
}

function discoveryOf(
  { discoverySrv: domain = '', discoverySrvName: suffix = '', initialCluster }: StatedOptions,
  peerUrls: readonly string[],
  problems: ConfigurationProblem[],
): ServerConfiguration['discovery'] {
  if (domain === '') {
    if (suffix !== '') {
      problems.push(between(`${key('discoverySrvName')} means nothing without ${key('discoverySrv')}`));
    }
    return null;
  }
  if (initialCluster !== undefined) {
    problems.push(
      between(`${key('discoverySrv')} and ${key('initialCluster')} both name the members; state one of them`),
    );
  }
  if (peerUrls.length > 1) problems.push(severalPeerUrls(peerUrls));
  return { domain, suffix: suffix === '' ? null : suffix };
}

function autoCompactionOf(
  stated: StatedOptions,
  problems: ConfigurationProblem[],
): AutoCompactionPolicy | null {
  const mode = stated.autoCompactionMode ?? options.autoCompactionMode.default;
  const retention = stated.autoCompactionRetention ?? options.autoCompactionRetention.default;
  if (retention.kind === 'number' && retention.number === 0) return null;
  if (mode === 'periodic') {
    const retentionMs = retention.kind === 'time' ? retention.ms : retention.number * 3_600_000;
    return { mode, retentionMs };
  }
  if (retention.kind === 'number') return { mode, revisions: retention.number };
  problems.push(
    between(
      `${key('autoCompactionRetention')} is a time, but with ${key('autoCompactionMode')} revision it must be a number of revisions`,
    ),
  );
  return null;
}

function checkTiming(
  heartbeatInterval: number,
  electionTimeout: number,
  problems: ConfigurationProblem[],
): void {
  const electionTimeoutMin = heartbeatInterval * heartbeatsPerElectionTimeoutMin;
  if (electionTimeout >= electionTimeoutMin) return;
  problems.push(
    between(
      `${key('electionTimeout')} (${electionTimeout} ms) must be at least ${heartbeatsPerElectionTimeoutMin} times ${key('heartbeatInterval')} (${heartbeatInterval} ms); set it to ${electionTimeoutMin} or more`,
    ),
  );
}

/** This member must stand in the cluster under its own name, and with the URL that it says is its own. */
function checkOwnPlace(
  name: string,
  peerUrls: readonly string[],
  initialCluster: readonly FoundingMember[],
  problems: ConfigurationProblem[],
): void {
  const place = initialCluster.find((member) => member.name === name);
  if (place === undefined) {
    const names = initialCluster.map((member) => member.name).join(', ');
    problems.push(
      between(
        `${key('name')} ${name} is not in ${key('initialCluster')}, which names ${names}; correct one of them`,
      ),
    );
  } else if (peerUrls.length > 1) {
    problems.push(severalPeerUrls(peerUrls));
  } else if (peerUrls[0] !== place.peerUrl) {
    problems.push(
      between(
        `${key('initialAdvertisePeerUrls')} is ${peerUrls.join(',')}, but ${key('initialCluster')} gives ${name} the URL ${place.peerUrl}; they must be the same`,
      ),
    );
  }
}

function severalPeerUrls(peerUrls: readonly string[]): ConfigurationProblem {
  return between(`${key('initialAdvertisePeerUrls')} names ${peerUrls.length} URLs; a member has one so far`);
}

function checkReachable(
  listenClientUrls: readonly string[],
  advertiseClientUrls: readonly string[] | null,
  problems: ConfigurationProblem[],
): void {
  const wildcard = listenClientUrls.find((url) => isWildcard(parseUrl(url).host));
  if (wildcard === undefined || advertiseClientUrls !== null) return;
  problems.push(between(`clients cannot connect to ${wildcard}; state ${key('advertiseClientUrls')}`));
}

/** Two members with one id would be one member with two votes. Hashes make that improbable, not impossible. */
function checkDistinct(members: readonly MemberAddress[], problems: ConfigurationProblem[]): void {
  for (const [position, member] of members.entries()) {
    const other = members[position + 1];
    if (other !== undefined && other.id === member.id) {
      problems.push(
        between(`${member.name} and ${other.name} get the same id; change ${key('initialClusterToken')}`),
      );
    }
  }
}

function isVague(url: string): boolean {
  const address = parseUrl(url);
  return isWildcard(address.host) || address.port === 0;
}

function key(option: OptionKey): string {
  return options[option].name;
}

function between(message: string): ConfigurationProblem {
  return { source: null, message };
}
