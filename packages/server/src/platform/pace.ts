import type { Clock } from '@quorate/replica';

/** However long a step took, others have waited long enough after this. */
const restMaxMs = 50;

export type PaceOptions = {
  /**
   * Steps follow each other, with nothing but the events that are ready in between, until they have taken so long, in
   * milliseconds. Default 0.
   */
  readonly burstMs?: number;
  /** The shortest rest, for steps that keep more than this process busy, such as the disk, in milliseconds. Default 1. */
  readonly restMinMs?: number;
};

/**
 * Gives everything else as much time as the steps of long work take. A put passes through the event loop several times
 * until it is answered; if there were a step each time, it would take as long as all of them.
 */
export class Pace {
  private readonly clock: Clock;
  private readonly burstMs: number;
  private readonly restMinMs: number;
  /** What the others have not had yet; below 0 what they had in advance. */
  private owedMs = 0;

  constructor(clock: Clock, { burstMs = 0, restMinMs = 1 }: PaceOptions = {}) {
    this.clock = clock;
    this.burstMs = burstMs;
    this.restMinMs = restMinMs;
  }

  /** To be awaited after each step, which began at `startedMs`. */
  async restAfter(startedMs: number): Promise<void> {
    const { clock, burstMs } = this;
    const endedMs = clock.monotonicMs();
    this.owedMs = Math.min(restMaxMs, this.owedMs + endedMs - startedMs);
    await new Promise<void>((resolve) => {
      if (this.owedMs < burstMs) clock.defer(resolve);
      else clock.setTimer(Math.max(this.restMinMs, this.owedMs), resolve);
    });
    this.owedMs = Math.max(-burstMs, this.owedMs - (clock.monotonicMs() - endedMs));
  }
}
