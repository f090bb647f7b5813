import type { DeleteRangeRequest, DeleteRangeResponse, PutRequest, PutResponse } from '@quorate/protocol';
import { toKey, toKeyRange } from './key-range.ts';
import { responseHeader } from './response-header.ts';
import { StoreError } from './store-error.ts';
import type { VersionedMap } from './versioned-map.ts';

/** Whether a valid put can be executed now: throws `lease-not-found`, `key-not-found`. Nothing is changed. */
export function checkPut(map: VersionedMap, request: PutRequest): void {
  if (request.lease !== 0n && map.leases.get(request.lease) === undefined) {
    throw new StoreError('lease-not-found');
  }
  checkPutTo(map, request);
}

/** The part of `checkPut` that is about the key. */
export function checkPutTo(map: VersionedMap, request: PutRequest): void {
  if ((request.ignoreValue || request.ignoreLease) && map.current(toKey(request.key)) === null) {
    throw new StoreError('key-not-found');
  }
}

/** Executes a put that `checkPut` has passed. */
export function executePut(map: VersionedMap, request: PutRequest): PutResponse {
  const key = toKey(request.key);
  const isPreviousNeeded = request.prevKv || request.ignoreValue || request.ignoreLease;
  const current = isPreviousNeeded ? map.current(key) : null;
  const previous = current === null ? undefined : map.load(key, current);
  const value = request.ignoreValue && previous !== undefined ? previous.value : request.value;
  const lease = request.ignoreLease && previous !== undefined ? previous.lease : request.lease;
  map.put(key, request.key, value, lease);
  return { header: responseHeader(map.revision), prevKv: request.prevKv ? previous : undefined };
}

/** Executes a valid deletion. Deleting nothing makes no revision. */
export function executeDeleteRange(map: VersionedMap, request: DeleteRangeRequest): DeleteRangeResponse {
  const deleted = map.delete(toKeyRange(request.key, request.rangeEnd));
  return {
    header: responseHeader(map.revision),
    deleted: deleted.length,
    prevKvs: request.prevKv ? deleted.map(({ key, version }) => map.load(key, version)) : [],
  };
}
