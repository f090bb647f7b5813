import type { Member, MemberAddResponse, StatusResponse } from '@quorate/protocol';
import { QuorateError } from './quorate-error.ts';

/** One member of a cluster, as the cluster knows it. */
export type ClusterMember = {
  readonly id: bigint;
  /** Empty if the member has never started. */
  readonly name: string;
  /** Where it talks to other members. */
  readonly peerUrls: readonly string[];
  /** Where it serves clients. Empty if the member has never started. */
  readonly clientUrls: readonly string[];
  /** It receives the log, but has no vote. */
  readonly isLearner: boolean;
};

/** A member that was added, and all members with it. */
export type AddedMember = { readonly member: ClusterMember; readonly members: readonly ClusterMember[] };

/** A member's word about itself. */
export type MemberStatus = {
  /** The endpoint that was asked. */
  readonly endpoint: string;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly version: string;
  /** 0n if it knows no leader. */
  readonly leader: bigint;
  readonly isLeader: boolean;
  readonly isLearner: boolean;
  readonly term: number;
  /** The highest log index that it knows to be committed. */
  readonly commitIndex: number;
  /** The highest log index that its data contains. */
  readonly appliedIndex: number;
  readonly revision: number;
  /** Bytes of the database on disk, and those of them in use. */
  readonly databaseBytes: number;
  readonly databaseInUseBytes: number;
  /** How many bytes may be in use before writes are refused; 0 if the member does not say. */
  readonly quotaBytes: number;
  /** Alarms and faults, for people to read. */
  readonly errors: readonly string[];
};

/** gRPC's health check: `serving` means that the member can answer requests. */
export type Health = 'serving' | 'not-serving' | 'unknown';

export function toMembers(response: { readonly members: readonly Member[] }): readonly ClusterMember[] {
  return response.members.map(toMember);
}

export function toAddedMember(response: MemberAddResponse): AddedMember {
  if (response.member === undefined) {
    throw new QuorateError('server-error', 'the answer to the addition of a member does not name it');
  }
  return { member: toMember(response.member), members: toMembers(response) };
}

function toMember(member: Member): ClusterMember {
  return {
    id: member.ID,
    name: member.name,
    peerUrls: member.peerURLs,
    clientUrls: member.clientURLs,
    isLearner: member.isLearner,
  };
}

export function toMemberStatus(endpoint: string, response: StatusResponse): MemberStatus {
  const { header } = response;
  const memberId = header?.memberId ?? 0n;
  return {
    endpoint,
    clusterId: header?.clusterId ?? 0n,
    memberId,
    version: response.version,
    leader: response.leader,
    isLeader: memberId !== 0n && response.leader === memberId,
    isLearner: response.isLearner,
    term: response.raftTerm,
    commitIndex: response.raftIndex,
    appliedIndex: response.raftAppliedIndex,
    revision: header?.revision ?? 0,
    databaseBytes: response.dbSize,
    databaseInUseBytes: response.dbSizeInUse,
    quotaBytes: response.dbSizeQuota,
    errors: response.errors,
  };
}
