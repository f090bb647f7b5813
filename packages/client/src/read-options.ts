import {
  RangeRequest,
  RangeRequest_SortOrder as SortOrder,
  RangeRequest_SortTarget as SortTarget,
  type RangeResponse,
} from '@quorate/protocol';
import { KeyValue } from './key-value.ts';
import { type KeyRange, toWireRange } from './key-range.ts';
import { QuorateError } from './quorate-error.ts';

/** How to read. */
export type ReadOptions = {
  /** Read the state as it was at this revision. Default: now. */
  readonly revision?: number;
  /**
   * Answer from the state of whichever member is asked, without asking the others: quicker, and possible
   * without a leader, but it may be stale. Default false: the read sees every write that was acknowledged
   * before it began.
   */
  readonly serializable?: boolean;
};

export type SortProperty = 'key' | 'version' | 'createRevision' | 'modRevision' | 'value';

/** What to read of a range. */
export type PageOptions = ReadOptions & {
  /** The most keys to answer with. Default: all. */
  readonly limit?: number;
  /** Leave out the values. */
  readonly keysOnly?: boolean;
  /** Answer with the count alone. */
  readonly countOnly?: boolean;
  /** Default: by key, ascending. The limit applies after sorting. */
  readonly sort?: { readonly by?: SortProperty; readonly order?: 'ascending' | 'descending' };
  /** Leave out keys outside of these bounds (inclusive). They still count. */
  readonly minModRevision?: number;
  readonly maxModRevision?: number;
  readonly minCreateRevision?: number;
  readonly maxCreateRevision?: number;
};

/** What one request read. */
export type RangePage = {
  /** The store's current revision when it was read, also if an older one was asked for. */
  readonly revision: number;
  /** All keys of the range, whatever the limit and the bounds. */
  readonly count: number;
  /** The limit cut the answer. */
  readonly more: boolean;
  readonly items: readonly KeyValue[];
};

const targets: Readonly<Record<SortProperty, SortTarget>> = {
  key: SortTarget.KEY,
  version: SortTarget.VERSION,
  createRevision: SortTarget.CREATE,
  modRevision: SortTarget.MOD,
  value: SortTarget.VALUE,
};

const orders = {
  ascending: SortOrder.ASCEND,
  descending: SortOrder.DESCEND,
} as const;

/** Throws `invalid-argument`. */
export function toRangeRequest(range: KeyRange, options: PageOptions): RangeRequest {
  const { sort } = options;
  return RangeRequest.fromPartial({
    ...toWireRange(range),
    limit: natural('limit', options.limit),
    revision: natural('revision', options.revision),
    serializable: options.serializable ?? false,
    keysOnly: options.keysOnly ?? false,
    countOnly: options.countOnly ?? false,
    // Ascending by key is how keys are kept: saying so would make servers sort what is sorted.
    sortOrder: sort === undefined || isNatural(sort) ? SortOrder.NONE : orders[sort.order ?? 'ascending'],
    sortTarget: targets[sort?.by ?? 'key'],
    minModRevision: natural('minModRevision', options.minModRevision),
    maxModRevision: natural('maxModRevision', options.maxModRevision),
    minCreateRevision: natural('minCreateRevision', options.minCreateRevision),
    maxCreateRevision: natural('maxCreateRevision', options.maxCreateRevision),
  });
}

export function toRangePage(response: RangeResponse): RangePage {
  return {
    revision: response.header?.revision ?? 0,
    count: response.count,
    more: response.more,
    items: response.kvs.map((wire) => new KeyValue(wire)),
  };
}

/** An option that counts or names a revision; absent means 0, which the API reads as "none". */
export function natural(name: string, value: number | undefined): number {
  if (value === undefined) return 0;
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new QuorateError('invalid-argument', `${name} must be an integer of at least 0, got ${value}`);
}

function isNatural(sort: NonNullable<PageOptions['sort']>): boolean {
  return (sort.by ?? 'key') === 'key' && (sort.order ?? 'ascending') === 'ascending';
}
