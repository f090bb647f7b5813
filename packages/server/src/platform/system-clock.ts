import type { Clock, Timer } from '@quorate/replica';

/** The host's clocks and timers. */
export class SystemClock implements Clock {
  monotonicMs(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    // Node's timers may fire up to a millisecond early, because they round down; "no sooner" is a promise.
    const handle = setTimeout(callback, Math.ceil(delayMs) + 1);
    return { cancel: () => clearTimeout(handle) };
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }
}
