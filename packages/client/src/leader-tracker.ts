import { maintenanceService, type ResponseHeader } from '@quorate/protocol';
import type { Settings } from './client-options.ts';
import type { EndpointSet, Route } from './endpoint-set.ts';

/** Searches are no more frequent than this, and one answer may take this long. */
const searchIntervalMs = 1_000;
const statusTimeoutMs = 1_000;

/**
 * Remembers which endpoint leads. It is an optimisation only: any member forwards what its leader must do.
 *
 * Every answer names the member that gave it and its term; a higher term means that there may be a new
 * leader. The leader is then searched with `Status` requests beside the calls, which do not wait for it.
 */
export class LeaderTracker {
  readonly #endpoints: EndpointSet;
  readonly #settings: Settings;
  #term = 0;
  #leader: Route | null = null;
  #search: Promise<void> | null = null;
  #nextSearchMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(endpoints: EndpointSet, settings: Settings) {
    this.#endpoints = endpoints;
    this.#settings = settings;
  }

  /** The leader's endpoint, or null if it is not known (yet). May begin a search. */
  route(): Route | null {
    if (this.#leader === null && this.#mayMatter()) this.#beginSearch();
    return this.#leader;
  }

  /** Learns from an answer of the API. */
  observe(route: Route, response: object): void {
    const header = (response as { header?: ResponseHeader }).header;
    if (header === undefined) return;
    route.memberId = header.memberId;
    if (header.raftTerm <= this.#term) return;
    this.#term = header.raftTerm;
    this.#leader = null;
  }

  /** The endpoint does not answer. */
  lost(route: Route): void {
    if (this.#leader === route) this.#leader = null;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#search;
  }

  #mayMatter(): boolean {
    return this.#settings.preferLeader && this.#endpoints.routes.length > 1 && !this.#closed;
  }

  #beginSearch(): void {
    const nowMs = this.#settings.clock.nowMs();
    if (this.#search !== null || nowMs < this.#nextSearchMs) return;
    this.#nextSearchMs = nowMs + searchIntervalMs;
    this.#search = this.#find().finally(() => {
      this.#search = null;
    });
  }

  /** Asks one member after the other who leads, until the leader itself has said so. */
  async #find(): Promise<void> {
    for (const route of this.#endpoints.routes) {
      if (this.#closed) return;
      // An endpoint that is down would cost a wait and is not the leader's.
      if (route.avoidUntilMs > this.#settings.clock.nowMs()) continue;
      const status = await this.#status(route);
      if (status === null || status.header === undefined) continue;
      this.observe(route, status);
      if (status.leader === 0n || status.raftTerm < this.#term) continue;
      const leader = this.#endpoints.routes.find((candidate) => candidate.memberId === status.leader);
      if (leader !== undefined) {
        this.#leader = leader;
        return;
      }
    }
  }

  async #status(route: Route): Promise<ReturnType<typeof method.response.decode> | null> {
    if (!route.connection.isReady) {
      const connected = await route.connection.connect(this.#settings.connectTimeoutMs, undefined);
      if (connected !== 'ready') return null;
    }
    const body = method.request.encode({}).finish();
    const result = await route.connection.unary({
      path: method.path,
      body,
      timeoutMs: statusTimeoutMs,
      signal: undefined,
    });
    if (!result.ok) return null;
    try {
      return method.response.decode(result.body);
    } catch {
      // An answer that cannot be read names no leader. The calls themselves report what is wrong there.
      return null;
    }
  }
}

const method = maintenanceService.methods.status;
