import { backoffDelayMs, type BackoffPolicy } from './backoff.ts';
import type { Settings } from './client-options.ts';
import { Connection } from './connection.ts';
import type { Endpoint } from './endpoint.ts';

/** One endpoint with what the client knows of it. */
export type Route = {
  readonly endpoint: Endpoint;
  readonly connection: Connection;
  /** The member behind it, once it has answered; 0n before. */
  memberId: bigint;
  /** Failures in a row. */
  failures: number;
  /** Until then other endpoints are preferred. */
  avoidUntilMs: number;
};

/** How long an endpoint that failed is passed over while others can be asked. */
const avoidance: BackoffPolicy = { baseMs: 200, maxMs: 5_000 };

/**
 * The endpoints of a client: picks the one that a try goes to. Starts at a random endpoint and stays with
 * what works, so that many clients spread over the members and each keeps few connections.
 */
export class EndpointSet {
  readonly routes: readonly Route[];
  readonly #settings: Settings;
  #current: number;
  #turn = 0;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.routes = settings.endpoints.map((endpoint) => ({
      endpoint,
      connection: new Connection(endpoint, settings),
      memberId: 0n,
      failures: 0,
      avoidUntilMs: 0,
    }));
    this.#current = Math.floor(settings.random() * this.routes.length);
  }

  /**
   * The endpoint for the next try: `preferred` if it is healthy, else the one in use, else the next healthy
   * one, else the one to be avoided for the shortest time. Those in `tried` come only after all others.
   */
  pick(preferred: Route | null, tried: ReadonlySet<Route>): Route {
    const nowMs = this.#settings.clock.nowMs();
    const first = preferred ?? (this.routes[this.#current] as Route);
    if (first.avoidUntilMs <= nowMs && !tried.has(first)) return first;
    const rotated = [...this.routes.slice(this.#current), ...this.routes.slice(0, this.#current)];
    const untried = rotated.filter((route) => !tried.has(route));
    const candidates = untried.length > 0 ? untried : rotated;
    return candidates.find((route) => route.avoidUntilMs <= nowMs) ?? soonest(candidates);
  }

  /** The next endpoint in turn: spreads reads that any member can answer. */
  next(): Route {
    this.#turn = (this.#turn + 1) % this.routes.length;
    return this.routes[this.#turn] as Route;
  }

  succeeded(route: Route): void {
    route.failures = 0;
    route.avoidUntilMs = 0;
  }

  failed(route: Route): void {
    const { clock, random } = this.#settings;
    route.failures += 1;
    route.avoidUntilMs = clock.nowMs() + backoffDelayMs(route.failures, avoidance, random);
    if (this.routes[this.#current] === route) this.#current = (this.#current + 1) % this.routes.length;
  }

  close(): void {
    for (const route of this.routes) route.connection.close();
  }
}

function soonest(routes: readonly Route[]): Route {
  return routes.reduce((best, route) => (route.avoidUntilMs < best.avoidUntilMs ? route : best));
}
