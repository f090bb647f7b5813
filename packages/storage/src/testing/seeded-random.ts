import type { Random } from './memory-inode.ts';

/** A small generator (mulberry32) whose numbers depend on the seed alone. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    integer(bound: number): number {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * bound);
    },
  };
}
