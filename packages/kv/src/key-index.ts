import sortedBTree from 'sorted-btree';
import { bulkLoad } from 'sorted-btree/extended/bulkLoad.js';
import { KeyHistory, type KeyVersion } from './key-history.ts';
import type { Key, KeyRange } from './key-range.ts';
import { ShardedMap } from './sharded-map.ts';
import type { MutableRun, Run } from './sorted-runs.ts';

/** The tree's node size: larger nodes make fewer objects, smaller ones move less on insertion. */
const nodeMaxKeys = 64;

type Tree = InstanceType<typeof sortedBTree.default<Key, KeyHistory>>;

/**
 * Every key with its versions, in memory: answers which record of the engine holds a key at a revision. It is
 * never stored: opening a store builds it anew from the records.
 *
 * The keys are in a tree, for their order, and in a hash map, because that finds a single one much faster.
 */
export class KeyIndex {
  private readonly ordered: Tree;
  private readonly lookup: ShardedMap<KeyHistory>;

  /** An index with nothing in it; or of all that is in `lookup`, which must be in the tree, too, or be added to it next. */
  constructor(lookup = new ShardedMap<KeyHistory>(), ordered = emptyTree()) {
    this.lookup = lookup;
    this.ordered = ordered;
  }

  /** The index of all that is in `lookup`, made at once of the same in order. */
  static fromSorted(lookup: ShardedMap<KeyHistory>, { keys, values }: MutableRun<KeyHistory>): KeyIndex {
    return new KeyIndex(lookup, bulkLoad(keys, values, nodeMaxKeys, compareKeys));
  }

  /** Adds keys to the tree that come after all that are there. */
  append({ keys, values }: Run<KeyHistory>): void {
    for (const [place, key] of keys.entries()) {
      this.ordered.set(key, values[place] as KeyHistory);
    }
  }

  /** The number of keys, deleted ones included as long as a version is left. */
  get size(): number {
    return this.ordered.size;
  }

  get(key: Key): KeyHistory | undefined {
    return this.lookup.get(key);
  }

  /** Adds a key that is not there. */
  insert(key: Key, history: KeyHistory): void {
    this.lookup.set(key, history);
    this.ordered.set(key, history);
  }

  delete(key: Key): void {
    this.lookup.delete(key);
    this.ordered.delete(key);
  }

  /** Calls `visit` for every key of the range that existed at `revision`, in order. */
  visit(range: KeyRange, revision: number, visit: (key: Key, version: KeyVersion) => void): void {
    this.visitHistories(range, (key, history) => {
      const version = history.at(revision);
      if (version !== null) {
        visit(key, version);
      }
    });
  }

  /** Calls `visit` for every key of the range that the index knows, deleted or not, in order. */
  visitHistories(range: KeyRange, visit: (key: Key, history: KeyHistory) => void): void {
    if (range.end !== null) {
      if (range.start < range.end) {
        this.ordered.forRange(range.start, range.end, false, visit);
      }
      return;
    }
    const last = this.ordered.maxKey();
    if (last !== undefined) {
      this.ordered.forRange(range.start, last, true, visit);
    }
  }

  /** The keys after `key` (from the first one if null) with their histories, in order. */
  entriesAfter(key: Key | null): Iterable<[Key, KeyHistory]> {
    return key === null ? this.ordered.entries() : this.ordered.entries(`${key}\0`);
  }
}

function emptyTree(): Tree {
  return new sortedBTree.default(undefined, compareKeys, nodeMaxKeys);
}

function compareKeys(a: Key, b: Key): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
