import { type Bytes, toBytes } from './bytes.ts';
import { QuorateError } from './quorate-error.ts';

/**
 * A set of keys, in byte order.
 *
 * - `{ key }`: that key alone.
 * - `{ prefix }`: every key that starts with these bytes. An empty prefix means every key.
 * - `{ from, to }`: from `from` up to but not including `to`; without `to`, up to the last key.
 */
export type KeyRange =
  | { readonly key: Bytes }
  | { readonly prefix: Bytes }
  | { readonly from: Bytes; readonly to?: Bytes };

/** A range as etcd's messages carry it: an empty `rangeEnd` means the one key, "\0" means no upper bound. */
export type WireRange = { readonly key: Uint8Array; readonly rangeEnd: Uint8Array };

const none = new Uint8Array(0);
const zero = Uint8Array.of(0);

/** Translates a range. Throws `invalid-argument` if `from` is not below `to`. */
export function toWireRange(range: KeyRange): WireRange {
  if ('key' in range) return { key: toBytes(range.key), rangeEnd: none };
  if ('prefix' in range) {
    const prefix = toBytes(range.prefix);
    return prefix.length === 0
      ? { key: zero, rangeEnd: zero }
      : { key: prefix, rangeEnd: afterPrefix(prefix) };
  }
  const from = toBytes(range.from);
  const key = from.length === 0 ? zero : from;
  if (range.to === undefined) return { key, rangeEnd: zero };
  const to = toBytes(range.to);
  // The API would read an empty end as "one key" and "\0" as "no end": neither is what was asked for.
  if (to.length === 0 || Buffer.compare(key, to) >= 0) {
    throw new QuorateError('invalid-argument', 'the range is empty: `from` must be below `to`');
  }
  return { key, rangeEnd: to };
}

/** The first key after all those with this prefix: the last byte that can grow, plus one; "\0" if none can. */
export function afterPrefix(prefix: Uint8Array): Uint8Array {
  for (let index = prefix.length - 1; index >= 0; index -= 1) {
    const byte = prefix[index] as number;
    if (byte < 0xff) {
      // A copy, also of a Buffer: that one's own `slice` would share the caller's memory.
      const end = Uint8Array.from(prefix.subarray(0, index + 1));
      end[index] = byte + 1;
      return end;
    }
  }
  return zero;
}

/** The smallest key above `key`. */
export function nextKey(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}
