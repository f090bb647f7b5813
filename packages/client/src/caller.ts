import type { Codec } from '@quorate/protocol';
import { backoffDelayMs } from './backoff.ts';
import { type CallFailure, type CallKind, judgeFailure } from './call-failure.ts';
import { CallLimiter } from './call-limiter.ts';
import { integer, type Settings } from './client-options.ts';
import { answerMarginMs, type MessageStream } from './connection.ts';
import { EndpointSet, type Route } from './endpoint-set.ts';
import { grpcStatus } from './grpc-status.ts';
import { LeaderTracker } from './leader-tracker.ts';
import { QuorateError } from './quorate-error.ts';
import type { TransportFailure } from './transport-failure.ts';

/** What every call takes. */
export type CallOptions = {
  /** How long the call may take in all, in milliseconds. Default: the client's `timeoutMs`. */
  readonly timeoutMs?: number;
  /** Gives the call up when aborted. A write that was sent by then may still take effect. */
  readonly signal?: AbortSignal | undefined;
};

/** A method of the API with one request and one response. */
export type UnaryMethod<Request, Response> = {
  readonly path: string;
  readonly request: Codec<Request>;
  readonly response: Codec<Response>;
};

export type UnaryCall<Request, Response> = {
  readonly method: UnaryMethod<Request, Response>;
  readonly request: Request;
  readonly kind: CallKind;
  /** Who should answer: the leader if it is known, any member in turn, or one endpoint and no other. */
  readonly to: 'leader' | 'any' | Route;
};

/** A call on its way through its tries. */
type Attempting = {
  readonly path: string;
  readonly body: Uint8Array;
  readonly kind: CallKind;
  readonly to: 'leader' | 'any' | Route;
  readonly deadlineMs: number;
  /** With less time than this left no further try is begun. */
  readonly retryMinMs: number;
  readonly signal: AbortSignal | undefined;
};

/** A stream at an endpoint, or why there is none. */
export type OpenedStream = { readonly route: Route } & (
  | { readonly stream: MessageStream; readonly failure: null }
  | { readonly stream: null; readonly failure: CallFailure }
);

/** The endpoints asked since the last pause, and what those said that were not available. */
type Round = { readonly tried: Set<Route>; unavailable: QuorateError[] };

/** A read on one of several endpoints is moved on at half of its time, but not sooner than this. */
const attemptMinMs = 1_000;

/**
 * Makes calls: bounds them, finds an endpoint, watches the deadline, and tries again where that is safe.
 *
 * What makes it safe: a read changes nothing. A write is repeated only if its failure proves that it had no
 * effect: no connection was there to send it on, or the server says that it did not propose it.
 */
export class Caller {
  readonly endpoints: EndpointSet;
  readonly #settings: Settings;
  readonly #limiter: CallLimiter;
  readonly #leader: LeaderTracker;
  /** Ends the pauses between tries early. */
  readonly #pauses = new Set<() => void>();
  #closed = false;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.endpoints = new EndpointSet(settings);
    this.#limiter = new CallLimiter(settings.callsMax, settings.queuedCallsMax, settings.clock);
    this.#leader = new LeaderTracker(this.endpoints, settings);
  }

  /** Rejects with a QuorateError, whatever goes wrong. */
  async call<Request, Response extends object>(
    call: UnaryCall<Request, Response>,
    options: CallOptions = {},
  ): Promise<Response> {
    const { clock } = this.#settings;
    const timeoutMs = integer('timeoutMs', options.timeoutMs ?? this.#settings.timeoutMs, 1);
    const deadlineMs = clock.nowMs() + timeoutMs;
    const { signal } = options;
    if (signal?.aborted === true) throw cancelled(signal, 'none');
    const body = this.#encode(call);
    const wait = this.#limiter.acquire(deadlineMs, signal);
    if (wait !== null) await wait;
    try {
      const { method, kind, to } = call;
      // A write that is cut off has an unknown outcome: worse than the failure that is known already.
      const retryMinMs = kind === 'write' ? 2 * answerMarginMs(timeoutMs) : 0;
      const answer = await this.#tryUntilDone({
        path: method.path,
        body,
        kind,
        to,
        deadlineMs,
        retryMinMs,
        signal,
      });
      return this.#decode(call, answer.body, answer.route);
    } finally {
      this.#limiter.release();
    }
  }

  /**
   * Opens a stream at some endpoint, a healthy one that is not in `tried` if there is one. Nothing is tried again:
   * who has a stream knows how to go on. `failed` must be told when the stream has ended with a failure.
   */
  async openStream(path: string, tried: ReadonlySet<Route>, signal: AbortSignal): Promise<OpenedStream> {
    return this.openStreamAt(this.endpoints.pick(this.endpoints.next(), tried), path, signal);
  }

  /** Opens a stream at one endpoint, likewise. */
  async openStreamAt(
    route: Route,
    path: string,
    signal: AbortSignal,
    requireLeader = true,
  ): Promise<OpenedStream> {
    if (!route.connection.isReady) {
      const connected = await route.connection.connect(this.#settings.connectTimeoutMs, signal);
      if (connected === 'gave-up') {
        this.#noteUnavailable(route);
        return { route, stream: null, failure: unreachable(route.endpoint.address) };
      }
    }
    return { route, stream: route.connection.openStream(path, requireLeader), failure: null };
  }

  /** What the end of a stream means. */
  streamFailed(route: Route, failure: TransportFailure): CallFailure {
    if (failure.grpcCode === grpcStatus.unavailable) this.#noteUnavailable(route);
    return judgeFailure(failure, 'read', route.endpoint.address, this.#settings.responseMaxBytes);
  }

  /** Waits before try number `attempt` (1 is the first retry), or until the signal is aborted or the client closed. */
  async pauseBefore(attempt: number, signal: AbortSignal): Promise<void> {
    const { backoff, random } = this.#settings;
    await this.#pause(backoffDelayMs(attempt, backoff, random), signal);
  }

  /**
   * Does `work` again, after a pause, when an outage makes it fail, until the signal is aborted or the client closed.
   * For what may be done twice, and is to be waited for.
   */
  async throughOutages<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        const isOutage = error instanceof QuorateError && error.isOutage;
        if (!isOutage || signal.aborted || this.#closed) throw error;
      }
      await this.pauseBefore(attempt, signal);
    }
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get settings(): Pick<Settings, 'clock' | 'responseMaxBytes' | 'requestMaxBytes'> {
    return this.#settings;
  }

  /** Refuses calls from now on, ends those in flight with `client-closed`, and drops all connections. */
  async close(): Promise<void> {
    this.#closed = true;
    const settled = this.#limiter.close();
    this.endpoints.close();
    for (const end of this.#pauses) end();
    await Promise.all([settled, this.#leader.close()]);
  }

  async #tryUntilDone(call: Attempting): Promise<{ body: Uint8Array; route: Route }> {
    const { clock, backoff, random, retriesMax } = this.#settings;
    const round: Round = { tried: new Set(), unavailable: [] };
    let retries = 0;
    let telling: QuorateError | null = null;
    for (;;) {
      const route = this.#pick(call, round.tried);
      const result = await this.#attempt(call, route);
      if (result.ok) return { body: result.body, route };
      const { error, advice } = result.failure;
      this.#throwIfEnded(call, error);
      // An endpoint that was asked for by name has answered for itself, even by not answering.
      if (advice === 'give-up' || typeof call.to !== 'string') throw error;
      note(round, route, error);
      telling = moreTelling(telling, summary(round, error));
      if (clock.nowMs() + call.retryMinMs >= call.deadlineMs) throw telling;
      if (advice === 'next-endpoint' && round.tried.size < this.endpoints.routes.length) continue;
      retries += 1;
      const pauseMs = backoffDelayMs(retries, backoff, random);
      if (retries > retriesMax || clock.nowMs() + pauseMs + call.retryMinMs >= call.deadlineMs) throw telling;
      await this.#pause(pauseMs, call.signal);
      this.#throwIfEnded(call, telling);
      round.tried.clear();
      round.unavailable = [];
    }
  }

  async #attempt(
    call: Attempting,
    route: Route,
  ): Promise<{ ok: true; body: Uint8Array } | { ok: false; failure: CallFailure }> {
    const { clock, connectTimeoutMs, responseMaxBytes } = this.#settings;
    const { path, body, signal } = call;
    const { address } = route.endpoint;
    if (!route.connection.isReady) {
      const waitMs = Math.min(connectTimeoutMs, call.deadlineMs - clock.nowMs());
      const connected = await route.connection.connect(Math.max(1, waitMs), signal);
      if (connected === 'gave-up') {
        this.#noteUnavailable(route);
        return { ok: false, failure: unreachable(address) };
      }
    }
    const result = await route.connection.unary({ path, body, timeoutMs: this.#attemptMs(call), signal });
    if (result.ok) {
      this.endpoints.succeeded(route);
      return result;
    }
    const { grpcCode } = result.failure;
    // Other statuses are answers: the endpoint works, the request does not.
    if (grpcCode === grpcStatus.unavailable || grpcCode === grpcStatus.deadlineExceeded)
      this.#noteUnavailable(route);
    return { ok: false, failure: judgeFailure(result.failure, call.kind, address, responseMaxBytes) };
  }

  /** A read may leave an endpoint that hangs while there is time to ask another; a write must wait. */
  #attemptMs(call: Attempting): number {
    const remainingMs = Math.max(1, call.deadlineMs - this.#settings.clock.nowMs());
    if (call.kind === 'write' || typeof call.to !== 'string' || this.endpoints.routes.length === 1) {
      return remainingMs;
    }
    return Math.min(remainingMs, Math.max(remainingMs / 2, attemptMinMs));
  }

  #noteUnavailable(route: Route): void {
    this.endpoints.failed(route);
    this.#leader.lost(route);
  }

  #pick(call: Attempting, tried: ReadonlySet<Route>): Route {
    if (typeof call.to !== 'string') return call.to;
    const preferred = call.to === 'any' ? this.endpoints.next() : this.#leader.route();
    return this.endpoints.pick(preferred, tried);
  }

  #encode<Request, Response>(call: UnaryCall<Request, Response>): Uint8Array {
    const body = call.method.request.encode(call.request).finish();
    const { requestMaxBytes } = this.#settings;
    if (body.length > requestMaxBytes) {
      const message = `the request is too large: ${body.length} bytes, and at most ${requestMaxBytes} are sent`;
      throw new QuorateError('request-too-large', message);
    }
    return body;
  }

  #decode<Request, Response extends object>(
    call: UnaryCall<Request, Response>,
    body: Uint8Array,
    route: Route,
  ): Response {
    try {
      const response = call.method.response.decode(body);
      this.#leader.observe(route, response);
      return response;
    } catch (cause) {
      const outcome = call.kind === 'read' ? 'none' : 'unknown';
      const message = `${route.endpoint.address} answered with a malformed message`;
      throw new QuorateError('server-error', message, { outcome, endpoint: route.endpoint.address, cause });
    }
  }

  /** Why a call ended that its caller or `close` gave up: their reason, not the transport's words. */
  #throwIfEnded(call: Attempting, error: QuorateError): void {
    if (call.signal?.aborted === true) throw cancelled(call.signal, error.outcome);
    if (this.#closed) {
      throw new QuorateError('client-closed', 'the client was closed during the call', {
        outcome: error.outcome,
      });
    }
  }

  async #pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = (): void => {
        cancelTimer();
        signal?.removeEventListener('abort', end);
        this.#pauses.delete(end);
        resolve();
      };
      const cancelTimer = this.#settings.clock.setTimer(delayMs, end);
      signal?.addEventListener('abort', end);
      this.#pauses.add(end);
    });
  }
}

function note(round: Round, route: Route, error: QuorateError): void {
  round.tried.add(route);
  if (error.code === 'unavailable') round.unavailable.push(error);
}

/**
 * Of the errors of several tries, the one to give in the end: that there is no leader says more than that a
 * member cannot be reached, and that says more than that time ran out. Among equals the newest counts.
 */
function moreTelling(earlier: QuorateError | null, error: QuorateError): QuorateError {
  return earlier === null || rank(error) >= rank(earlier) ? error : earlier;
}

function rank({ code }: QuorateError): number {
  if (code === 'deadline-exceeded') return 0;
  return code === 'unavailable' ? 1 : 2;
}

/** The error of a round: when several endpoints were not available, one that names them all. */
function summary(round: Round, error: QuorateError): QuorateError {
  if (error.code !== 'unavailable' || round.unavailable.length < 2) return error;
  const message = round.unavailable.map((each) => each.message).join('; ');
  return new QuorateError('unavailable', message, { grpcCode: grpcStatus.unavailable, cause: error });
}

function cancelled(signal: AbortSignal, outcome: 'none' | 'unknown'): QuorateError {
  return new QuorateError('cancelled', 'the call was cancelled', { outcome, cause: signal.reason });
}

function unreachable(address: string): CallFailure {
  const error = new QuorateError('unavailable', `${address} is not available: no connection in time`, {
    endpoint: address,
  });
  return { error, advice: 'next-endpoint' };
}
