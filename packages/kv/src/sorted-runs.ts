import type { Key } from './key-range.ts';

/** Keys in ascending order, each with its value at the same place of the other array. */
export type Run<Value> = { readonly keys: readonly Key[]; readonly values: readonly Value[] };

export type MutableRun<Value> = { readonly keys: Key[]; readonly values: Value[] };

/** How many keys are sorted at a time, and come out at a time: a millisecond or two. */
const sliceKeys = 4096;

/**
 * Sorts many keys, each of which comes once, without ever stopping for long. Those that come in ascending order are a
 * run as they are, of any length; the others are sorted some thousand at a time; and at the end all runs are merged.
 */
export class SortedRuns<Value> {
  private readonly ascending: MutableRun<Value> = { keys: [], values: [] };
  private readonly sorted: Run<Value>[] = [];
  private unsorted: MutableRun<Value> = { keys: [], values: [] };

  add(key: Key, value: Value): void {
    const last = this.ascending.keys.at(-1);
    const run = last === undefined || last < key ? this.ascending : this.unsorted;
    run.keys.push(key);
    run.values.push(value);
    if (this.unsorted.keys.length === sliceKeys) this.sort();
  }

  /** All that was added, in order. Nothing may be added any more. */
  *slices(): Iterable<Run<Value>> {
    this.sort();
    const merge = new Merge([this.ascending, ...this.sorted]);
    for (;;) {
      const slice = merge.take(sliceKeys);
      if (slice.keys.length === 0) return;
      yield slice;
    }
  }

  private sort(): void {
    const { keys, values } = this.unsorted;
    const places = keys.map((_, place) => place);
    places.sort((a, b) => ((keys[a] as Key) < (keys[b] as Key) ? -1 : 1));
    this.sorted.push({
      keys: places.map((place) => keys[place] as Key),
      values: places.map((place) => values[place] as Value),
    });
    this.unsorted = { keys: [], values: [] };
  }
}

/** What is left of a run, from its smallest key on. */
type Rest<Value> = Run<Value> & { next: number; key: Key };

/** The runs that are not at their end, as a heap: the one with the smallest key is the first. */
class Merge<Value> {
  private readonly rests: Rest<Value>[];

  constructor(runs: readonly Run<Value>[]) {
    this.rests = runs
      .filter(({ keys }) => keys.length > 0)
      .map((run) => ({ ...run, next: 0, key: run.keys[0] as Key }));
    // In order they are a heap.
    this.rests.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  take(max: number): Run<Value> {
    const slice: MutableRun<Value> = { keys: [], values: [] };
    while (slice.keys.length < max) {
      const [first] = this.rests;
      if (first === undefined) break;
      slice.keys.push(first.key);
      slice.values.push(first.values[first.next] as Value);
      this.advance(first);
    }
    return slice;
  }

  private advance(first: Rest<Value>): void {
    first.next += 1;
    const key = first.keys[first.next];
    if (key !== undefined) {
      first.key = key;
      this.sink(first);
      return;
    }
    const last = this.rests.pop();
    if (last !== undefined && last !== first) this.sink(last);
  }

  /** Puts a rest in the first place, and moves it to where it belongs. */
  private sink(rest: Rest<Value>): void {
    const { rests } = this;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      const [left, right] = [rests[child], rests[child + 1]];
      if (left === undefined) break;
      let smaller = left;
      if (right !== undefined && right.key < left.key) {
        smaller = right;
        child += 1;
      }
      if (rest.key < smaller.key) break;
      rests[place] = smaller;
      place = child;
    }
    rests[place] = rest;
  }
}
