import type { Random } from '@quorate/replica';

/** Good enough to spread timeouts and number requests; nothing that must not be guessed comes from it. */
export class SystemRandom implements Random {
  integer(bound: number): number {
    return Math.floor(Math.random() * bound);
  }
}
