import type { CallContext } from './call-context.ts';

/** A call that is about to be handled. */
export type GuardedCall = {
  /** Such as `/etcdserverpb.KV/Put`. */
  readonly path: string;
  /** The decoded request. */
  readonly request: unknown;
  readonly context: CallContext;
};

/**
 * Stands before every handler and may turn a call away by throwing, best an `ApiError`. What it returns is
 * called when the call has ended, however it did. Guards run in order; authentication and permissions will be
 * one of them.
 */
export type Guard = (call: GuardedCall) => (() => void) | null;
