import type { Key } from './key-range.ts';
import type { VersionedMap } from './versioned-map.ts';

/**
 * Removes the records that compaction made unreadable, a few at a time. How far it got is invisible to readers:
 * they are refused by the revision alone.
 *
 * It walks over the index in the order of keys. A compaction during a walk starts another walk after it.
 */
export class Compactor {
  private readonly map: VersionedMap;
  /** The revision that the walk under way is for; null between walks. */
  private target: number | null = null;
  /** The last key that the walk is done with. */
  private cursor: Key | null = null;
  private removed: number;

  /** `removedRevision` is where an earlier walk has got to the end. */
  constructor(map: VersionedMap, removedRevision: number) {
    this.map = map;
    this.removed = removedRevision;
  }

  get removedRevision(): number {
    return this.removed;
  }

  get isDone(): boolean {
    return this.removed === this.map.compactedRevision;
  }

  /**
   * Goes on until `maxRecords` are found or `maxKeys` are passed, and returns the positions of the records.
   * The index has forgotten them: the caller must remove them from the engine in one transaction with
   * `removedRevision`, or after it.
   */
  step(maxRecords: number, maxKeys: number): readonly number[] {
    const positions: number[] = [];
    if (this.isDone) {
      return positions;
    }
    this.target ??= this.map.compactedRevision;
    const gone: Key[] = [];
    const outcome = this.walk(this.target, maxRecords, maxKeys, positions, gone);
    for (const key of gone) {
      this.map.index.delete(key);
    }
    if (outcome === 'finished') {
      this.removed = this.target;
      this.target = null;
      this.cursor = null;
    }
    return positions;
  }

  private walk(
    target: number,
    maxRecords: number,
    maxKeys: number,
    positions: number[],
    gone: Key[],
  ): 'finished' | 'paused' {
    let keys = 0;
    for (const [key, history] of this.map.index.entriesAfter(this.cursor)) {
      if (positions.length >= maxRecords || keys >= maxKeys) {
        return 'paused';
      }
      keys += 1;
      const outcome = history.compact(target, maxRecords - positions.length, (position) =>
        positions.push(position),
      );
      if (outcome === 'unfinished') {
        return 'paused';
      }
      if (outcome === 'gone') {
        gone.push(key);
      }
      this.cursor = key;
    }
    return 'finished';
  }
}
