import assert from 'node:assert/strict';
import type { Clock, Timer } from '../ports.ts';

type Alarm = { readonly atMs: number; readonly callback: () => void };

/** Far more than anything in a test takes. */
const PAUSES_MAX = 20_000;

/** A clock that stands still until a test moves it. Shared by all members of a test's cluster. */
export class ManualClock implements Clock {
  private nowMs = 0;
  private readonly alarms = new Set<Alarm>();
  private deferred: (() => void)[] = [];

  monotonicMs(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return this.nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const alarm = { atMs: this.nowMs + delayMs, callback };
    this.alarms.add(alarm);
    return { cancel: () => void this.alarms.delete(alarm) };
  }

  defer(callback: () => void): void {
    this.deferred.push(callback);
  }

  /** Timers that nobody has cancelled: a test that ends with some has found a leak. */
  get timers(): number {
    return this.alarms.size;
  }

  /** Moves on by `ms`, one millisecond at a time, and lets everything happen that is due. */
  async advance(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    await this.settle();
    while (this.nowMs < endMs) {
      this.nowMs += 1;
      for (const alarm of this.alarms) {
        if (alarm.atMs <= this.nowMs && this.alarms.delete(alarm)) {
          alarm.callback();
        }
      }
      await this.settle();
    }
  }

  /** Waits for something that takes no time but pauses to let others work. Rejects when nothing comes of it. */
  async settling<Result>(work: Promise<Result>): Promise<Result> {
    const state = { isDone: false };
    const done = work.finally(() => {
      state.isDone = true;
    });
    done.catch(() => undefined);
    for (let pauses = 0; !state.isDone; pauses += 1) {
      assert(pauses < PAUSES_MAX, 'it is over without the clock being moved');
      await this.settle();
    }
    return done;
  }

  /** Runs what is deferred, and what that defers, until nothing is left. */
  async settle(): Promise<void> {
    do {
      const callbacks = this.deferred;
      this.deferred = [];
      for (const callback of callbacks) {
        callback();
      }
      // Twice: the simulated disk answers through chains of promises.
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.deferred.length > 0);
  }
}
