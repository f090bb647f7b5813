import { setTimeout as sleep } from 'node:timers/promises';

const patienceMs = 10_000;

/** Waits until the condition holds. Rejects with `what` if it does not within ten seconds. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const endMs = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`waited in vain until ${what}`);
    await sleep(2);
  }
}
