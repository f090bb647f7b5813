import type { diagnostics } from '@quorate/protocol';

/** What a member has found out about its host and its peers. Times in milliseconds. */
export type MemberDiagnosis = {
  readonly memberId: bigint;
  /** The release that it runs. */
  readonly version: string;
  readonly disk: {
    readonly dataDirectory: string;
    readonly freeBytes: number;
    readonly totalBytes: number;
    /** How long writing and flushing a small file took, each time. */
    readonly flushMs: readonly number[];
    /** Why the disk could not be examined; null if it could. */
    readonly problem: string | null;
  };
  readonly peers: readonly PeerDiagnosis[];
};

export type PeerDiagnosis = {
  readonly memberId: bigint;
  /** Why the peer did not answer the member; null if it did. */
  readonly problem: string | null;
  readonly roundTripMs: number;
  /** How much its clock is ahead of the member's, give or take half a round trip. */
  readonly clockOffsetMs: number;
  readonly version: string;
};

export function toMemberDiagnosis(response: diagnostics.DiagnoseResponse): MemberDiagnosis {
  const { memberId, version, disk, peers } = response;
  return {
    memberId,
    version,
    disk: {
      dataDirectory: disk?.dataDirectory ?? '',
      freeBytes: disk?.freeBytes ?? 0,
      totalBytes: disk?.totalBytes ?? 0,
      flushMs: (disk?.flushUs ?? []).map((us) => us / 1000),
      problem: disk?.problem === '' ? null : (disk?.problem ?? 'the member does not say'),
    },
    peers: peers.map((peer) => ({
      memberId: peer.memberId,
      problem: peer.problem === '' ? null : peer.problem,
      roundTripMs: peer.roundTripUs / 1000,
      clockOffsetMs: peer.clockOffsetUs / 1000,
      version: peer.version,
    })),
  };
}
