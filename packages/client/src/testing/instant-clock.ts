import type { Clock } from '../clock.ts';

/** A clock on which every timer is due at once: it records the delays and moves on by them. */
export class InstantClock implements Clock {
  readonly delays: number[] = [];
  #nowMs = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    this.delays.push(delayMs);
    const immediate = setImmediate(() => {
      this.#nowMs += delayMs;
      callback();
    });
    return () => clearImmediate(immediate);
  }
}
