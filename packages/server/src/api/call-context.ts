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
  /** How long the client waits, which may be longer than any one piece of work takes; Infinity if it did not say. */
  readonly patienceMs: number;
  /** How long one piece of work may take, in milliseconds. */
  readonly pieceMaxMs: number;
  private readonly incoming: IncomingCall;

  constructor(incoming: IncomingCall, nowMs: number, times: CallTimes) {
    const { timeoutMs } = incoming;
    this.deadlineMs = nowMs + Math.min(reducedMs(timeoutMs ?? Infinity, times), times.timeoutMaxMs);
    this.patienceMs = nowMs + reducedMs(timeoutMs ?? Infinity, times);
    this.pieceMaxMs = times.timeoutMaxMs;
    this.incoming = incoming;
  }

  get signal(): AbortSignal {
    return this.incoming.signal;
  }

  metadata(name: string): string | null {
    return this.incoming.metadata(name);
  }
}

/** What is left of the client's time when the answer needs some of it. */
function reducedMs(clientTimeoutMs: number, { answerReserveMs }: CallTimes): number {
  return clientTimeoutMs - Math.min(answerReserveMs, clientTimeoutMs / 4);
}
