import type { Clock } from '@quorate/replica';

/** However long a step took, others have waited long enough after this. */
const restMaxMs = 50;
/** A step that found that it had to wait is not tried again before. */
const restMinMs = 1;

/**
 * Gives everything else as much time as the steps of long work take. A put passes through the event loop several times
 * until it is answered; if there were a step each time, it would take as long as all of them.
 */
export class Pace {
  private readonly clock: Clock;
  private readonly burstMs: number;
  /** What the others have not had yet; below 0 what they had in advance. */
  private owedMs = 0;

  /** Steps follow each other, with nothing but the events that are ready in between, until they have taken `burstMs`. */
  constructor(clock: Clock, burstMs = 0) {
    this.clock = clock;
    this.burstMs = burstMs;
  }

  /** To be awaited after each step, which began at `startedMs`. */
  async restAfter(startedMs: number): Promise<void> {
    const { clock, burstMs } = this;
    const endedMs = clock.monotonicMs();
    this.owedMs = Math.min(restMaxMs, this.owedMs + endedMs - startedMs);
    await new Promise<void>((resolve) => {
      if (this.owedMs < burstMs) clock.defer(resolve);
      else clock.setTimer(Math.max(restMinMs, this.owedMs), resolve);
    });
    this.owedMs = Math.max(-burstMs, this.owedMs - (clock.monotonicMs() - endedMs));
  }
}
