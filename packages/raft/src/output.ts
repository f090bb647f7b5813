import type { Entry, HardState, SnapshotDescription } from './entry.ts';
import type { LogRead } from './input.ts';
import type { LogIndex, MemberId, Term } from './identifiers.ts';
import type { Message, RefusalReason } from './message.ts';

/**
 * What the caller must do after a step. The contract:
 *
 * 1. Send `messages` at once, in any order, best effort.
 * 2. Write `persist` (outputs in the order of their steps), make it durable, then give `persisted` as an input.
 * 3. Send `messagesAfterPersist` only when `persist` of this output **and of every earlier one** is durable;
 *    they go before the `persisted` input is given or after, as the caller likes.
 * 4. Apply `entriesToApply` in order and give `applied`; answer `readsReady` once applied up to their index.
 *
 * A step's output is complete: nothing that it asks for is repeated by a later output.
 */
export type Output = {
  readonly messages: readonly Message[];
  readonly persist: Persist | null;
  readonly messagesAfterPersist: readonly Message[];
  /** Committed, durable here, and contiguous with what was handed out before. */
  readonly entriesToApply: readonly Entry[];
  readonly readsReady: readonly ReadReady[];
  readonly readsRefused: readonly Refusal[];
  /** Proposals of this member that certainly are in no log. */
  readonly proposalsRefused: readonly Refusal[];
  readonly logReads: readonly LogRead[];
  /** The leader offers a snapshot that this member needs: this one or a later one, whose bytes come from `from`. */
  readonly snapshotToInstall: { readonly from: MemberId; readonly snapshot: SnapshotDescription } | null;
  /** What happened, for logs, metrics and the stories of tests. The core never logs. */
  readonly events: readonly RaftEvent[];
};

/** One durable write. Writing `entries` implies removing everything from the first one's index on. */
export type Persist = {
  /** Counts up by one from 1 over the life of the core. */
  readonly batch: number;
  readonly hardState: HardState | null;
  readonly entries: readonly Entry[];
  /** False if only the commit hint changed: such a batch counts as durable once written, without an fsync. */
  readonly sync: boolean;
};

export type ReadReady = { readonly id: number; readonly index: LogIndex };
export type Refusal = { readonly id: number; readonly reason: RefusalReason };

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader';

export type RaftEvent =
  | {
      readonly type: 'role-changed';
      readonly role: Role;
      readonly term: Term;
      readonly leader: MemberId | null;
      readonly reason: string;
    }
  | { readonly type: 'leader-changed'; readonly term: Term; readonly leader: MemberId | null }
  | { readonly type: 'voted'; readonly term: Term; readonly candidate: MemberId }
  | { readonly type: 'suffix-overwritten'; readonly from: LogIndex; readonly through: LogIndex }
  | { readonly type: 'committed'; readonly index: LogIndex; readonly term: Term }
  | { readonly type: 'configuration-changed'; readonly index: LogIndex; readonly joint: boolean }
  | {
      readonly type: 'peer-state-changed';
      readonly peer: MemberId;
      readonly state: 'probe' | 'replicate' | 'snapshot';
    }
  | { readonly type: 'transfer-started'; readonly to: MemberId }
  | { readonly type: 'transfer-aborted'; readonly to: MemberId };
