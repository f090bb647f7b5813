import {
  type KeyValue,
  type RangeRequest,
  RangeRequest_SortOrder as SortOrder,
  RangeRequest_SortTarget as SortTarget,
  type RangeResponse,
} from '@quorate/protocol';
import type { KeyVersion } from './key-history.ts';
import { isSingleKey, type Key, toBytes, toKey, toKeyRange } from './key-range.ts';
import { responseHeader } from './response-header.ts';
import type { VersionedMap } from './versioned-map.ts';

const noBytes = new Uint8Array(0);

type Found = { readonly key: Key; readonly version: KeyVersion };

/**
 * Reads keys as a RangeRequest says. Throws a StoreError: `future-revision`, `compacted`.
 *
 * Costs a walk over all keys of the range, whatever the limit, because the answer says how many there are;
 * values are read only for the keys that are answered with, unless the answer is sorted by value.
 */
export function executeRange(map: VersionedMap, request: RangeRequest): RangeResponse {
  const revision = map.resolveRevision(request.revision);
  const { found, matches, count } = select(map, request, revision);
  const kvs = request.countOnly ? [] : answer(map, request, found);
  return {
    header: responseHeader(map.revision),
    kvs,
    more: !request.countOnly && matches > kvs.length,
    count,
  };
}

/**
 * `count` keys exist, `matches` of them are within the request's bounds, and `found` are those of the matches
 * that can be in the answer.
 */
type Selection = { readonly found: readonly Found[]; readonly matches: number; readonly count: number };

function select(map: VersionedMap, request: RangeRequest, revision: number): Selection {
  // In any other order the first keys are only known when all are.
  const foundMax = request.countOnly ? 0 : isKeyAscending(request) ? limitOf(request) : Infinity;
  const found: Found[] = [];
  let matches = 0;
  let count = 0;
  const visit = (key: Key, version: KeyVersion): void => {
    count += 1;
    if (isWithinBounds(request, version)) {
      matches += 1;
      if (found.length < foundMax) {
        found.push({ key, version });
      }
    }
  };
  if (isSingleKey(request.rangeEnd)) {
    const key = toKey(request.key);
    const version = map.index.get(key)?.at(revision) ?? null;
    if (version !== null) visit(key, version);
  } else {
    map.index.visit(toKeyRange(request.key, request.rangeEnd), revision, visit);
  }
  return { found, matches, count };
}

function answer(map: VersionedMap, request: RangeRequest, found: readonly Found[]): KeyValue[] {
  const limit = limitOf(request);
  const { sortTarget } = request;
  if (sortTarget === SortTarget.VALUE) {
    const loaded = found.map(({ key, version }) => map.load(key, version));
    loaded.sort((a, b) => direction(request) * Buffer.compare(a.value, b.value));
    const kvs = loaded.slice(0, limit);
    return request.keysOnly ? kvs.map((kv) => ({ ...kv, value: noBytes, lease: 0n })) : kvs;
  }
  const ordered = isKeyAscending(request)
    ? found
    : found.toSorted((a, b) => direction(request) * compareBy(sortTarget, a, b)).slice(0, limit);
  return ordered.map(({ key, version }) =>
    request.keysOnly ? withoutRecord(key, version) : map.load(key, version),
  );
}

/** What the index knows is enough for an answer without values: etcd leaves out the lease here, too. */
function withoutRecord(key: Key, version: KeyVersion): KeyValue {
  return {
    key: toBytes(key),
    createRevision: version.createRevision,
    modRevision: version.modRevision,
    version: version.version,
    value: noBytes,
    lease: 0n,
  };
}

function limitOf(request: RangeRequest): number {
  return request.limit > 0 ? request.limit : Infinity;
}

function isKeyAscending(request: RangeRequest): boolean {
  return request.sortTarget === SortTarget.KEY && request.sortOrder !== SortOrder.DESCEND;
}

/** No order means ascending. */
function direction(request: RangeRequest): 1 | -1 {
  return request.sortOrder === SortOrder.DESCEND ? -1 : 1;
}

function isWithinBounds(request: RangeRequest, { modRevision, createRevision }: KeyVersion): boolean {
  return (
    (request.minModRevision === 0 || modRevision >= request.minModRevision) &&
    (request.maxModRevision === 0 || modRevision <= request.maxModRevision) &&
    (request.minCreateRevision === 0 || createRevision >= request.minCreateRevision) &&
    (request.maxCreateRevision === 0 || createRevision <= request.maxCreateRevision)
  );
}

/** Keys that are equal in this respect stay in ascending order, whatever the direction. */
function compareBy(target: Exclude<SortTarget, SortTarget.VALUE>, a: Found, b: Found): number {
  switch (target) {
    case SortTarget.KEY:
      return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
    case SortTarget.VERSION:
      return a.version.version - b.version.version;
    case SortTarget.CREATE:
      return a.version.createRevision - b.version.createRevision;
    case SortTarget.MOD:
      return a.version.modRevision - b.version.modRevision;
  }
}
