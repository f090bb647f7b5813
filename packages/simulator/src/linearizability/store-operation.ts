/**
 * The key-value API in the words of the checker: plain values, keys and values as strings with one code unit a
 * byte (latin1), whose order is byte order. `store-protocol.ts` translates from the messages of the API.
 */
export type StoreOperation = PutOperation | DeleteOperation | RangeOperation | Transaction | Compaction;

export type PutOperation = {
  readonly type: 'put';
  readonly key: string;
  readonly value: string;
  readonly lease: bigint;
  /** Answer with the record before the put. */
  readonly previous: boolean;
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
};

export type DeleteOperation = {
  readonly type: 'delete';
  readonly range: KeyRange;
  /** Answer with what was deleted. */
  readonly previous: boolean;
};

export type RangeOperation = {
  readonly type: 'range';
  readonly range: KeyRange;
  /** 0 for all. */
  readonly limit: number;
  /** 0 for the present. */
  readonly revision: number;
  readonly sort: { readonly by: SortTarget; readonly descending: boolean } | null;
  /** Answered from one member's own state: any earlier state will do. */
  readonly serializable: boolean;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  /** Bounds are inclusive; 0 for none. */
  readonly minModRevision: number;
  readonly maxModRevision: number;
  readonly minCreateRevision: number;
  readonly maxCreateRevision: number;
};

export type SortTarget = 'key' | 'version' | 'create' | 'mod' | 'value';

export type Transaction = {
  readonly type: 'transaction';
  readonly compares: readonly Comparison[];
  readonly success: readonly TransactionOperation[];
  readonly failure: readonly TransactionOperation[];
};

export type TransactionOperation = PutOperation | DeleteOperation | RangeOperation | Transaction;

export type Comparison = {
  readonly range: KeyRange;
  readonly relation: 'equal' | 'greater' | 'less' | 'not-equal';
} & (
  | { readonly target: 'version' | 'create' | 'mod'; readonly operand: number }
  | { readonly target: 'value'; readonly operand: string }
  | { readonly target: 'lease'; readonly operand: bigint }
);

export type Compaction = { readonly type: 'compaction'; readonly revision: number };

/** One key, or the keys from `first` up to but without `end`; a null end is the end of the store. */
export type KeyRange =
  | { readonly type: 'key'; readonly key: string }
  | { readonly type: 'from'; readonly first: string; readonly end: string | null };

/** What a reply says of one key. */
export type KeyRecord = {
  readonly key: string;
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: bigint;
};

/**
 * What was answered. `revision` is that of the reply's header; null, if the recorder did not get to see it,
 * makes the search weaker and slower, not wrong.
 */
export type StoreResult =
  | { readonly type: 'put'; readonly revision: number | null; readonly previous: KeyRecord | null }
  | {
      readonly type: 'delete';
      readonly revision: number | null;
      readonly deleted: number;
      readonly previous: readonly KeyRecord[];
    }
  | {
      readonly type: 'range';
      readonly revision: number | null;
      readonly records: readonly KeyRecord[];
      readonly count: number;
      readonly more: boolean;
    }
  | {
      readonly type: 'transaction';
      readonly revision: number | null;
      readonly succeeded: boolean;
      readonly results: readonly StoreResult[];
    }
  | { readonly type: 'compaction'; readonly revision: number | null }
  /** Refused without an effect, by a rule of the API. */
  | { readonly type: 'refused'; readonly code: StoreRefusal };

/**
 * The refusals that depend on the state. Those that depend on the request alone, or on leases, which are not part of
 * the model, prove nothing about a history.
 */
export type StoreRefusal = 'compacted' | 'future-revision' | 'key-not-found';

export function includes(range: KeyRange, key: string): boolean {
  return range.type === 'key'
    ? key === range.key
    : key >= range.first && (range.end === null || key < range.end);
}
