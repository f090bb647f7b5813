/** A set of 64-bit fingerprints in typed arrays: sixteen to thirty-two bytes for each. */
export class FingerprintSet {
  #low: Int32Array;
  #high: Int32Array;
  #size = 0;

  constructor(initialCapacity = 1 << 16) {
    this.#low = new Int32Array(initialCapacity);
    this.#high = new Int32Array(initialCapacity);
  }

  get size(): number {
    return this.#size;
  }

  /** False if it was there. */
  add(low: number, high: number): boolean {
    // Zero marks a free place; mapping it to one adds one in 2^64 to the chance of a confusion.
    const usedLow = low === 0 && high === 0 ? 1 : low;
    if (!this.#insert(usedLow, high)) return false;
    this.#size++;
    if (this.#size * 2 > this.#low.length) this.#grow();
    return true;
  }

  #insert(low: number, high: number): boolean {
    const mask = this.#low.length - 1;
    for (let place = (low ^ Math.imul(high, 0x9e3779b1)) & mask; ; place = (place + 1) & mask) {
      const presentLow = this.#low[place];
      const presentHigh = this.#high[place];
      if (presentLow === 0 && presentHigh === 0) {
        this.#low[place] = low;
        this.#high[place] = high;
        return true;
      }
      if (presentLow === low && presentHigh === high) return false;
    }
  }

  #grow(): void {
    const low = this.#low;
    const high = this.#high;
    this.#low = new Int32Array(low.length * 2);
    this.#high = new Int32Array(low.length * 2);
    for (let place = 0; place < low.length; place++) {
      const oneLow = low[place] ?? 0;
      const oneHigh = high[place] ?? 0;
      if (oneLow !== 0 || oneHigh !== 0) this.#insert(oneLow, oneHigh);
    }
  }
}
