import type { Clock, Timer } from '@quorate/replica';

/** Node's timers take no longer delay: a longer one would fire at once. */
const timerMaxMs = 2 ** 31 - 1;

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
    return startTimer(Math.ceil(delayMs) + 1, callback);
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }
}

function startTimer(delayMs: number, callback: () => void): Timer {
  if (delayMs > timerMaxMs) {
    let rest: Timer | null = null;
    const first = setTimeout(() => {
      rest = startTimer(delayMs - timerMaxMs, callback);
    }, timerMaxMs);
    return {
      cancel: () => {
        clearTimeout(first);
        rest?.cancel();
      },
    };
  }
  const handle = setTimeout(callback, delayMs);
  return { cancel: () => clearTimeout(handle) };
}
