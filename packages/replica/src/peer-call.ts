import type { MembershipChange, MembershipOutcome } from './membership-change.ts';

/**
 * What one member may ask another, beside the messages of the consensus protocol.
 *
 * - `ping`: are you there, what time is it at your host, which release do you run.
 * - `snapshot-open`: keep a snapshot of this entry or a later one for me. May take as long as it takes to write one.
 * - `snapshot-read`: a piece of a snapshot that was opened, of exactly so many bytes unless it ends before.
 * - `digest`: the checksum of your records at these positions, if your store is compacted at this revision.
 * - `change-membership`: make this change, because you lead. Refused with `not-leader`, and then without effect, if not.
 * - `renew-lease`: keep a lease alive; refused by all but the leader. May be asked again without harm.
 * - `lease-remaining`: how long does a lease last; refused by all but the leader.
 */
export type PeerRequest =
  | { readonly type: 'ping' }
  | { readonly type: 'snapshot-open'; readonly index: number }
  | {
      readonly type: 'snapshot-read';
      readonly digest: string;
      readonly offset: number;
      readonly maxBytes: number;
    }
  | {
      readonly type: 'digest';
      readonly firstPosition: number;
      readonly lastPosition: number;
      readonly compactedRevision: number;
    }
  | { readonly type: 'change-membership'; readonly changes: readonly MembershipChange[] }
  | { readonly type: 'renew-lease'; readonly id: bigint }
  | { readonly type: 'lease-remaining'; readonly id: bigint };

/** The answers. Each has the type of the request that it answers. */
export type PeerResponse =
  | {
      readonly type: 'ping';
      /** Milliseconds since 1970, as the answering host believes. */
      readonly wallMs: number;
      readonly version: string;
    }
  | {
      readonly type: 'snapshot-open';
      /** Of the last entry that the snapshot holds. */
      readonly index: number;
      readonly term: number;
      readonly sizeBytes: number;
      /** Which file it is; see `SnapshotFile`. */
      readonly digest: string;
    }
  | { readonly type: 'snapshot-read'; readonly bytes: Uint8Array }
  | {
      readonly type: 'digest';
      /** Null if it does not have all of the records yet, or is compacted at another revision. */
      readonly digest: { readonly crc: number; readonly records: number } | null;
    }
  | { readonly type: 'change-membership'; readonly outcome: MembershipOutcome }
  /** How long it lasts from now on; 0 if there is no such lease. */
  | { readonly type: 'renew-lease'; readonly ttlSeconds: number }
  /** Null if there is no such lease; 0 if its end is overdue. */
  | { readonly type: 'lease-remaining'; readonly remainingMs: number | null };

/** What a request of this kind is answered with. */
export type ResponseTo<Request extends PeerRequest> = Extract<
  PeerResponse,
  { readonly type: Request['type'] }
>;

/**
 * Why a peer did not do what it was asked.
 *
 * `code` is the code of the ReplicaError, StoreError or StorageError that the request met there, or
 * - `overloaded`: too many calls are being answered already,
 * - `unsupported-request`: its release does not know this kind of request,
 * - `response-too-large`: the answer exceeds what a transport carries,
 * - `snapshot-gone`: the snapshot is not kept any more; it must be opened anew,
 * - `not-applied`: the member has no snapshot that would do, and cannot make one,
 * - `internal`: anything else.
 */
export type PeerRefusal = { readonly code: string; readonly message: string };

/** What travels back. */
export type PeerAnswer =
  | { readonly ok: true; readonly response: PeerResponse }
  | { readonly ok: false; readonly refusal: PeerRefusal };

/**
 * Why a call has no response. After `unreachable`, `timed-out` and `cancelled` the peer may have done what it
 * was asked, or may still do so; after the others it has not.
 *
 * - `unreachable`: there is no connection to the peer, or it ended before the answer came.
 * - `timed-out`: no answer came before the deadline.
 * - `cancelled`: the caller gave up.
 * - `overloaded`: too many calls to this peer wait for an answer. It was not sent.
 * - `too-large`: the request exceeds what a transport carries. It was not sent.
 * - `refused`: the peer answered that it does not do it; `refusal` says why.
 */
export type PeerCallErrorCode =
  | 'unreachable'
  | 'timed-out'
  | 'cancelled'
  | 'overloaded'
  | 'too-large'
  | 'refused';

/** A call to a peer that brought no response. */
export class PeerCallError extends Error {
  override readonly name = 'PeerCallError';
  readonly code: PeerCallErrorCode;
  /** What the peer said; null unless the code is `refused`. */
  readonly refusal: PeerRefusal | null;

  constructor(code: PeerCallErrorCode, message: string, refusal: PeerRefusal | null = null) {
    super(message);
    this.code = code;
    this.refusal = refusal;
  }
}

/** What a handler throws to refuse a call with a code that only means something between members. */
export class PeerRefused extends Error {
  override readonly name = 'PeerRefused';
  readonly code: 'overloaded' | 'snapshot-gone' | 'not-applied' | 'stopped';

  constructor(code: PeerRefused['code'], message: string) {
    super(message);
    this.code = code;
  }
}
