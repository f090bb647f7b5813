/** Time as the client sees it. Replaced in tests. */
export type Clock = {
  /** Milliseconds on a clock that never goes back; its origin means nothing. */
  nowMs(): number;
  /** Calls `callback` once, no sooner than `delayMs` from now. The result cancels it. */
  setTimer(delayMs: number, callback: () => void): () => void;
};

/** A number in [0, 1), for jitter. Replaced in tests. */
export type Random = () => number;

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
