import type { Store } from '@quorate/kv';
import type { ResponseHeader } from '@quorate/protocol';
import type { Replica } from '@quorate/replica';

/** What the handlers need of the member that they speak for. */
export type Member = Pick<
  Replica,
  | 'propose'
  | 'changeMembership'
  | 'linearize'
  | 'leases'
  | 'status'
  | 'transferLeadership'
  | 'clock'
  | 'isIsolated'
  | 'spaceQuotaBytes'
> & {
  readonly store: Pick<
    Store,
    | 'range'
    | 'readTransaction'
    | 'removeCompacted'
    | 'memberAttributes'
    | 'alarms'
    | 'openDigest'
    | 'openSnapshot'
    | 'resolveRevision'
    | 'leases'
    | 'watch'
    | 'revision'
    | 'sizeBytes'
    | 'sizeInUseBytes'
  >;
};

/** Fills in what the state machine does not know about an answer: who gave it, and in which term. */
export function completeHeader<Response extends { header: ResponseHeader | undefined }>(
  member: Member,
  response: Response,
): Response {
  response.header = headerAt(member, response.header?.revision ?? 0);
  return response;
}

/** The header of an answer that is about a revision. */
export function headerAt(member: Member, revision: number): ResponseHeader {
  const { clusterId, memberId, term } = member.status();
  return { clusterId, memberId, revision, raftTerm: term };
}

/** The header of an answer that has to do with no revision. */
export function headerWithoutRevision(member: Member): ResponseHeader {
  return headerAt(member, 0);
}
