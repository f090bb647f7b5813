import { KeyHistory, type KeyVersion } from './key-history.ts';
import { KeyIndex } from './key-index.ts';
import type { Key } from './key-range.ts';
import { ShardedMap } from './sharded-map.ts';
import { type MutableRun, SortedRuns } from './sorted-runs.ts';

/**
 * Builds the index of many versions of many keys: sorts the keys, and then puts them into the tree one behind the other.
 * To find a place for each as it comes takes several times as long if they come in no order.
 */
export class KeyIndexBuilder {
  private readonly lookup = new ShardedMap<KeyHistory>();
  private readonly runs = new SortedRuns<KeyHistory>();

  /** Adds a version. Returns false, and does nothing, if it is no newer than what there is of its key. */
  add(key: Key, { modRevision, createRevision, version, position }: KeyVersion): boolean {
    const history = this.lookup.get(key);
    if (history === undefined) {
      const first = new KeyHistory(modRevision, createRevision, version, position);
      this.lookup.set(key, first);
      this.runs.add(key, first);
      return true;
    }
    if (history.modRevision >= modRevision) return false;
    history.append(modRevision, createRevision, version, position);
    return true;
  }

  /** Makes the index of all that was added. */
  build(): KeyIndex {
    const all: MutableRun<KeyHistory> = { keys: [], values: [] };
    for (const { keys, values } of this.runs.slices()) {
      all.keys.push(...keys);
      all.values.push(...values);
    }
    return KeyIndex.fromSorted(this.lookup, all);
  }

  /** As `build`, in steps of a few milliseconds, each of which is one of the iteration. Takes longer in all. */
  *buildInSteps(): Generator<void, KeyIndex> {
    const index = new KeyIndex(this.lookup);
    for (const slice of this.runs.slices()) {
      index.append(slice);
      yield;
    }
    return index;
  }
}
