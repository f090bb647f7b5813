import {
  type Compare,
  Compare_CompareResult as Result,
  Compare_CompareTarget as Target,
} from '@quorate/protocol';
import type { KeyVersion } from './key-history.ts';
import { isSingleKey, type Key, toKey, toKeyRange } from './key-range.ts';
import type { VersionedMap } from './versioned-map.ts';

const absent: KeyVersion = { modRevision: 0, createRevision: 0, version: 0, position: 0 };
const noBytes = new Uint8Array(0);

/**
 * Whether a comparison holds for a key, or for every key of a range. If there is no key at all, it is made
 * with zeros; but a comparison of values never holds then, since no value stands for "no key".
 */
export function holds(map: VersionedMap, compare: Compare): boolean {
  if (isSingleKey(compare.rangeEnd)) {
    const key = toKey(compare.key);
    const version = map.current(key);
    return version === null ? holdsForNothing(map, compare) : holdsFor(map, compare, key, version);
  }
  let exists = false;
  let holdsForAll = true;
  map.index.visit(toKeyRange(compare.key, compare.rangeEnd), map.revision, (key, version) => {
    exists = true;
    holdsForAll &&= holdsFor(map, compare, key, version);
  });
  return exists ? holdsForAll : holdsForNothing(map, compare);
}

function holdsForNothing(map: VersionedMap, compare: Compare): boolean {
  return compare.target !== Target.VALUE && holdsFor(map, compare, '', absent);
}

function holdsFor(map: VersionedMap, compare: Compare, key: Key, version: KeyVersion): boolean {
  const order = orderOf(map, compare, key, version);
  switch (compare.result) {
    case Result.EQUAL:
      return order === 0;
    case Result.GREATER:
      return order > 0;
    case Result.LESS:
      return order < 0;
    case Result.NOT_EQUAL:
      return order !== 0;
    default:
      // etcd takes a result that it does not know for one that always holds.
      return true;
  }
}

/** Negative if the key's property is less than what it is compared with. Without that, zero or nothing is meant. */
function orderOf(map: VersionedMap, { target, targetUnion }: Compare, key: Key, version: KeyVersion): number {
  switch (target) {
    case Target.VERSION:
      return version.version - (targetUnion?.$case === 'version' ? targetUnion.version : 0);
    case Target.CREATE:
      return (
        version.createRevision - (targetUnion?.$case === 'createRevision' ? targetUnion.createRevision : 0)
      );
    case Target.MOD:
      return version.modRevision - (targetUnion?.$case === 'modRevision' ? targetUnion.modRevision : 0);
    case Target.VALUE:
      return Buffer.compare(
        map.load(key, version).value,
        targetUnion?.$case === 'value' ? targetUnion.value : noBytes,
      );
    case Target.LEASE: {
      const lease = version === absent ? 0n : map.load(key, version).lease;
      const other = targetUnion?.$case === 'lease' ? targetUnion.lease : 0n;
      return lease < other ? -1 : lease > other ? 1 : 0;
    }
    default:
      // etcd takes a target that it does not know for one that is always equal.
      return 0;
  }
}
