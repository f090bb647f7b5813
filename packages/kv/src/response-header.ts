import type { ResponseHeader } from '@quorate/protocol';

/** The header of an answer. The server fills in what the state machine does not know: ids and term. */
export function responseHeader(revision: number): ResponseHeader {
  return { clusterId: 0n, memberId: 0n, revision, raftTerm: 0 };
}
