import type { CallOptions } from './caller.ts';
import type { Comparison } from './compare.ts';
import type { Owned, Ownership } from './ownership.ts';

/**
 * A lock that is owned. Nobody else owns it as long as its key exists; but a process that was paused may believe that
 * it owns a lock that it has lost. Pass `fencingToken` to the resource that the lock protects, or `held` to
 * transactions: docs/locks.md says why.
 */
export class Lock implements AsyncDisposable {
  readonly #ownership: Ownership;
  readonly #ownsLease: boolean;

  /** Made by `QuorateClient.lock`. */
  constructor({ ownership, ownsLease }: Owned) {
    this.#ownership = ownership;
    this.#ownsLease = ownsLease;
  }

  /** The key that exists as long as the lock is owned. */
  get key(): Uint8Array {
    return this.#ownership.key;
  }

  /** Grows from owner to owner: a resource that has seen a greater one must turn this owner away. */
  get fencingToken(): number {
    return this.#ownership.fencingToken;
  }

  /** For `transaction().if(lock.held)`: the transaction is done only if the lock is still owned. */
  get held(): Comparison {
    return this.#ownership.held;
  }

  /** Aborted when the lock may be lost: stop then. */
  get lost(): AbortSignal {
    return this.#ownership.lease.lost;
  }

  /** Gives the lock back. No error if it was lost before. */
  async release(options: CallOptions = {}): Promise<void> {
    await (this.#ownsLease ? this.#ownership.lease.revoke(options) : this.#ownership.leave(options));
  }

  /** Gives the lock back; if that fails, it goes with its lease. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => undefined);
  }
}
