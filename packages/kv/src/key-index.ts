import assert from 'node:assert/strict';
import sortedBTree from 'sorted-btree';
import { bulkLoad } from 'sorted-btree/extended/bulkLoad.js';
import { KeyHistory, type KeyVersion } from './key-history.ts';
import type { Key, KeyRange } from './key-range.ts';
import { ShardedMap } from './sharded-map.ts';

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
  private ordered: Tree = new sortedBTree.default(undefined, compareKeys, nodeMaxKeys);
  private readonly lookup = new ShardedMap<KeyHistory>();

  /**
   * Builds an index from all versions of all keys. Those of one key must come oldest first. It sorts the keys
   * once, if they come in no order, which is faster than to insert one after the other.
   */
  static fromVersions(versions: Iterable<{ readonly key: Key; readonly version: KeyVersion }>): KeyIndex {
    const index = new KeyIndex();
    const keys: Key[] = [];
    const histories: KeyHistory[] = [];
    let isSorted = true;
    for (const { key, version } of versions) {
      const { modRevision, createRevision, version: count, position } = version;
      const history = index.lookup.get(key);
      if (history === undefined) {
        const first = new KeyHistory(modRevision, createRevision, count, position);
        index.lookup.set(key, first);
        isSorted &&= keys.length === 0 || (keys.at(-1) as Key) < key;
        keys.push(key);
        histories.push(first);
      } else {
        assert(history.modRevision < modRevision, 'the versions of a key come oldest first');
        history.append(modRevision, createRevision, count, position);
      }
    }
    // The default order is that of the code units, which is ours, and is found without a call for each pair.
    if (!isSorted) keys.sort();
    const sorted = isSorted ? histories : keys.map((key) => index.lookup.get(key) as KeyHistory);
    index.ordered = bulkLoad(keys, sorted, nodeMaxKeys, compareKeys);
    return index;
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

  /** Adds a version, which must be the newest one of its key. */
  add(key: Key, { modRevision, createRevision, version, position }: KeyVersion): void {
    const history = this.lookup.get(key);
    if (history === undefined) {
      this.insert(key, new KeyHistory(modRevision, createRevision, version, position));
    } else {
      assert(history.modRevision < modRevision, 'the versions of a key come oldest first');
      history.append(modRevision, createRevision, version, position);
    }
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

function compareKeys(a: Key, b: Key): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
