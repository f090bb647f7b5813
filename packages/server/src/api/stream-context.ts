import type { Call, Clock } from '@quorate/replica';
import type { ApiError } from './api-error.ts';
import type { CallTimes, IncomingCall } from './call-context.ts';

/**
 * What a handler knows about the stream that it serves. A stream has no deadline: it lasts until the client or
 * the server ends it. Each piece of work on its behalf has one.
 */
export class StreamContext {
  /** Aborted when the stream is over, whoever ended it: the handler returns then, and what it yields is dropped. */
  readonly signal: AbortSignal;
  private readonly incoming: IncomingCall;
  private readonly clock: Clock;
  private readonly times: CallTimes;
  private readonly controller = new AbortController();
  private reason: ApiError | null = null;

  constructor(incoming: IncomingCall, clock: Clock, times: CallTimes) {
    this.incoming = incoming;
    this.clock = clock;
    this.times = times;
    this.signal = this.controller.signal;
    if (incoming.signal.aborted) this.controller.abort(incoming.signal.reason);
    else incoming.signal.addEventListener('abort', this.abandon, { once: true });
  }

  /** What ended the stream from outside its handler; null if nothing has, or the client did. */
  get failure(): ApiError | null {
    return this.reason;
  }

  /** The connection that carries the stream: streams over the same one have the same. */
  get connection(): object {
    return this.incoming.connection;
  }

  metadata(name: string): string | null {
    return this.incoming.metadata(name);
  }

  /** For one piece of work: gives up when the stream is over, and after as long as a call may take. */
  call(): Call {
    return { deadlineMs: this.clock.monotonicMs() + this.times.timeoutMaxMs, signal: this.signal };
  }

  /** Ends the stream: the client is told `failure`. Without effect on a stream that is over. */
  fail(failure: ApiError): void {
    if (this.signal.aborted) return;
    this.reason = failure;
    this.controller.abort(failure);
  }

  /** Called by who runs the handler, when it has returned. */
  close(): void {
    this.incoming.signal.removeEventListener('abort', this.abandon);
    this.controller.abort();
  }

  private readonly abandon = (): void => {
    this.controller.abort(this.incoming.signal.reason);
  };
}
