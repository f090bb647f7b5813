import type { CallContext } from './call-context.ts';
import type { StreamContext } from './stream-context.ts';

/** What asks to be let in: a call with one answer, a stream, or one more request on a stream that was let in. */
export type GuardedCall = {
  /** Such as `/etcdserverpb.KV/Put`. */
  readonly path: string;
} & (
  | { readonly kind: 'call'; readonly request: unknown; readonly context: CallContext }
  | {
      readonly kind: 'stream';
      /** The decoded request, if there is one; null if the client sends a stream of them, too. */
      readonly request: unknown;
      readonly context: StreamContext;
    }
  | { readonly kind: 'stream-request'; readonly request: unknown; readonly context: StreamContext }
);

/**
 * Stands before every handler and may turn away what asks to be let in by throwing, best an `ApiError`; a
 * stream then ends. What it returns is called when the call or the stream has ended, however it did, or the
 * next request of the stream is asked for. Guards run in order; authentication and permissions will be one of
 * them.
 */
export type Guard = (call: GuardedCall) => (() => void) | null;
