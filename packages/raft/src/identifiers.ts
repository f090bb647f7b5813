declare const brand: unique symbol;

/** A Raft term: a safe integer, 0 before the first election ever (Raft, section 5.1). */
export type Term = number & { readonly [brand]: 'Term' };

/** The position of an entry in the log: a safe integer; the first entry has index 1, 0 means "no entry". */
export type LogIndex = number & { readonly [brand]: 'LogIndex' };

/** A member's identity: an unsigned 64-bit integer, never 0. */
export type MemberId = bigint & { readonly [brand]: 'MemberId' };

/** A point on the member's own monotonic clock, in milliseconds. Comparable only within one process. */
export type MonotonicMs = number;

/** Brands a number as a term. Throws a RangeError if it is not a safe integer >= 0. */
export function toTerm(value: number): Term {
  return checkedInteger(value, 'term') as Term;
}

/** Brands a number as a log index. Throws a RangeError if it is not a safe integer >= 0. */
export function toLogIndex(value: number): LogIndex {
  return checkedInteger(value, 'log index') as LogIndex;
}

/** Brands a bigint as a member id. Throws a RangeError outside 1 .. 2^64-1. */
export function toMemberId(value: bigint): MemberId {
  if (value <= 0n || value > 0xffff_ffff_ffff_ffffn) {
    throw new RangeError(`member id must be an unsigned 64-bit integer other than 0, got ${value}`);
  }
  return value as MemberId;
}

/** The index `by` places further on (or back, if negative). Unchecked: for indexes that are known to exist. */
export function offsetIndex(index: LogIndex, by: number): LogIndex {
  return (index + by) as LogIndex;
}

/** A member id as people and etcd's tools print it: lower-case hexadecimal without leading zeros. */
export function formatMemberId(id: MemberId): string {
  return id.toString(16);
}

/** The index before the first entry: "no entry". */
export const noIndex = 0 as LogIndex;

function checkedInteger(value: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${what} must be a safe integer >= 0, got ${value}`);
  }
  return value;
}
