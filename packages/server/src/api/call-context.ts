import type { Call } from '@quorate/replica';

/** What an adapter knows about a call beside its request. */
export type IncomingCall = {
  /** How long the client is willing to wait, in milliseconds; null if it did not say. */
  readonly timeoutMs: number | null;
  /** Aborted when the client gives up or its connection ends. May be made on first use: not every call needs one. */
  readonly signal: AbortSignal;
  /** A value of the client's metadata, by its name in lower case. */
  metadata(name: string): string | null;
};

/** What a handler knows about its call. Fits `Call`, so that it is passed on as it is. */
export class CallContext implements Call {
  /** When to give up, on the member's monotonic clock: the server's limit, or the client's if that is earlier. */
  readonly deadlineMs: number;
  private readonly incoming: IncomingCall;

  constructor(incoming: IncomingCall, nowMs: number, timeoutMaxMs: number) {
    this.deadlineMs = nowMs + Math.min(incoming.timeoutMs ?? timeoutMaxMs, timeoutMaxMs);
    this.incoming = incoming;
  }

  get signal(): AbortSignal {
    return this.incoming.signal;
  }

  metadata(name: string): string | null {
    return this.incoming.metadata(name);
  }
}
