import type { Clock } from '@quorate/replica';

/** However long a step took, others have waited long enough after this. */
const restMaxMs = 50;
/** A step that found that it had to wait is not tried again before. */
const restMinMs = 1;

/**
 * Resolves when everything else has had as much time as a step of long work took. A put passes through the event loop
 * several times until it is answered; if there were a step each time, it would take as long as all of them.
 */
export async function restAfter(clock: Clock, startedMs: number): Promise<void> {
  const restMs = Math.min(restMaxMs, Math.max(restMinMs, clock.monotonicMs() - startedMs));
  await new Promise<void>((resolve) => {
    clock.setTimer(restMs, resolve);
  });
}
