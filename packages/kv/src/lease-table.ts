import assert from 'node:assert/strict';
import type { Fact } from './engine/engine.ts';
import { EngineError } from './engine/engine-error.ts';
import type { Key } from './key-range.ts';
import { ShardedMap } from './sharded-map.ts';
import { StoreError } from './store-error.ts';

/** The largest time to live that can be granted, in seconds; etcd's. */
export const leaseTtlMaxSeconds = 9_000_000_000;

/** What the state machine knows of a lease. When it ends is for the leader to find, who has a clock. */
export type Lease = {
  /** Never 0. */
  readonly id: bigint;
  /** What was granted: a lease that is kept alive has this much to live, in whole seconds. */
  readonly ttlSeconds: number;
  /** How much a new leader gives it, unless it is kept alive: the last checkpoint, in milliseconds. At most the TTL. */
  readonly remainingMs: number;
  /** Those that end with the lease, in no order. */
  readonly keys: ReadonlySet<Key>;
};

type MutableLease = Lease & { remainingMs: number; readonly keys: Set<Key> };

const factPrefix = 'lease/';
const contentBytes = 2 * 8;

/**
 * The leases that have been granted, and which keys are attached to them. A key is attached to one lease at most:
 * the one of its newest version.
 *
 * A lease is a fact of the engine. Its keys are not kept: the records name the lease of each version.
 */
export class LeaseTable {
  private readonly leases = new Map<bigint, MutableLease>();
  private readonly owners = new ShardedMap<MutableLease>();
  private attachedKeys = 0;
  /** What the engine does not know yet, by the names of facts; null for a lease that has ended. */
  private changed = new Map<string, Uint8Array | null>();

  get size(): number {
    return this.leases.size;
  }

  get(id: bigint): Lease | undefined {
    return this.leases.get(id);
  }

  /** All leases, in the order in which they were granted. The table may change meanwhile, as a Map may. */
  all(): Iterable<Lease> {
    return this.leases.values();
  }

  /** Takes what an engine holds. The keys come after it, by `attach`. Throws an EngineError `damaged`. */
  restore(facts: readonly Fact[]): void {
    for (const { name, content } of facts) {
      if (name.startsWith(factPrefix)) {
        const lease = decodeLease(name, content);
        this.leases.set(lease.id, lease);
      }
    }
  }

  /** Throws `lease-exists`. */
  grant(id: bigint, ttlSeconds: number): void {
    assert(id !== 0n, 'the id of a lease is chosen before it is granted');
    assert(Number.isSafeInteger(ttlSeconds) && ttlSeconds > 0, 'a lease lives for a while');
    if (this.leases.has(id)) {
      throw new StoreError('lease-exists');
    }
    const lease = { id, ttlSeconds, remainingMs: ttlSeconds * 1000, keys: new Set<Key>() };
    this.leases.set(id, lease);
    this.remember(lease);
  }

  /** Forgets a lease, whose keys must have been deleted. */
  remove(id: bigint): void {
    const lease = this.leases.get(id);
    assert(lease !== undefined && lease.keys.size === 0, 'a lease ends after its keys');
    this.leases.delete(id);
    this.changed.set(factName(id), null);
  }

  /** Notes how much is left of a lease. One that has ended is none of our business any more. */
  checkpoint(id: bigint, remainingMs: number): void {
    const lease = this.leases.get(id);
    if (lease !== undefined) {
      lease.remainingMs = Math.min(remainingMs, lease.ttlSeconds * 1000);
      this.remember(lease);
    }
  }

  /** The key has a new version, which names this lease; 0 if it has none. Leases that have ended do not count. */
  attach(key: Key, id: bigint): void {
    const lease = id === 0n ? undefined : this.leases.get(id);
    const owner = this.attachedKeys === 0 ? undefined : this.owners.get(key);
    if (owner === lease) return;
    if (owner !== undefined) {
      owner.keys.delete(key);
      this.owners.delete(key);
      this.attachedKeys -= 1;
    }
    if (lease !== undefined) {
      lease.keys.add(key);
      this.owners.set(key, lease);
      this.attachedKeys += 1;
    }
  }

  /** The key is deleted. */
  detach(key: Key): void {
    this.attach(key, 0n);
  }

  /** Hands over what the engine does not have, for it to commit at once. */
  takeFacts(): { readonly facts: readonly Fact[]; readonly removedFacts: readonly string[] } {
    const facts: Fact[] = [];
    const removedFacts: string[] = [];
    for (const [name, content] of this.changed) {
      if (content === null) removedFacts.push(name);
      else facts.push({ name, content });
    }
    this.changed = new Map();
    return { facts, removedFacts };
  }

  private remember(lease: Lease): void {
    this.changed.set(factName(lease.id), encodeLease(lease));
  }
}

function factName(id: bigint): string {
  return `${factPrefix}${BigInt.asUintN(64, id).toString(16)}`;
}

function encodeLease({ ttlSeconds, remainingMs }: Lease): Uint8Array {
  const content = new Uint8Array(contentBytes);
  const view = new DataView(content.buffer);
  view.setFloat64(0, ttlSeconds, true);
  view.setFloat64(8, remainingMs, true);
  return content;
}

function decodeLease(name: string, content: Uint8Array): MutableLease {
  const digits = name.slice(factPrefix.length);
  if (content.length !== contentBytes || !/^[\da-f]{1,16}$/.test(digits)) {
    throw new EngineError('damaged', `the fact ${name} of the store is not what was written`);
  }
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const id = BigInt.asIntN(64, BigInt(`0x${digits}`));
  const ttlSeconds = view.getFloat64(0, true);
  const remainingMs = view.getFloat64(8, true);
  if (!(ttlSeconds > 0 && remainingMs >= 0 && remainingMs <= ttlSeconds * 1000)) {
    throw new EngineError('damaged', `the fact ${name} of the store is not what was written`);
  }
  return { id, ttlSeconds, remainingMs, keys: new Set() };
}
