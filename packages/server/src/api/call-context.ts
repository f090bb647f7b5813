import type { Call } from '@quorate/replica';

/** What an adapter knows about a call beside its request. */
export type IncomingCall = {
  /**
   * How long the client is willing to wait, in milliseconds; null if it did not say. A client that gives a
   * stream so long ends it itself.
   */
  readonly timeoutMs: number | null;
  /** Aborted when the client gives up or its connection ends. May be made on first use: not every call needs one. */
  readonly signal: AbortSignal;
  /** The connection that carries it: calls over the same one have the same. */
  readonly connection: object;
  /** A value of the client's metadata, by its name in lower case. */
  metadata(name: string): string | null;
};

/** How long calls may take, in milliseconds. */
export type CallTimes = {
  /** The most, and how long a call may take whose client does not say. */
  readonly timeoutMaxMs: number;
  /**
   * How much earlier than the client the server gives up, at most a quarter of the client's time: an answer
   * that says what is known of the effect is worth more than the client's own "deadline exceeded".
   */
  readonly answerReserveMs: number;
};

/** What a handler knows about its call. Fits `Call`, so that it is passed on as it is. */
export class CallContext implements Call {
  /** When to give up, on the member's monotonic clock. */
  readonly deadlineMs: number;
  private readonly incoming: IncomingCall;

  constructor(incoming: IncomingCall, nowMs: number, times: CallTimes) {
    this.deadlineMs = nowMs + allowedMs(incoming.timeoutMs, times);
    this.incoming = incoming;
  }

  get signal(): AbortSignal {
    return this.incoming.signal;
  }

  metadata(name: string): string | null {
    return this.incoming.metadata(name);
  }
}

function allowedMs(clientTimeoutMs: number | null, { timeoutMaxMs, answerReserveMs }: CallTimes): number {
  if (clientTimeoutMs === null) return timeoutMaxMs;
  return Math.min(clientTimeoutMs - Math.min(answerReserveMs, clientTimeoutMs / 4), timeoutMaxMs);
}
