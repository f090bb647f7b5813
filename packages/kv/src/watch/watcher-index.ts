import type { Key } from '../key-range.ts';
import { IntervalTree } from './interval-tree.ts';
import type { Watcher } from './watcher.ts';

/**
 * A set of watchers that finds those of a key without looking at the others: watchers of single keys in a hash
 * map, those of ranges in a tree of intervals. Watchers of the same key or range share one place.
 */
export class WatcherIndex {
  private readonly points = new Map<Key, Set<Watcher>>();
  private readonly ranges = new IntervalTree<Set<Watcher>>();
  private readonly all = new Set<Watcher>();

  get size(): number {
    return this.all.size;
  }

  /** In the order of their addition. */
  get watchers(): Iterable<Watcher> {
    return this.all;
  }

  add(watcher: Watcher): void {
    this.all.add(watcher);
    const { range, isSingleKey } = watcher;
    const sharing = isSingleKey ? this.points.get(range.start) : this.ranges.get(range);
    if (sharing !== undefined) sharing.add(watcher);
    else if (isSingleKey) this.points.set(range.start, new Set([watcher]));
    else this.ranges.set(range, new Set([watcher]));
  }

  delete(watcher: Watcher): void {
    if (!this.all.delete(watcher)) return;
    const { range, isSingleKey } = watcher;
    const sharing = isSingleKey ? this.points.get(range.start) : this.ranges.get(range);
    sharing?.delete(watcher);
    if (sharing?.size !== 0) return;
    if (isSingleKey) this.points.delete(range.start);
    else this.ranges.delete(range);
  }

  /** Calls `visit` for each watcher of the key. The set must not change meanwhile. */
  visit(key: Key, visit: (watcher: Watcher) => void): void {
    const point = this.points.get(key);
    if (point !== undefined) for (const watcher of point) visit(watcher);
    this.ranges.visit(key, (sharing) => {
      for (const watcher of sharing) visit(watcher);
    });
  }
}
