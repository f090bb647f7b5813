import type { RequestOp } from '@quorate/protocol';
import { type Key, type KeyRange, toKey, toKeyRange } from './key-range.ts';
import { StoreError } from './store-error.ts';

/** What some operations may change. */
type Changes = { readonly puts: ReadonlySet<Key>; readonly deletes: readonly KeyRange[] };

/** A change, and the operation of the list that makes it. */
type PlacedPut = { readonly key: Key; readonly operation: number };
type PlacedDelete = { readonly range: KeyRange; readonly operation: number };

/**
 * Throws `duplicate-key` if two of the operations could both put a key, or one put and one delete it: a key
 * changes at most once in a revision. Two operations may delete the same key. The two lists of a transaction
 * within the list may change the same keys, because only one of them is executed.
 *
 * Costs O(n log n) for each level that transactions are nested.
 */
export function checkDuplicateKeys(operations: readonly RequestOp[]): void {
  changesOf(operations);
}

function changesOf(operations: readonly RequestOp[]): Changes {
  const puts: PlacedPut[] = [];
  const deletes: PlacedDelete[] = [];
  for (const [operation, { request }] of operations.entries()) {
    switch (request?.$case) {
      case 'requestPut':
        puts.push({ key: toKey(request.requestPut.key), operation });
        break;
      case 'requestDeleteRange': {
        const { key, rangeEnd } = request.requestDeleteRange;
        deletes.push({ range: toKeyRange(key, rangeEnd), operation });
        break;
      }
      case 'requestTxn': {
        const success = changesOf(request.requestTxn.success);
        const failure = changesOf(request.requestTxn.failure);
        for (const key of success.puts.union(failure.puts)) puts.push({ key, operation });
        for (const range of success.deletes) deletes.push({ range, operation });
        for (const range of failure.deletes) deletes.push({ range, operation });
        break;
      }
      case 'requestRange':
      case undefined:
        break;
    }
  }
  const keys = new Set(puts.map(({ key }) => key));
  if (keys.size < puts.length || (deletes.length > 0 && overlap(puts, deletes))) {
    throw new StoreError('duplicate-key');
  }
  return { puts: keys, deletes: deletes.map(({ range }) => range) };
}

/** Whether an operation deletes a key that another one puts. */
function overlap(puts: readonly PlacedPut[], deletes: readonly PlacedDelete[]): boolean {
  const sorted = puts.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  // For each put the index of the next one that belongs to another operation: a range that covers many puts
  // of its own operation is then not searched one by one.
  const nextOfOther = Array.from({ length: sorted.length }, () => sorted.length);
  for (let index = sorted.length - 2; index >= 0; index--) {
    const isSame = sorted[index]?.operation === sorted[index + 1]?.operation;
    nextOfOther[index] = isSame ? (nextOfOther[index + 1] as number) : index + 1;
  }
  return deletes.some(({ range, operation }) => {
    const first = firstNotBefore(sorted, range.start);
    const end = range.end === null ? sorted.length : firstNotBefore(sorted, range.end);
    if (first >= end) return false;
    return sorted[first]?.operation !== operation || (nextOfOther[first] as number) < end;
  });
}

/** The index of the first put whose key is not before `key`. */
function firstNotBefore(sorted: readonly PlacedPut[], key: Key): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as PlacedPut).key < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
