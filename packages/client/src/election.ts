import type { Bytes } from './bytes.ts';
import type { Caller, CallOptions } from './caller.ts';
import type { Comparison } from './compare.ts';
import type { KeyValue } from './key-value.ts';
import { type Owned, type Ownership, ownerOf, type QueueClient, queueRange } from './ownership.ts';
import { QuorateError } from './quorate-error.ts';

/** Who leads, and what it proclaims. */
export type Leader = {
  readonly key: Uint8Array;
  /** What the leader proclaims. `text()` has it as text. */
  readonly entry: KeyValue;
  /** Grows from leader to leader. */
  readonly fencingToken: number;
};

/**
 * Leadership that was won. The same holds as of a lock: a leader that was paused may not know that another one leads.
 * Pass `fencingToken` on, or `held` to transactions.
 */
export class Leadership implements AsyncDisposable {
  readonly #ownership: Ownership;
  readonly #ownsLease: boolean;

  /** Made by `QuorateClient.campaign`. */
  constructor({ ownership, ownsLease }: Owned) {
    this.#ownership = ownership;
    this.#ownsLease = ownsLease;
  }

  get key(): Uint8Array {
    return this.#ownership.key;
  }

  /** Grows from leader to leader. */
  get fencingToken(): number {
    return this.#ownership.fencingToken;
  }

  /** For `transaction().if(leadership.held)`: the transaction is done only by who still leads. */
  get held(): Comparison {
    return this.#ownership.held;
  }

  /** Aborted when leadership may be lost: stop then. */
  get lost(): AbortSignal {
    return this.#ownership.lease.lost;
  }

  /** Replaces the leader's value. Rejects with `not-owner` if it leads no longer. */
  async proclaim(value: Bytes, options: CallOptions = {}): Promise<void> {
    await this.#ownership.setValue(value, options);
  }

  /** Lets the next candidate lead. No error if leadership was lost before. */
  async resign(options: CallOptions = {}): Promise<void> {
    await (this.#ownsLease ? this.#ownership.lease.revoke(options) : this.#ownership.leave(options));
  }

  /** Resigns; if that fails, leadership goes with its lease. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.resign().catch(() => undefined);
  }
}

export function toLeader(entry: KeyValue): Leader {
  return { key: entry.key, entry, fencingToken: entry.createRevision };
}

/** Every leader in order, each with the values that it proclaims; begins with who leads now, if anybody does. */
export async function* observeLeaders(
  client: QueueClient,
  caller: Caller,
  name: Bytes,
  signal: AbortSignal | undefined,
): AsyncGenerator<Leader, void, undefined> {
  /** Who was told of last, and as of which revision. A new leader's value may be older than its predecessor's last one. */
  let told = { createRevision: 0, modRevision: 0 };
  const look = async (): ReturnType<typeof ownerOf> => ownerOf(client, name, { signal });
  const end = signal ?? new AbortController().signal;
  for (let looks = 0; ; looks += 1) {
    // Who cannot reach the cluster at all is told so; later outages are waited for, as by the watch.
    const { revision, owner } = await (looks === 0 ? look() : caller.throughOutages(look, end));
    if (
      owner !== null &&
      (owner.createRevision !== told.createRevision || owner.modRevision > told.modRevision)
    ) {
      told = owner;
      yield toLeader(owner);
    }
    const target = owner === null ? queueRange(name) : owner.key;
    const watch = client.watch(target, { startRevision: revision + 1, signal });
    try {
      for await (const event of watch) {
        // Whoever comes while nobody leads may lead; and after the end of a leader somebody else may.
        if (owner === null || event.type === 'delete') break;
        told = event.entry;
        yield toLeader(event.entry);
      }
    } catch (error) {
      // What was compacted is seen by looking again.
      if (!(error instanceof QuorateError && error.code === 'compacted')) throw error;
    } finally {
      await watch.close();
    }
  }
}
