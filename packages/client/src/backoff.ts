import type { Random } from './clock.ts';

/** How pauses between tries grow. */
export type BackoffPolicy = {
  /** Upper bound of the first pause, in milliseconds. */
  readonly baseMs: number;
  /** Upper bound of any pause, in milliseconds. */
  readonly maxMs: number;
};

/**
 * The pause before try number `attempt` (1 is the first retry). The bound doubles each time; the pause is
 * drawn from its upper half, so that clients that failed together do not come back together, yet none
 * comes back at once.
 */
export function backoffDelayMs(attempt: number, policy: BackoffPolicy, random: Random): number {
  const bound = Math.min(policy.maxMs, policy.baseMs * 2 ** Math.min(attempt - 1, 30));
  return bound / 2 + (bound / 2) * random();
}
