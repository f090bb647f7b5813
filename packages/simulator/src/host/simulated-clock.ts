import type { Clock, Timer } from '@quorate/replica';
import type { Kernel } from '../kernel/kernel.ts';
import type { Life } from './life.ts';

/** How a host's clock differs from true time. Belongs to the host: it survives its processes. */
export type ClockSkew = {
  /** Local seconds per true second: 1.05 is a clock that runs five percent fast. */
  readonly rate: number;
  /** Milliseconds that the monotonic clock has leapt forward so far. It never goes back. */
  leapMs: number;
  /** Milliseconds between the host's idea of the date and the truth. May change both ways at any time. */
  wallOffsetMs: number;
};

/** The simulated 1 January 2026, 00:00 UTC: where the true wall clock starts in every run. */
const WALL_ORIGIN_MS = 1_767_225_600_000;

/** The clock of one process on a host whose clock is skewed. */
export class SimulatedClock implements Clock {
  private readonly kernel: Kernel;
  private readonly life: Life;
  private readonly skew: ClockSkew;

  constructor(kernel: Kernel, life: Life, skew: ClockSkew) {
    this.kernel = kernel;
    this.life = life;
    this.skew = skew;
  }

  monotonicMs(): number {
    return (this.kernel.nowUs / 1000) * this.skew.rate + this.skew.leapMs;
  }

  wallMs(): number {
    return WALL_ORIGIN_MS + this.kernel.nowUs / 1000 + this.skew.wallOffsetMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const cancel = this.life.after((Math.max(0, delayMs) * 1000) / this.skew.rate, callback);
    return { cancel };
  }

  /** An event at this very time, behind those that are scheduled for it already. */
  defer(callback: () => void): void {
    this.life.after(0, callback);
  }
}
