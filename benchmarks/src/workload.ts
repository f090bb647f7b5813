/** One request of the load. */
export type Operation = { readonly kind: 'get' | 'put'; readonly key: string };

/**
 * An endless stream of operations over a fixed set of keys, chosen uniformly. Equal seeds give equal
 * streams, so that every system answers the same requests.
 */
export class Workload {
  readonly #keys: number;
  readonly #reads: number;
  readonly #random: () => number;

  constructor(options: { readonly keys: number; readonly reads: number; readonly seed: number }) {
    this.#keys = options.keys;
    this.#reads = options.reads;
    this.#random = mulberry32(options.seed);
  }

  next(): Operation {
    const kind = this.#random() < this.#reads ? 'get' : 'put';
    return { kind, key: keyName(this.nextKeyNumber()) };
  }

  nextKeyNumber(): number {
    return Math.floor(this.#random() * this.#keys);
  }
}

/** What the names of all keys begin with. */
export const keyPrefix = 'bench/';

/** The name of the key with this number; all names have the same length. */
export function keyName(number: number): string {
  return `${keyPrefix}${number.toString().padStart(8, '0')}`;
}

/** A value that does not compress, the same for every call with the same size. */
export function valueOf(sizeBytes: number): Uint8Array {
  const random = mulberry32(sizeBytes);
  return Uint8Array.from({ length: sizeBytes }, () => Math.floor(random() * 256));
}

/** Tommy Ettinger's generator: 32 bits of state, numbers in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
