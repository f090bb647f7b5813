import assert from 'node:assert/strict';
import sortedBTree from 'sorted-btree';
import { KeyHistory, type KeyVersion } from './key-history.ts';
import type { Key, KeyRange } from './key-range.ts';

/** The tree's node size: larger nodes make fewer objects, smaller ones move less on insertion. */
const nodeMaxKeys = 64;

type Tree = InstanceType<typeof sortedBTree.default<Key, KeyHistory>>;

/**
 * Every key with its versions, in order, in memory: answers which record of the engine holds a key at a
 * revision. It is never stored: opening a store builds it anew from the records.
 */
export class KeyIndex {
  private readonly tree: Tree = new sortedBTree.default(undefined, compareKeys, nodeMaxKeys);

  /** The number of keys, deleted ones included as long as a version is left. */
  get size(): number {
    return this.tree.size;
  }

  get(key: Key): KeyHistory | undefined {
    return this.tree.get(key);
  }

  /** Adds a key that is not there. */
  insert(key: Key, modRevision: number, createRevision: number, version: number, position: number): void {
    this.tree.set(key, new KeyHistory(modRevision, createRevision, version, position));
  }

  /** Takes in a version, newer than all the key has, if it has any. */
  insertOrAppend(key: Key, version: KeyHistory): void {
    if (!this.tree.set(key, version, false)) {
      const history = this.tree.get(key);
      assert(history !== undefined && history.modRevision < version.modRevision, 'records are in order');
      history.append(version.modRevision, version.createRevision, version.version, version.position);
    }
  }

  delete(key: Key): void {
    this.tree.delete(key);
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
        this.tree.forRange(range.start, range.end, false, visit);
      }
      return;
    }
    const last = this.tree.maxKey();
    if (last !== undefined) {
      this.tree.forRange(range.start, last, true, visit);
    }
  }

  /** The keys after `key` (from the first one if null) with their histories, in order. */
  entriesAfter(key: Key | null): Iterable<[Key, KeyHistory]> {
    return key === null ? this.tree.entries() : this.tree.entries(`${key}\0`);
  }
}

function compareKeys(a: Key, b: Key): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
