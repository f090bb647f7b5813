import type { CommandBody, CommandResponse, StoreErrorCode } from '@quorate/kv';
import type { RangeRequest, RangeResponse } from '@quorate/protocol';

/** What a client asks a member for. */
export type Call =
  | { readonly kind: 'command'; readonly body: CommandBody }
  /** Linearizable, or if the request says so, serializable. */
  | { readonly kind: 'range'; readonly request: RangeRequest };

export type Answer =
  | { readonly kind: 'command'; readonly response: CommandResponse }
  | { readonly kind: 'range'; readonly response: RangeResponse }
  /** The state machine says no, without an effect. */
  | { readonly kind: 'refused'; readonly code: StoreErrorCode };

/** A call, as the client saw it. Those that certainly had no effect are not recorded. */
export type CallRecord = {
  readonly client: number;
  readonly call: Call;
  /** Points on the clock of the history, which counts invocations and returns. */
  readonly invoke: number;
  /** Null, as `answer` is, if the outcome is unknown. */
  readonly return: number | null;
  readonly answer: Answer | null;
};
