import type { Key } from './key-range.ts';

const shardCount = 256;

/**
 * A hash map from keys that grows without ever stopping: a Map copies all that it holds each time it doubles, and
 * takes no more than 2^24 entries. This one spreads its entries over many small ones.
 */
export class ShardedMap<Value> {
  private readonly shards: readonly Map<Key, Value>[] = Array.from({ length: shardCount }, () => new Map());

  get(key: Key): Value | undefined {
    return this.shardOf(key).get(key);
  }

  set(key: Key, value: Value): void {
    this.shardOf(key).set(key, value);
  }

  delete(key: Key): void {
    this.shardOf(key).delete(key);
  }

  *entries(): Iterable<[Key, Value]> {
    for (const shard of this.shards) {
      yield* shard;
    }
  }

  /** Keys often differ only in their last bytes, such as counters, or in the middle: these decide. */
  private shardOf(key: Key): Map<Key, Value> {
    const last = key.length - 1;
    const hash =
      key.charCodeAt(last) * 31 +
      key.charCodeAt(last - 1) * 37 +
      key.charCodeAt(last - 2) * 41 +
      key.charCodeAt(last >> 1) * 43 +
      key.length;
    // A character before the beginning is NaN, and so is the sum: as an index that is 0.
    return this.shards[hash & (shardCount - 1)] as Map<Key, Value>;
  }
}
