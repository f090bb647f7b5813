import type { Store } from '@quorate/kv';
import type { ResponseHeader } from '@quorate/protocol';
import type { Replica } from '@quorate/replica';

/** What the handlers need of the member that they speak for. */
export type Member = Pick<
  Replica,
  'propose' | 'linearize' | 'status' | 'transferLeadership' | 'clock' | 'isIsolated' | 'spaceQuotaBytes'
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
  const { clusterId, memberId, term } = member.status();
  const revision = response.header?.revision ?? 0;
  response.header = { clusterId, memberId, revision, raftTerm: term };
  return response;
}

/** The header of an answer that has to do with no revision. */
export function headerWithoutRevision(member: Member): ResponseHeader {
  const { clusterId, memberId, term } = member.status();
  return { clusterId, memberId, revision: 0, raftTerm: term };
}
