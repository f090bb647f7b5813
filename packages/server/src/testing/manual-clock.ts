import type { Clock, Timer } from '@quorate/replica';

type PendingTimer = Timer & { readonly dueMs: number; readonly callback: () => void };

/** A clock that stands still until a test moves it. `defer` works as on the real one. */
export class ManualClock implements Clock {
  private nowMs = 0;
  private timers: PendingTimer[] = [];

  monotonicMs(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return this.nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = {
      dueMs: this.nowMs + delayMs,
      callback,
      cancel: () => {
        this.timers = this.timers.filter((candidate) => candidate !== timer);
      },
    };
    this.timers.push(timer);
    return timer;
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }

  /** How many timers nobody has cancelled. */
  get pendingTimers(): number {
    return this.timers.length;
  }

  /** Moves time on and fires what becomes due, in order. */
  advance(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    for (;;) {
      const [next] = this.timers.filter((timer) => timer.dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs);
      if (next === undefined) break;
      next.cancel();
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      next.callback();
    }
    this.nowMs = endMs;
  }
}
