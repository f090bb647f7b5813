import { QuorateError } from './quorate-error.ts';
import type { Clock } from './clock.ts';

type Waiter = {
  /** Settles the wait: with the slot, or with the reason why there is none. */
  readonly settle: (failure: QuorateError | null) => void;
};

/**
 * Bounds the calls in flight and those that wait for their turn, first come, first served.
 *
 * Invariant: a call waits only while all slots are taken.
 */
export class CallLimiter {
  readonly #callsMax: number;
  readonly #queuedMax: number;
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();
  readonly #idleWaiters = new Set<() => void>();
  #active = 0;
  #closed = false;

  constructor(callsMax: number, queuedMax: number, clock: Clock) {
    this.#callsMax = callsMax;
    this.#queuedMax = queuedMax;
    this.#clock = clock;
  }

  /**
   * Takes a slot; the caller gives it back with `release`. Null when it was free at once, so that the usual
   * case costs no promise; otherwise a promise that rejects with `client-overloaded`, `client-closed`,
   * `deadline-exceeded` or `cancelled`.
   */
  acquire(deadlineMs: number, signal: AbortSignal | undefined): Promise<void> | null {
    if (this.#closed) return Promise.reject(new QuorateError('client-closed', 'the client is closed'));
    if (this.#active < this.#callsMax) {
      this.#active += 1;
      return null;
    }
    if (this.#waiters.size >= this.#queuedMax) {
      const message = `${this.#active} calls are in flight and ${this.#waiters.size} wait`;
      return Promise.reject(new QuorateError('client-overloaded', message));
    }
    return this.#wait(deadlineMs, signal);
  }

  release(): void {
    const next = this.#waiters.values().next();
    if (!next.done) {
      // The slot passes on without being free in between.
      next.value.settle(null);
      return;
    }
    this.#active -= 1;
    if (this.#active === 0) {
      for (const resolve of this.#idleWaiters) resolve();
      this.#idleWaiters.clear();
    }
  }

  /** Refuses calls from now on, those that wait included. Resolves when the calls in flight have settled. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiter of this.#waiters) {
      waiter.settle(
        new QuorateError('client-closed', 'the client was closed while the call waited for its turn'),
      );
    }
    if (this.#active === 0) return;
    await new Promise<void>((resolve) => {
      this.#idleWaiters.add(resolve);
    });
  }

  async #wait(deadlineMs: number, signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        settle: (failure) => {
          this.#waiters.delete(waiter);
          cancelTimer();
          signal?.removeEventListener('abort', onAbort);
          if (failure === null) resolve();
          else reject(failure);
        },
      };
      const onAbort = (): void => {
        waiter.settle(
          new QuorateError('cancelled', 'cancelled while the call waited for its turn', {
            cause: signal?.reason,
          }),
        );
      };
      const cancelTimer = this.#clock.setTimer(Math.max(0, deadlineMs - this.#clock.nowMs()), () => {
        const message = `no answer in time: ${this.#active} calls were in flight before this one`;
        waiter.settle(new QuorateError('deadline-exceeded', message));
      });
      signal?.addEventListener('abort', onAbort);
      this.#waiters.add(waiter);
    });
  }
}
