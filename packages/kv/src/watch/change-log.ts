import assert from 'node:assert/strict';
import type { Key } from '../key-range.ts';
import { decodeHeader } from '../record.ts';
import type { VersionedMap } from '../versioned-map.ts';
import { Change } from './change.ts';

/**
 * The store's records as a log of changes. Records stand in the order of the revisions, and none is missing from
 * the compacted revision on, so that reading them one after the other tells all that happened since.
 */
export class ChangeLog {
  private readonly map: VersionedMap;

  constructor(map: VersionedMap) {
    this.map = map;
  }

  /** The current revision. */
  get revision(): number {
    return this.map.revision;
  }

  /** Nothing before this revision can be told. */
  get compactedRevision(): number {
    return this.map.compactedRevision;
  }

  /** The position after the last change. */
  get end(): number {
    return this.map.nextPosition;
  }

  /** The change at a position. It must have been made at the compacted revision or later. */
  read(position: number): Change {
    const record = this.map.recordAt(position);
    assert(record !== null, `the record at position ${position} is gone, though nothing compacted it`);
    return new Change(decodeHeader(record.header), record.value, this.findPrevious);
  }

  /** Where the changes of `revision` and later ones begin. `revision` must not be compacted. */
  locate(revision: number): number {
    assert(revision >= this.compactedRevision, 'only revisions that are not compacted are complete');
    let low = 1;
    let high = this.end;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const record = this.map.recordAt(middle);
      // Only records of compacted revisions are ever removed.
      if (record === null || decodeHeader(record.header).modRevision < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private readonly findPrevious = (key: Key, revision: number) => {
    if (revision - 1 < this.compactedRevision) return null;
    const version = this.map.index.get(key)?.at(revision - 1) ?? null;
    return version === null ? null : this.map.load(key, version);
  };
}
