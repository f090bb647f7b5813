import type { Random } from '@quorate/replica';

/** How long to wait between attempts. */
export type BackoffOptions = {
  readonly initialMs: number;
  readonly maxMs: number;
};

/**
 * Waits twice as long after each failure, up to a maximum, and shortens each wait by a random part of up to
 * half of it, so that members that lost one peer together do not come back together.
 */
export class Backoff {
  private readonly options: BackoffOptions;
  private readonly random: Random;
  private nextMs: number;

  constructor(options: BackoffOptions, random: Random) {
    this.options = options;
    this.random = random;
    this.nextMs = options.initialMs;
  }

  /** How long to wait now, in milliseconds. */
  next(): number {
    const waitMs = this.nextMs;
    this.nextMs = Math.min(waitMs * 2, this.options.maxMs);
    return waitMs - this.random.integer(Math.floor(waitMs / 2) + 1);
  }

  /** The next failure is a first one again. */
  reset(): void {
    this.nextMs = this.options.initialMs;
  }
}
