import { leaseService } from '@quorate/protocol';
import type { Caller, CallOptions } from './caller.ts';
import type { Clock } from './clock.ts';
import { integer } from './client-options.ts';
import { QuorateError } from './quorate-error.ts';

export type LeaseOptions = {
  /** How long the lease lasts when nobody keeps it alive, in seconds. The cluster raises it to its minimum. */
  readonly ttlSeconds: number;
  /** The lease's id. Default: the cluster chooses one. */
  readonly id?: bigint;
};

/** A lease as the cluster sees it. */
export type LeaseStatus = {
  readonly id: bigint;
  readonly ttlSeconds: number;
  /** What is left of it, in whole seconds. */
  readonly remainingSeconds: number;
  /** The keys that end with it, if asked for; otherwise empty. */
  readonly keys: readonly Uint8Array[];
};

/** A lease is kept alive when this part of its TTL has passed: two attempts may fail before it is lost. */
const renewalPart = 1 / 3;
/** How long to wait before another try, as part of the TTL. */
const retryPart = 1 / 20;
/** How long one renewal may take, and how long to wait between two, in milliseconds. */
const renewalMaxMs = 5_000;
const pauseMaxMs = 60 * 60 * 1000;

/**
 * A lease that keeps itself alive, until it is revoked, the client is closed, or the cluster cannot be reached for as
 * long as the lease lasts.
 *
 * `lost` is aborted then: whatever relies on the lease must stop. It is aborted in time, by the own clock: as long as
 * it is not, the cluster has not ended the lease, if clocks run at nearly the same rate and this process is not
 * paused. That is a hope and no proof: see docs/locks.md for what makes sure.
 */
export class Lease implements AsyncDisposable {
  readonly id: bigint;
  readonly ttlSeconds: number;
  /** Aborted when the lease is not known to exist any more; the reason is a QuorateError, mostly `lease-lost`. */
  readonly lost: AbortSignal;
  readonly #caller: Caller;
  readonly #clock: Clock;
  readonly #ended = new AbortController();
  readonly #onEnd: () => void;
  /** Until when the lease lasts at least. */
  #safeUntilMs: number;
  #cancelTimer: () => void = () => undefined;
  #renewing: Promise<void> | null = null;

  /** Made by `QuorateClient.grantLease`. The lease was asked for at `askedMs`. `onEnd` is called once. */
  constructor(
    caller: Caller,
    granted: { readonly id: bigint; readonly ttlSeconds: number; readonly askedMs: number },
    onEnd: (lease: Lease) => void,
  ) {
    this.#caller = caller;
    this.#clock = caller.settings.clock;
    this.id = granted.id;
    this.ttlSeconds = granted.ttlSeconds;
    this.lost = this.#ended.signal;
    this.#onEnd = () => onEnd(this);
    this.#safeUntilMs = granted.askedMs + this.#ttlMs;
    this.#schedule(this.#ttlMs * renewalPart);
  }

  /** How long the lease lasts from now on at least, in milliseconds, if nothing were heard of the cluster any more. */
  get safeForMs(): number {
    return this.lost.aborted ? 0 : Math.max(0, this.#safeUntilMs - this.#clock.nowMs());
  }

  /** Ends the lease, and with it its keys. No error if it has ended already. */
  async revoke(options: CallOptions = {}): Promise<void> {
    this.#end(new QuorateError('lease-lost', 'the lease was revoked by its owner'));
    await this.#renewing;
    const method = leaseService.methods.leaseRevoke;
    try {
      await this.#caller.call({ method, request: { ID: this.id }, kind: 'write', to: 'leader' }, options);
    } catch (error) {
      if (!(error instanceof QuorateError && error.code === 'lease-not-found')) throw error;
    }
  }

  /** Revokes it; if that fails, the lease ends by itself, because nobody keeps it alive any longer. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.revoke().catch(() => undefined);
  }

  /** For the client, when it is closed: the lease is not kept alive any longer. */
  abandon(): void {
    this.#end(new QuorateError('client-closed', 'the client that kept the lease alive was closed'));
  }

  get #ttlMs(): number {
    return this.ttlSeconds * 1000;
  }

  #schedule(delayMs: number): void {
    // Not beyond the end, which must be noticed in time.
    const waitMs = Math.max(0, Math.min(delayMs, this.safeForMs, pauseMaxMs));
    this.#cancelTimer = this.#clock.setTimer(waitMs, () => {
      if (this.safeForMs === 0) this.#end(lostInSilence());
      else this.#renewing ??= this.#renew().finally(() => (this.#renewing = null));
    });
  }

  async #renew(): Promise<void> {
    const askedMs = this.#clock.nowMs();
    const patienceMs = Math.max(1_000, Math.min(this.#ttlMs * renewalPart, renewalMaxMs));
    const timeoutMs = Math.max(1, Math.floor(Math.min(this.safeForMs, patienceMs)));
    try {
      const ttlSeconds = await renewLease(this.#caller, this.id, { signal: this.lost, timeoutMs });
      if (ttlSeconds === 0) {
        this.#end(new QuorateError('lease-lost', 'the lease has ended in the cluster'));
        return;
      }
      this.#safeUntilMs = askedMs + ttlSeconds * 1000;
      this.#schedule(this.#ttlMs * renewalPart);
    } catch {
      if (!this.lost.aborted) this.#schedule(this.#ttlMs * retryPart);
    }
  }

  #end(reason: QuorateError): void {
    if (this.lost.aborted) return;
    this.#cancelTimer();
    this.#ended.abort(reason);
    this.#onEnd();
  }
}

/** Keeps a lease alive once. Resolves with its TTL in seconds, 0 if there is no such lease. */
export async function renewLease(caller: Caller, id: bigint, options: CallOptions): Promise<number> {
  // The method is a stream of requests and answers; a single request with a single answer is such a stream, too.
  const method = leaseService.methods.leaseKeepAlive;
  const { TTL } = await caller.call({ method, request: { ID: id }, kind: 'read', to: 'leader' }, options);
  return TTL;
}

/** What to ask for. Throws `invalid-argument`. */
export function toLeaseRequest({ ttlSeconds, id = 0n }: LeaseOptions): { ID: bigint; TTL: number } {
  return { ID: id, TTL: integer('ttlSeconds', ttlSeconds, 1) };
}

function lostInSilence(): QuorateError {
  return new QuorateError('lease-lost', 'the cluster could not be reached for as long as the lease lasts');
}
