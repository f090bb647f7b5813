import type { Model } from './model.ts';

/**
 * A point of the search: the first `position` returns are behind it, `ordered` says which of the operations
 * running there have been given their place already, and `state` is what the object holds then.
 */
export type SearchPoint<State> = {
  readonly position: number;
  readonly ordered: Uint32Array;
  readonly state: State;
};

/** The points that the search has been at, found again by their content. */
export class SearchMemory<State> {
  readonly #model: Model<State, never, never>;
  readonly #answeredWords: number;
  readonly #buckets = new Map<number, SearchPoint<State>[]>();
  #size = 0;

  constructor(model: Model<State, never, never>, answeredWords: number) {
    this.#model = model;
    this.#answeredWords = answeredWords;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * False if the search was at a point before from which it could go at least as far: one that is equal but for
   * unanswered operations that have a place in the new point and none in the old one.
   */
  add(point: SearchPoint<State>): boolean {
    const key = this.#hash(point);
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      this.#buckets.set(key, [point]);
    } else {
      if (bucket.some((known) => this.#covers(known, point))) return false;
      bucket.push(point);
    }
    this.#size++;
    return true;
  }

  pointsAt(position: number): readonly SearchPoint<State>[] {
    return [...this.#buckets.values()].flat().filter((point) => point.position === position);
  }

  #hash(point: SearchPoint<State>): number {
    let hash = Math.imul(point.position, 0x9e3779b1) ^ this.#model.hash(point.state);
    for (let index = 0; index < this.#answeredWords; index++) {
      hash = Math.imul(hash ^ (point.ordered[index] ?? 0), 0x85ebca6b) ^ (hash >>> 15);
    }
    return hash | 0;
  }

  #covers(known: SearchPoint<State>, point: SearchPoint<State>): boolean {
    if (known.position !== point.position) return false;
    for (let index = 0; index < known.ordered.length; index++) {
      const knownWord = known.ordered[index] ?? 0;
      const pointWord = point.ordered[index] ?? 0;
      if (index < this.#answeredWords ? knownWord !== pointWord : (knownWord & ~pointWord) !== 0)
        return false;
    }
    return known.state === point.state || this.#model.equals(known.state, point.state);
  }
}
