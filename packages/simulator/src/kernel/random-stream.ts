import assert from 'node:assert/strict';

/**
 * A deterministic source of numbers: the generator sfc32 (Chris Doty-Humphrey, PractRand), 128 bits of state.
 *
 * Each purpose of a run draws from a stream of its own, made by `streamOf`. So a change in how often one
 * purpose draws, for instance because shrinking removed a fault, leaves all other streams as they were.
 */
export class RandomStream {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  constructor(a: number, b: number, c: number) {
    this.a = a | 0;
    this.b = b | 0;
    this.c = c | 0;
    for (let round = 0; round < 12; round += 1) {
      this.next();
    }
  }

  /** The next 32 bits, as an integer in [0, 2^32). */
  next(): number {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A number in [0, 1). */
  fraction(): number {
    return this.next() / 0x1_0000_0000;
  }

  /** An integer in [0, bound); `bound` is at least 1 and at most 2^32. */
  integer(bound: number): number {
    assert(bound >= 1 && bound <= 0x1_0000_0000, `bound ${bound} is out of range`);
    return Math.floor(this.fraction() * bound);
  }

  /** An integer in [low, high], both included. */
  between(low: number, high: number): number {
    return low + this.integer(high - low + 1);
  }

  /** True with this probability. Draws nothing for 0, so that a fault that is off costs nothing. */
  chance(probability: number): boolean {
    return probability > 0 && this.fraction() < probability;
  }

  /** Exponentially distributed with this mean, cut at twenty times the mean. */
  exponential(mean: number): number {
    return Math.min(-Math.log(1 - this.fraction()), 20) * mean;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.integer(items.length)];
    assert(item !== undefined, 'nothing to pick from');
    return item;
  }

  /** The items in random order. */
  shuffled<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let last = result.length - 1; last > 0; last -= 1) {
      const other = this.integer(last + 1);
      const moved = result[last] as T;
      result[last] = result[other] as T;
      result[other] = moved;
    }
    return result;
  }
}

/** The stream of this run for this purpose. `seed` is a safe integer >= 0. */
export function streamOf(seed: number, purpose: string): RandomStream {
  assert(Number.isSafeInteger(seed) && seed >= 0, `a seed is a safe integer >= 0, got ${seed}`);
  const low = seed >>> 0;
  const high = Math.floor(seed / 0x1_0000_0000) >>> 0;
  let hash = 0x811c_9dc5;
  for (let position = 0; position < purpose.length; position += 1) {
    hash = Math.imul(hash ^ purpose.charCodeAt(position), 0x0100_0193);
  }
  return new RandomStream(scramble(low ^ hash), scramble(high + hash), scramble(Math.imul(hash, 31) ^ low));
}

/** Spreads nearby seeds over the whole range (the finalizer of MurmurHash3). */
function scramble(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35);
  return bits ^ (bits >>> 16);
}
