import assert from 'node:assert/strict';

/** Each power of two is divided into this many buckets: a recorded value is at most 1/128 too large. */
const bucketsPerOctave = 128;
const octaves = 40;

/**
 * Counts durations in buckets whose width grows with the value, so that a quantile is within 0.8 % of the
 * truth at every scale and memory does not depend on the number of samples.
 *
 * Values are whole numbers from 0 to 2^40 - 1, here microseconds (12 days).
 */
export class Histogram {
  readonly counts: Float64Array;
  #total = 0;
  #max = 0;

  constructor() {
    this.counts = new Float64Array(octaves * bucketsPerOctave);
  }

  get total(): number {
    return this.#total;
  }

  /** The largest value recorded, exactly. */
  get max(): number {
    return this.#max;
  }

  record(value: number): void {
    const whole = Math.max(0, Math.round(value));
    const index = bucketOf(whole);
    this.counts[index] = (this.counts[index] ?? 0) + 1;
    this.#total += 1;
    this.#max = Math.max(this.#max, whole);
  }

  /** Adds everything that `snapshot` describes: how the threads of a load come together. */
  add(snapshot: HistogramSnapshot): void {
    assert.equal(snapshot.counts.length, this.counts.length);
    for (const [index, count] of snapshot.counts.entries()) {
      this.counts[index] = (this.counts[index] ?? 0) + count;
      this.#total += count;
    }
    this.#max = Math.max(this.#max, snapshot.max);
  }

  snapshot(): HistogramSnapshot {
    return { counts: this.counts, max: this.#max };
  }

  /**
   * The smallest value that at least the fraction `quantile` of all values do not exceed, as the upper end
   * of its bucket; 0 if nothing was recorded.
   */
  quantile(quantile: number): number {
    assert(quantile >= 0 && quantile <= 1);
    const wanted = Math.max(1, Math.ceil(quantile * this.#total));
    let seen = 0;
    for (const [index, count] of this.counts.entries()) {
      seen += count;
      if (seen >= wanted) {
        return Math.min(highestValueOf(index), this.#max);
      }
    }
    return 0;
  }
}

/** What crosses from one thread to another. */
export type HistogramSnapshot = { readonly counts: Float64Array; readonly max: number };

/** Values below 128 have a bucket each; above, an octave from 2^n to 2^(n+1) - 1 is cut into 128. */
function bucketOf(value: number): number {
  assert(value < 2 ** octaves, `a duration of ${value} is out of range`);
  if (value < bucketsPerOctave) {
    return value;
  }
  const exponent = Math.floor(Math.log2(value)) - Math.log2(bucketsPerOctave);
  const position = Math.floor(value / 2 ** exponent) - bucketsPerOctave;
  return (exponent + 1) * bucketsPerOctave + position;
}

function highestValueOf(index: number): number {
  if (index < bucketsPerOctave) {
    return index;
  }
  const exponent = Math.floor(index / bucketsPerOctave) - 1;
  const position = index % bucketsPerOctave;
  return (bucketsPerOctave + position + 1) * 2 ** exponent - 1;
}
