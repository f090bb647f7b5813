import type { CallOptions } from './caller.ts';
import { type KeyRange, type WireRange, nextKey, toWireRange } from './key-range.ts';
import type { KeyValue } from './key-value.ts';
import { QuorateError } from './quorate-error.ts';
import { natural, type RangePage, type PageOptions, type ReadOptions } from './read-options.ts';

/** What `range` reads, and how. */
export type RangeOptions = ReadOptions &
  CallOptions & {
    /** The most keys to give. Default: all. */
    readonly limit?: number;
    /** Leave out the values. */
    readonly keysOnly?: boolean;
    /** By key. Default `ascending`. */
    readonly order?: 'ascending' | 'descending';
    /** The most keys to ask for at once: it bounds the memory. Default 500. */
    readonly pageSize?: number;
  };

/** Reads one page. */
export type ReadPage = (range: KeyRange, options: PageOptions & CallOptions) => Promise<RangePage>;

/**
 * Reads a range page by page, each when the one before has been consumed, all at the revision of the first:
 * the result is a snapshot. It fails with `compacted` if that revision is compacted away in the meantime.
 */
export async function* readPages(
  readPage: ReadPage,
  range: KeyRange,
  options: RangeOptions,
): AsyncGenerator<KeyValue, void, undefined> {
  const { order = 'ascending', keysOnly = false, timeoutMs, signal } = options;
  const call: CallOptions = { ...(timeoutMs === undefined ? {} : { timeoutMs }), signal };
  let rest: WireRange = toWireRange(range);
  let left = options.limit === undefined ? Number.POSITIVE_INFINITY : natural('limit', options.limit);
  let pageSize = Math.max(1, natural('pageSize', options.pageSize ?? 500));
  let revision = natural('revision', options.revision);
  let serializable = options.serializable ?? false;
  while (left > 0) {
    const limit = Math.min(pageSize, left);
    const read = { limit, revision, serializable, keysOnly, sort: { order }, ...call };
    const page = await readPage(toKeyRange(rest), read).catch((error: unknown) => {
      if (!(error instanceof QuorateError)) throw error;
      if (error.code === 'response-too-large' && limit > 1) return 'halve' as const;
      // Another member than before may have been asked, and be behind; the leader is not.
      if (error.code === 'future-revision' && serializable && revision !== options.revision)
        return 'ask-leader' as const;
      throw error;
    });
    if (page === 'halve') {
      pageSize = Math.ceil(limit / 2);
      continue;
    }
    if (page === 'ask-leader') {
      serializable = false;
      continue;
    }
    yield* page.items;
    const last = page.items.at(-1);
    if (!page.more || last === undefined) return;
    left -= page.items.length;
    if (revision === 0) revision = page.revision;
    rest = order === 'ascending' ? { ...rest, key: nextKey(last.key) } : { ...rest, rangeEnd: last.key };
  }
}

/** A wire range in the form that `readPage` takes. The two differ only in how they say "one key" and "no end". */
function toKeyRange(range: WireRange): KeyRange {
  if (range.rangeEnd.length === 0) return { key: range.key };
  const isOpen = range.rangeEnd.length === 1 && range.rangeEnd[0] === 0;
  return isOpen ? { from: range.key } : { from: range.key, to: range.rangeEnd };
}
