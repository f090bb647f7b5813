import type { LogIndex, MemberAddress, MemberId } from '@quorate/raft';
import type { Clock, Logger, Peer } from '@quorate/replica';
import type { FoundingMember } from '../configuration/founding-members.ts';
import { parseUrl } from '../configuration/network-address.ts';
import { type ClusterDescription, inquire } from '../peer/inquiry.ts';
import { ServerError } from '../server-error.ts';

export type JoinOptions = {
  readonly name: string;
  /** The URL by which this member was added. */
  readonly peerUrl: string;
  /** Whom to ask: the members of `initial-cluster`. This member's own URL among them is passed over. */
  readonly members: readonly FoundingMember[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal | undefined;
  readonly limits?: JoinLimits;
};

/** Milliseconds, but for the count of rounds. */
export type JoinLimits = {
  readonly answerTimeoutMs: number;
  readonly retryMs: number;
  /** How often the members are asked before the member gives up. */
  readonly roundsMax: number;
};

export const defaultJoinLimits: JoinLimits = { answerTimeoutMs: 2_000, retryMs: 1_000, roundsMax: 30 };

/** Who this member is in the cluster that it joins. */
export type Joined = {
  readonly clusterId: bigint;
  readonly memberId: MemberId;
  readonly joinedAt: LogIndex;
  /** The other members by the configuration at that index. */
  readonly joinedPeers: readonly Peer[];
};

type Asked = { readonly url: string } & (
  | { readonly description: ClusterDescription }
  | { readonly problem: string }
);

/**
 * Asks the members of a cluster who this member is: the cluster decided that when the member was added. Nothing
 * has been written by then. Waits for members that do not answer, but not for one that has not been added.
 *
 * Rejects with a ServerError: `cluster-unreachable`, `clusters-differ`, `not-added`, `already-started`, or
 * `start-cancelled`.
 */
export async function joinCluster(options: JoinOptions): Promise<Joined> {
  const { peerUrl, members, clock, logger, signal } = options;
  const limits = options.limits ?? defaultJoinLimits;
  const urls = members.map((member) => member.peerUrl).filter((url) => url !== peerUrl);
  if (urls.length === 0) {
    throw new ServerError(
      'cluster-unreachable',
      'initial-cluster names no other member: to join a cluster, name at least one of its members there',
    );
  }
  for (let round = 1; ; round += 1) {
    const asked = await Promise.all(urls.map(async (url) => ask(url, clock, limits, signal)));
    if (signal?.aborted === true) throw new ServerError('start-cancelled', 'the start was called off');
    const joined = judge(asked, options);
    if (joined !== null) return joined;
    const problems = asked.map(explain).join('; ');
    if (round >= limits.roundsMax) {
      throw new ServerError(
        'cluster-unreachable',
        `no member of the cluster answers: ${problems}; check the URLs in initial-cluster, and that the members run`,
      );
    }
    if (round === 1) logger.warn({}, `cannot join yet, and keeps trying: ${problems}`);
    await pause(clock, limits.retryMs, signal);
  }
}

async function ask(
  url: string,
  clock: Clock,
  { answerTimeoutMs: timeoutMs }: JoinLimits,
  signal: AbortSignal | undefined,
): Promise<Asked> {
  try {
    return { url, description: await inquire(parseUrl(url), { clock, timeoutMs, signal }) };
  } catch (error) {
    return { url, problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Null if it is worth asking again. */
function judge(asked: readonly Asked[], { name, peerUrl }: JoinOptions): Joined | null {
  const answers = asked.flatMap((each) => ('description' in each ? [each] : []));
  const [first] = answers;
  if (first === undefined) return null;
  const { clusterId } = first.description;
  const other = answers.find((each) => each.description.clusterId !== clusterId);
  if (other !== undefined) {
    throw new ServerError(
      'clusters-differ',
      `${first.url} belongs to cluster ${clusterId.toString(16)}, and ${other.url} to cluster ${other.description.clusterId.toString(16)}: name the members of one cluster in initial-cluster`,
    );
  }
  let latest: Found | null = null;
  for (const { description } of answers) {
    const found = findOwn(description, peerUrl);
    if (found !== null && (latest === null || found.index > latest.index)) latest = found;
  }
  if (latest !== null) return admitted(latest, clusterId, name);
  // Somebody who does not answer may know more than those who do.
  if (answers.length < asked.length) return null;
  throw new ServerError(
    'not-added',
    `no member of cluster ${clusterId.toString(16)} knows ${peerUrl}: run "quorate member add ${name} --peer-url ${peerUrl}" first, or correct initial-advertise-peer-urls`,
  );
}

type Found = {
  readonly address: MemberAddress;
  readonly peers: readonly Peer[];
  readonly index: LogIndex;
  readonly isVoter: boolean;
  readonly hasStarted: boolean;
};

function findOwn({ settled, started }: ClusterDescription, peerUrl: string): Found | null {
  const address = settled?.configuration.addresses.find(({ peerUrls }) => peerUrls.includes(peerUrl));
  if (settled === null || address === undefined) return null;
  const { voters, outgoingVoters, addresses } = settled.configuration;
  return {
    address,
    peers: addresses
      .filter(({ id }) => id !== address.id)
      .map(({ id, peerUrls }) => ({ id, urls: peerUrls })),
    index: settled.index,
    isVoter: voters.includes(address.id) || outgoingVoters.includes(address.id),
    hasStarted: started.includes(address.id),
  };
}

/** A member without its data that is taken for the one it was would forget its votes, and entries that count as safe. */
function admitted(
  { address, peers, index, isVoter, hasStarted }: Found,
  clusterId: bigint,
  name: string,
): Joined {
  const id = address.id.toString(16);
  if (isVoter || hasStarted) {
    throw new ServerError(
      'already-started',
      `the member at this URL (${id}) has run before, and its data is not in this data directory: start it with the directory that it had, or run "quorate member remove ${id}" and add it again`,
    );
  }
  if (address.name !== '' && address.name !== name) {
    throw new ServerError(
      'not-added',
      `the member at this URL was added as ${address.name}, and this is ${name}: start it with --name ${address.name}`,
    );
  }
  return { clusterId, memberId: address.id, joinedAt: index, joinedPeers: peers };
}

function explain(asked: Asked): string {
  return 'problem' in asked ? `${asked.url}: ${asked.problem}` : `${asked.url} does not know this member`;
}

async function pause(clock: Clock, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.setTimer(delayMs, resolve);
  signal?.addEventListener('abort', () => resolve(), { once: true });
  await promise;
  timer.cancel();
}
