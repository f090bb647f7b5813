import type { Configuration } from './configuration.ts';
import type { Entry, SnapshotDescription } from './entry.ts';
import type { LogIndex, MemberId } from './identifiers.ts';
import type { Message, Proposal } from './message.ts';

/** Everything that can happen to a member. `step` takes one at a time. */
export type Input =
  /** One tick of the clock has passed. Ticks may be late or bunched, never early. */
  | { readonly type: 'tick' }
  | { readonly type: 'message'; readonly message: Message }
  /** Clients' commands, in order; batched by the caller. */
  | { readonly type: 'propose'; readonly proposals: readonly Proposal[] }
  | { readonly type: 'propose-configuration'; readonly id: number; readonly configuration: Configuration }
  /** A client wants a linearizable read. Answered through `readsReady` or `readsRefused` of some output. */
  | { readonly type: 'read'; readonly id: number }
  /** All writes of the output's `persist` with this number, and of all before it, are durable. */
  | { readonly type: 'persisted'; readonly batch: number }
  /** The state machine has applied everything up to `index`. */
  | { readonly type: 'applied'; readonly index: LogIndex }
  /**
   * Answers a `LogRead`; `entries` starts at its `first` and may be shorter than asked. Empty only if these
   * entries were removed from the log (compaction) before they could be read.
   */
  | { readonly type: 'log-read'; readonly read: LogRead; readonly entries: readonly Entry[] }
  /** The peer's host closed the connection: its process is gone. */
  | { readonly type: 'peer-closed'; readonly peer: MemberId }
  /** Messages to this peer may have been lost. */
  | { readonly type: 'peer-unreachable'; readonly peer: MemberId }
  | { readonly type: 'transfer-leadership'; readonly to: MemberId }
  /** Campaign without waiting for the election timeout, starting with a pre-vote if that is on. */
  | { readonly type: 'campaign' }
  /** A snapshot of the own state machine is durable: entries up to `through` may leave the log. */
  | { readonly type: 'compact'; readonly snapshot: SnapshotDescription; readonly through: LogIndex }
  /**
   * How the transfer of a snapshot to a peer ended. Owed for every `snapshot-request` that was handed out, also
   * if it could not be sent: until then the peer gets no entries.
   */
  | { readonly type: 'snapshot-sent'; readonly peer: MemberId; readonly delivered: boolean }
  /**
   * A snapshot that `core.needsSnapshot` wants is at hand, and the state machine's replacement by it begins. Until
   * it is installed nothing is applied or appended, and the member does not campaign. There is no way back but a
   * restart.
   */
  | { readonly type: 'snapshot-installing'; readonly snapshot: SnapshotDescription }
  /**
   * The snapshot is durable and installed in the state machine, and so is every earlier write: the log on disk is
   * empty and continues after it.
   */
  | { readonly type: 'snapshot-installed'; readonly snapshot: SnapshotDescription };

/** Asks the caller for entries that have left the core's memory. */
export type LogRead = {
  readonly purpose: { readonly kind: 'replicate'; readonly peer: MemberId } | { readonly kind: 'apply' };
  readonly first: LogIndex;
  readonly last: LogIndex;
  /** Stop after the entry that reaches this many bytes; at least one entry is returned. */
  readonly maxBytes: number;
};
