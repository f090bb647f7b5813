import { createHash } from 'node:crypto';
import { type Configuration, type MemberAddress, type MemberId, toMemberId } from '@quorate/raft';
import type { FoundingMember } from './founding-members.ts';

/** Who a cluster and its founding members are. */
export type ClusterIdentity = {
  readonly clusterId: bigint;
  /** Sorted by id. */
  readonly members: readonly MemberAddress[];
};

/**
 * Derives the identities of a new cluster and of its members from what all of them are told alike: their
 * names, their peer URLs and the token. So the founding members agree on them without having talked, and
 * a member that was told something else is found out at the first handshake. The order of `founding`
 * does not matter.
 */
export function clusterIdentity(token: string, founding: readonly FoundingMember[]): ClusterIdentity {
  const members = founding
    .map(({ name, peerUrl }): MemberAddress => {
      return { id: toMemberId(identifier(['member', token, name, peerUrl])), name, peerUrls: [peerUrl] };
    })
    .sort((left, right) => (left.id < right.id ? -1 : 1));
  const clusterId = identifier(['cluster', token, ...members.map((member) => member.id.toString(16))]);
  return { clusterId, members };
}

/** The configuration that the log of every founding member starts with. */
export function foundingConfiguration(members: readonly MemberAddress[]): Configuration {
  const voters: readonly MemberId[] = members.map((member) => member.id);
  return { voters, outgoingVoters: [], learners: [], learnersNext: [], addresses: members };
}

/**
 * The id of a cluster that begins with what a snapshot holds: another one than a cluster of the same members that
 * begins with nothing, so that a member that was started without the snapshot is found out at the first handshake.
 */
export function restoredClusterId(clusterId: bigint, digest: string, bumpRevision: number): bigint {
  return identifier(['restored', clusterId.toString(16), digest, String(bumpRevision)]);
}

/** A 64-bit number other than 0 out of a list of texts; each text is preceded by its length, so that no two lists meet. */
function identifier(parts: readonly string[]): bigint {
  const hash = createHash('sha256').update('quorate identity 1\n');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part}\n`);
  const value = hash.digest().readBigUInt64BE(0);
  return value === 0n ? 1n : value;
}
