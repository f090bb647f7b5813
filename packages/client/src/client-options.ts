import type { BackoffPolicy } from './backoff.ts';
import { type Clock, type Random, systemClock } from './clock.ts';
import { type Endpoint, parseEndpoints } from './endpoint.ts';
import { QuorateError } from './quorate-error.ts';

/** How a client finds its cluster and how long it tries. Durations are milliseconds. */
export type QuorateClientOptions = {
  /** `host:port` or `http://host:port`; a list, or one string with commas. Any member will do; name all. */
  readonly endpoints: string | readonly string[];
  /** How long a call may take in all: queueing, connecting, pauses and retries included. Default 5,000. */
  readonly timeoutMs?: number;
  /** How long to wait for one endpoint's connection before the next is tried. Default 1,000. */
  readonly connectTimeoutMs?: number;
  readonly retry?: {
    /** Tries of one call after a pause, beyond its first. Default 1,000: in effect until the call's time is over. */
    readonly retriesMax?: number;
    /** Bound of the first pause; it doubles with each. Default 50. */
    readonly baseMs?: number;
    /** Bound of any pause. Default 1,000. */
    readonly maxMs?: number;
  };
  /** Pings on connections with calls in flight, which find a host that vanished. */
  readonly keepalive?: {
    /** Silence before a ping. At least 5,000: etcd's servers hang up on clients that ping more. Default 10,000. */
    readonly timeMs?: number;
    /** How long to wait for the ping's answer. Default 5,000. */
    readonly timeoutMs?: number;
  };
  /** Calls in flight at once; more wait in a queue. Default 1,024. */
  readonly callsMax?: number;
  /** Calls waiting in that queue; more are refused with `client-overloaded`. Default 16,384. */
  readonly queuedCallsMax?: number;
  /** Bytes of one request; a larger one is refused with `request-too-large`, unsent. Default 2 MiB. */
  readonly requestMaxBytes?: number;
  /** Bytes of one answer. Default 64 MiB. */
  readonly responseMaxBytes?: number;
  /** Send writes and linearizable reads to the leader, which saves a hop. Default true. */
  readonly preferLeader?: boolean;
  /** For tests. */
  readonly clock?: Clock;
  /** For tests. */
  readonly random?: Random;
};

/** The options with every default filled in. */
export type Settings = {
  readonly endpoints: readonly Endpoint[];
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly retriesMax: number;
  readonly backoff: BackoffPolicy;
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly callsMax: number;
  readonly queuedCallsMax: number;
  readonly requestMaxBytes: number;
  readonly responseMaxBytes: number;
  readonly preferLeader: boolean;
  readonly clock: Clock;
  readonly random: Random;
};

/** Checks the options and fills in the defaults. Throws `invalid-argument`, naming the option. */
export function toSettings(options: QuorateClientOptions): Settings {
  const { retry = {}, keepalive = {} } = options;
  return {
    endpoints: parseEndpoints(options.endpoints),
    timeoutMs: integer('timeoutMs', options.timeoutMs ?? 5_000, 1),
    connectTimeoutMs: integer('connectTimeoutMs', options.connectTimeoutMs ?? 1_000, 1),
    retriesMax: integer('retry.retriesMax', retry.retriesMax ?? 1_000, 0),
    backoff: {
      baseMs: integer('retry.baseMs', retry.baseMs ?? 50, 1),
      maxMs: integer('retry.maxMs', retry.maxMs ?? 1_000, 1),
    },
    keepaliveTimeMs: integer('keepalive.timeMs', keepalive.timeMs ?? 10_000, 5_000),
    keepaliveTimeoutMs: integer('keepalive.timeoutMs', keepalive.timeoutMs ?? 5_000, 1),
    callsMax: integer('callsMax', options.callsMax ?? 1_024, 1),
    queuedCallsMax: integer('queuedCallsMax', options.queuedCallsMax ?? 16_384, 0),
    requestMaxBytes: integer('requestMaxBytes', options.requestMaxBytes ?? 2 * 1024 * 1024, 1),
    responseMaxBytes: integer('responseMaxBytes', options.responseMaxBytes ?? 64 * 1024 * 1024, 1),
    preferLeader: options.preferLeader ?? true,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
}

/** The longest delay that timers take: beyond it Node.js fires at once. */
const timerMaxMs = 2_147_483_647;

/** Checks an option that counts something. Throws `invalid-argument`. */
export function integer(name: string, value: number, min: number): number {
  if (!Number.isSafeInteger(value) || value < min || value > timerMaxMs) {
    throw new QuorateError(
      'invalid-argument',
      `${name} must be an integer from ${min} to ${timerMaxMs}, got ${value}`,
    );
  }
  return value;
}
