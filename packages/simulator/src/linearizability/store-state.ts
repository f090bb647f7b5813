import type { KeyRange, KeyRecord } from './store-operation.ts';
import { includes } from './store-operation.ts';

/** What the whole store holds at one revision. Immutable; records are shared between states. */
export type StoreState = {
  readonly revision: number;
  readonly compactedRevision: number;
  /** Sorted by key. */
  readonly records: readonly KeyRecord[];
  /** The state before the last change of records, for reads of the past. */
  readonly past: StoreState | null;
  /** Of the revisions and the records. */
  readonly hash: number;
};

/** A fresh store is at revision 1. */
export const emptyStore: StoreState = { revision: 1, compactedRevision: 0, records: [], past: null, hash: 1 };

/** The state with these records as its next revision. */
export function withRecords(state: StoreState, records: readonly KeyRecord[]): StoreState {
  const revision = state.revision + 1;
  const { compactedRevision } = state;
  return {
    revision,
    compactedRevision,
    records,
    past: state,
    hash: hashState(revision, compactedRevision, records),
  };
}

export function withCompaction(state: StoreState, compactedRevision: number): StoreState {
  return { ...state, compactedRevision, hash: hashState(state.revision, compactedRevision, state.records) };
}

/** The state as it was at an earlier revision, or null if the store never was at it. */
export function stateAt(state: StoreState, revision: number): StoreState | null {
  let found: StoreState | null = state;
  while (found !== null && found.revision > revision) found = found.past;
  return found?.revision === revision ? found : null;
}

/**
 * Whether the present states are equal; with `alsoPast` also the records of all earlier ones. What was compacted at
 * an earlier one is of no account: whether the past can be read is up to the present.
 */
export function sameState(first: StoreState, second: StoreState, alsoPast: boolean): boolean {
  if (first.compactedRevision !== second.compactedRevision) return false;
  let one: StoreState | null = first;
  let other: StoreState | null = second;
  for (; one !== other; one = one.past, other = other.past) {
    if (one === null || other === null) return false;
    if (one.revision !== other.revision) return false;
    if (!sameRecords(one.records, other.records)) return false;
    if (!alsoPast) return true;
  }
  return true;
}

export function sameRecords(first: readonly KeyRecord[], second: readonly KeyRecord[]): boolean {
  return (
    first.length === second.length &&
    first.every((record, index) => {
      const other = second[index];
      return other !== undefined && sameRecord(record, other);
    })
  );
}

export function sameRecord(first: KeyRecord, second: KeyRecord): boolean {
  return (
    first === second ||
    (first.modRevision === second.modRevision &&
      first.version === second.version &&
      first.key === second.key &&
      first.value === second.value &&
      first.createRevision === second.createRevision &&
      first.lease === second.lease)
  );
}

export function findRecord(records: readonly KeyRecord[], key: string): KeyRecord | null {
  const record = records[positionOf(records, key)];
  return record?.key === key ? record : null;
}

export function recordsIn(records: readonly KeyRecord[], range: KeyRange): readonly KeyRecord[] {
  const start = positionOf(records, range.type === 'key' ? range.key : range.first);
  let end = start;
  for (
    let record = records[end];
    record !== undefined && includes(range, record.key);
    record = records[++end]
  );
  return records.slice(start, end);
}

/** The position of the first record whose key is not below `key`. */
export function positionOf(records: readonly KeyRecord[], key: string): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((records[middle]?.key ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Values follow from key, revision and the order of the writes nearly always, so they are left out. */
function hashState(revision: number, compactedRevision: number, records: readonly KeyRecord[]): number {
  let hash = Math.imul(revision, 0x9e3779b1) ^ Math.imul(compactedRevision + 1, 0x85ebca6b);
  for (const record of records) {
    hash = Math.imul(hash ^ record.modRevision, 0x01000193) + Math.imul(record.version, 0x27d4eb2f);
    for (let index = 0; index < Math.min(record.value.length, 16); index++) {
      hash = Math.imul(hash ^ record.value.charCodeAt(index), 0x01000193);
    }
  }
  return hash | 0;
}
