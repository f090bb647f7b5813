import assert from 'node:assert/strict';
import type { Clock } from '@quorate/replica';
import { clusterIdentity } from '../configuration/cluster-identity.ts';
import { MalformedValue } from '../configuration/configuration-error.ts';
import { type FoundingMember, foundingMembersMax } from '../configuration/founding-members.ts';
import { parseAdvertisedUrl, parseUrl } from '../configuration/network-address.ts';
import type { ServerConfiguration } from '../configuration/server-configuration.ts';
import { ServerError } from '../server-error.ts';
import type { Dns } from './dns.ts';

export type DiscoveryParts = {
  readonly dns: Dns;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
};

/** How long discovery may take in all, in milliseconds. */
export const discoveryTimeoutMs = 10_000;

/**
 * Completes the configuration of a member that is to find the others by DNS (`discovery-srv`) with the members that
 * the SRV records name, as etcd does. One that is to do nothing of the kind is returned as it is.
 *
 * etcd leaves the names of the others open, but here identities are derived from names, on all founding members
 * alike. So the founding name of each is what its record says, `HOST:PORT`; `name` is published when a member runs.
 * Where a cluster is joined, the members found are whom to ask, and this one need not be among them.
 *
 * Rejects with a ServerError: `discovery-failed`, or `start-cancelled`.
 */
export async function discoverMembers(
  configuration: ServerConfiguration,
  parts: DiscoveryParts,
): Promise<ServerConfiguration> {
  const { discovery, initialClusterState, initialClusterToken } = configuration;
  if (discovery === null) return configuration;
  return inTime(parts, async () => {
    const initialCluster = await findMembers(discovery, parts.dns);
    if (initialClusterState === 'existing') return { ...configuration, initialCluster };
    const { peerUrl } = await findOwn(initialCluster, configuration, parts.dns);
    const { clusterId, members } = clusterIdentity(initialClusterToken, initialCluster);
    const own = members.find(({ peerUrls }) => peerUrls.includes(peerUrl));
    assert(own !== undefined && new Set(members.map(({ id }) => id)).size === initialCluster.length);
    return { ...configuration, initialCluster, members, clusterId, memberId: own.id };
  });
}

type Discovery = NonNullable<ServerConfiguration['discovery']>;

function recordName(service: string, { domain, suffix }: Discovery): string {
  return `_${service}${suffix === null ? '' : `-${suffix}`}._tcp.${domain}`;
}

/** In an order of their own: name servers rotate theirs. */
async function findMembers(discovery: Discovery, dns: Dns): Promise<readonly FoundingMember[]> {
  const plain = recordName('etcd-server', discovery);
  const members = new Map<string, FoundingMember>();
  for (const { host, port } of await ask(plain, async () => dns.services(plain))) {
    const bareHost = host.replace(/\.$/, '');
    // So a record says that there is no such service (RFC 2782).
    if (bareHost === '') continue;
    const peerUrl = peerUrlOf(bareHost, port, plain);
    members.set(peerUrl, { name: peerUrl.slice('http://'.length), peerUrl });
  }
  if (members.size > foundingMembersMax) {
    throw failure(`${plain} names ${members.size} members; a cluster has at most ${foundingMembersMax}`);
  }
  if (members.size > 0) {
    return [...members.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
  }
  const secure = recordName('etcd-server-ssl', discovery);
  if ((await ask(secure, async () => dns.services(secure))).length > 0) {
    throw failure(
      `only ${secure} has records, and members do not talk by TLS yet; add records for ${plain}, or state initial-cluster`,
    );
  }
  throw failure(
    `${plain} has no SRV records; add one for each member, or correct discovery-srv and discovery-srv-name`,
  );
}

function peerUrlOf(host: string, port: number, name: string): string {
  try {
    return parseAdvertisedUrl(`http://${host}:${port}`);
  } catch (error) {
    if (!(error instanceof MalformedValue)) throw error;
    throw failure(`${name} has a record that names no place to connect to: ${error.message}`);
  }
}

/** By its URL; or else, as etcd has it, by the address and the port that its URL leads to. */
async function findOwn(
  members: readonly FoundingMember[],
  { initialAdvertisePeerUrls: [advertised = ''] }: ServerConfiguration,
  dns: Dns,
): Promise<FoundingMember> {
  const named = members.find(({ peerUrl }) => peerUrl === advertised);
  if (named !== undefined) return named;
  const { host, port } = parseUrl(advertised);
  const own = new Set(await ask(host, async () => dns.addresses(host)));
  const matching: FoundingMember[] = [];
  for (const member of members) {
    const place = parseUrl(member.peerUrl);
    if (place.port !== port) continue;
    const addresses = await ask(place.host, async () => dns.addresses(place.host));
    if (addresses.some((address) => own.has(address))) matching.push(member);
  }
  const [only] = matching;
  if (only !== undefined && matching.length === 1) return only;
  const urls = (only === undefined ? members : matching).map(({ peerUrl }) => peerUrl).join(', ');
  throw failure(
    only === undefined
      ? `this member, at ${advertised}, is not among those that DNS names, ${urls}; correct initial-advertise-peer-urls or the records`
      : `several records lead to ${advertised}: ${urls}; set initial-advertise-peer-urls to the one that is meant`,
  );
}

async function ask<Answer>(name: string, question: () => Promise<Answer>): Promise<Answer> {
  try {
    return await question();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw failure(
      `looking up ${name} failed: ${reason}; check this host's name servers and try again`,
      error,
    );
  }
}

async function inTime<Result>(
  { dns, clock, signal }: DiscoveryParts,
  work: () => Promise<Result>,
): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const cancelled = (): void => reject(new ServerError('start-cancelled', 'the start was called off'));
  if (signal?.aborted === true) cancelled();
  signal?.addEventListener('abort', cancelled, { once: true });
  const timer = clock.setTimer(discoveryTimeoutMs, () => {
    reject(
      failure(
        `DNS did not answer within ${discoveryTimeoutMs} ms; check this host's name servers and try again`,
      ),
    );
  });
  work().then(resolve, reject);
  try {
    return await promise;
  } finally {
    timer.cancel();
    signal?.removeEventListener('abort', cancelled);
    dns.cancel();
  }
}

function failure(message: string, cause?: unknown): ServerError {
  return new ServerError('discovery-failed', `the members cannot be discovered: ${message}`, cause);
}
