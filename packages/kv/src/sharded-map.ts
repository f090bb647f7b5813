import type { Key } from './key-range.ts';

/** A power of two. The lowest bits of a hash choose the shard, those above them the slot. */
const shardCount = 256;
const shardBits = 8;
const slotsMin = 8;
/** A hash that no key has. */
const free = 0;
/** Of a million keys that nobody chose none is so far from its home. */
const defaultReach = 256;
const nowhere = -1;

/**
 * A hash map from keys that grows without ever stopping, since it spreads its entries over many small tables. One
 * large table copies all that it holds each time it doubles.
 *
 * Why no Map of JavaScript's: V8 adds each string that is a key of one to a table of its own, once for all. With a
 * million of them the garbage collector goes through that table for 20 ms in every full collection, while everything
 * else stands still; and to find a key takes twice as long.
 */
export class ShardedMap<Value> {
  private readonly shards: readonly Shard<Value>[];

  /** `reach`: how many slots from its home on an entry may be in. */
  constructor(reach = defaultReach) {
    this.shards = Array.from({ length: shardCount }, () => new Shard(reach));
  }

  get(key: Key): Value | undefined {
    const hash = hashOf(key);
    return this.shardOf(hash).get(key, hash);
  }

  set(key: Key, value: Value): void {
    const hash = hashOf(key);
    this.shardOf(hash).set(key, hash, value);
  }

  delete(key: Key): void {
    const hash = hashOf(key);
    this.shardOf(hash).delete(key, hash);
  }

  private shardOf(hash: number): Shard<Value> {
    return this.shards[hash & (shardCount - 1)] as Shard<Value>;
  }
}

/**
 * A hash table with open addressing and linear probing: an entry is in the first slot from its home on that was free,
 * and between the two no slot is free. At most three quarters of the slots are taken.
 *
 * Who chooses keys for their hashes could make a long row of them that each look-up walks along. What finds no slot
 * within reach is kept in a Map, whose hashes nobody can foresee. That must be rare: see above for what a Map costs.
 */
class Shard<Value> {
  private readonly reach: number;
  private hashes = new Int32Array(slotsMin).fill(free);
  private keys: (Key | undefined)[] = emptySlots(slotsMin);
  private values: (Value | undefined)[] = emptySlots(slotsMin);
  private count = 0;
  private crowdedOut: Map<Key, Value> | null = null;

  constructor(reach: number) {
    this.reach = reach;
  }

  get(key: Key, hash: number): Value | undefined {
    const slot = this.slotOf(key, hash);
    return this.isTaken(slot) ? this.values[slot] : this.crowdedOut?.get(key);
  }

  set(key: Key, hash: number, value: Value): void {
    const slot = this.slotOf(key, hash);
    if (this.isTaken(slot)) {
      this.values[slot] = value;
      return;
    }
    if (slot === nowhere || this.crowdedOut?.has(key) === true) {
      this.crowdOut(key, value);
      return;
    }
    this.fill(slot, hash, key, value);
    this.count += 1;
    if (this.count * 4 > this.hashes.length * 3) this.double();
  }

  /** Entries behind the one that goes, as far as any may be from its home, move up, as if it had never been there. */
  delete(key: Key, hash: number): void {
    let gap = this.slotOf(key, hash);
    if (!this.isTaken(gap)) {
      this.crowdedOut?.delete(key);
      return;
    }
    this.count -= 1;
    for (let slot = this.after(gap); this.hashes[slot] !== free; slot = this.after(slot)) {
      const mask = this.hashes.length - 1;
      if (((slot - gap) & mask) >= this.reach) break;
      const home = this.homeOf(this.hashes[slot] as number);
      // Those whose home lies behind the gap would not be found before it.
      if (((slot - home) & mask) >= ((slot - gap) & mask)) {
        this.fill(gap, this.hashes[slot] as number, this.keys[slot], this.values[slot]);
        gap = slot;
      }
    }
    this.fill(gap, free, undefined, undefined);
  }

  /** Where the key is, or the free slot where it would be, or `nowhere` if both are out of reach. */
  private slotOf(key: Key, hash: number): number {
    const { hashes, keys, reach } = this;
    let slot = this.homeOf(hash);
    for (let steps = 0; steps < reach; steps++) {
      if (hashes[slot] === free || (hashes[slot] === hash && keys[slot] === key)) return slot;
      slot = this.after(slot);
    }
    return nowhere;
  }

  private isTaken(slot: number): boolean {
    return slot !== nowhere && this.hashes[slot] !== free;
  }

  private crowdOut(key: Key, value: Value): void {
    this.crowdedOut ??= new Map();
    this.crowdedOut.set(key, value);
  }

  private homeOf(hash: number): number {
    return (hash >>> shardBits) & (this.hashes.length - 1);
  }

  private after(slot: number): number {
    return (slot + 1) & (this.hashes.length - 1);
  }

  private fill(slot: number, hash: number, key: Key | undefined, value: Value | undefined): void {
    this.hashes[slot] = hash;
    this.keys[slot] = key;
    this.values[slot] = value;
  }

  private double(): void {
    const { hashes, keys, values } = this;
    const slots = hashes.length * 2;
    this.hashes = new Int32Array(slots).fill(free);
    this.keys = emptySlots(slots);
    this.values = emptySlots(slots);
    for (let from = 0; from < hashes.length; from++) {
      const hash = hashes[from] as number;
      if (hash === free) continue;
      const key = keys[from] as Key;
      const slot = this.slotOf(key, hash);
      if (slot === nowhere) {
        this.crowdOut(key, values[from] as Value);
        this.count -= 1;
      } else {
        this.fill(slot, hash, key, values[from]);
      }
    }
  }
}

function emptySlots<Slot>(count: number): (Slot | undefined)[] {
  return new Array<Slot | undefined>(count).fill(undefined);
}

/** The hash of a key: 32 bits that depend on every byte (FNV-1a), mixed so that all of them are as good (MurmurHash3). */
export function hashOf(key: Key): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash ^= hash >>> 16;
  return hash === free ? 1 : hash;
}
