import type { Clock } from '../ports.ts';

/** Lets everything that waits happen first: long work pauses after every few milliseconds. */
export async function pause(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.defer(resolve));
}
