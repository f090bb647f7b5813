import { type Bytes, toBytes } from './bytes.ts';
import type { CallOptions } from './caller.ts';
import { compare, type Comparison, missing } from './compare.ts';
import type { KeyRange } from './key-range.ts';
import type { KeyValue } from './key-value.ts';
import type { Lease } from './lease.ts';
import { operation } from './operation.ts';
import { QuorateError } from './quorate-error.ts';
import type { PageOptions, RangePage } from './read-options.ts';
import type { Transaction } from './transaction.ts';
import type { Watch, WatchOptions } from './watch.ts';

/** What of the client the queue needs. */
export type QueueClient = {
  transaction(): Transaction;
  rangePage(range: KeyRange, options: PageOptions & CallOptions): Promise<RangePage>;
  watch(target: Bytes | KeyRange, options: WatchOptions): Watch;
};

export type WaitOptions = {
  /** How long to wait for the turn, in milliseconds. Default: as long as it takes. */
  readonly waitMs?: number;
  /** Gives up when aborted. */
  readonly signal?: AbortSignal | undefined;
};

/**
 * A place in the queue for a name: the key `name/<lease>`, which exists as long as it is wanted and its lease lasts.
 * Whose key was created first is the owner, and the others wait for the one before them. The Lock and Election
 * services of the cluster, and etcd's clients, stand in the same queues.
 */
export class Ownership {
  readonly key: Uint8Array;
  readonly lease: Lease;
  readonly #client: QueueClient;
  readonly #prefix: Uint8Array;
  #revision = 0;

  constructor(client: QueueClient, name: Bytes, lease: Lease) {
    this.#client = client;
    this.#prefix = queuePrefix(name);
    this.lease = lease;
    this.key = concat(this.#prefix, toBytes(lease.id.toString(16)));
  }

  /**
   * The revision that created the key. It grows from owner to owner, so that a resource that remembers the greatest
   * one it has seen can turn away who owned the name before.
   */
  get fencingToken(): number {
    return this.#revision;
  }

  /** Holds in a transaction as long as the place does, and never again afterwards. */
  get held(): Comparison {
    return compare(this.key, 'createRevision', '=', this.#revision);
  }

  /** Takes a place, and waits for its turn. Rejects with `lease-lost`, `deadline-exceeded` or `cancelled`; then it has none. */
  async acquire(value: Bytes, options: WaitOptions): Promise<void> {
    const timeout = options.waitMs === undefined ? [] : [AbortSignal.timeout(options.waitMs)];
    const given = options.signal === undefined ? [] : [options.signal];
    const signal = AbortSignal.any([this.lease.lost, ...timeout, ...given]);
    try {
      await this.#enter(value, signal);
      await this.#awaitTurn(signal);
    } catch (error) {
      await this.leave().catch(() => undefined); // The lease's end will do it.
      if (this.lease.lost.aborted) throw this.lease.lost.reason;
      if (timeout[0]?.aborted === true) {
        throw new QuorateError('deadline-exceeded', `another one owns it after ${options.waitMs} ms`);
      }
      throw error;
    }
  }

  /** Replaces the value. Rejects with `not-owner` if the place is held no longer. */
  async setValue(value: Bytes, options: CallOptions): Promise<void> {
    const put = operation.put(this.key, value, { lease: this.lease.id });
    const { succeeded } = await this.#client.transaction().if(this.held).then(put).commit(options);
    if (!succeeded) throw lostOwnership();
  }

  /** Gives the place up, if it is held. */
  async leave(options: CallOptions = {}): Promise<void> {
    // Without an answer to the request for a place there may be one all the same, under the own lease.
    const held = this.#revision === 0 ? compare(this.key, 'lease', '=', this.lease.id) : this.held;
    await this.#client.transaction().if(held).then(operation.delete(this.key)).commit(options);
  }

  /** May be done twice: the key says whether it was done. So an unknown outcome is no reason to give up. */
  async #enter(value: Bytes, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        const { succeeded, revision, results } = await this.#client
          .transaction()
          .if(missing(this.key))
          .then(operation.put(this.key, value, { lease: this.lease.id }))
          .else(operation.get(this.key))
          .commit({ signal });
        const [found] = results;
        const earlier = found?.kind === 'range' ? found.items[0] : undefined;
        this.#revision = succeeded ? revision : (earlier?.createRevision ?? 0);
        return;
      } catch (error) {
        if (!(error instanceof QuorateError && error.code === 'unknown-outcome')) throw error;
      }
    }
  }

  async #awaitTurn(signal: AbortSignal): Promise<void> {
    for (;;) {
      const { revision, items } = await this.#client.rangePage(
        { prefix: this.#prefix },
        {
          maxCreateRevision: this.#revision,
          sort: { by: 'createRevision', order: 'descending' },
          limit: 2,
          signal,
        },
      );
      const [own, before] = items;
      if (own?.createRevision !== this.#revision) throw lostOwnership();
      if (before === undefined) return;
      await this.#deletionOf(before, revision + 1, signal);
    }
  }

  async #deletionOf({ key }: KeyValue, startRevision: number, signal: AbortSignal): Promise<void> {
    const watch = this.#client.watch(key, { startRevision, only: 'deletions', signal });
    try {
      for await (const event of watch) if (event.type === 'delete') return;
    } catch (error) {
      // What was compacted is seen by looking again.
      if (!(error instanceof QuorateError && error.code === 'compacted')) throw error;
    } finally {
      await watch.close();
    }
  }
}

/** Who owns a name: the key that was created first, or null. */
export async function ownerOf(
  client: QueueClient,
  name: Bytes,
  options: CallOptions,
): Promise<{ readonly revision: number; readonly owner: KeyValue | null }> {
  const sort = { by: 'createRevision', order: 'ascending' } as const;
  const page = await client.rangePage(queueRange(name), { ...options, sort, limit: 1 });
  return { revision: page.revision, owner: page.items[0] ?? null };
}

/** The keys of all that own a name or wait for it. */
export function queueRange(name: Bytes): KeyRange {
  return { prefix: queuePrefix(name) };
}

function queuePrefix(name: Bytes): Uint8Array {
  const bytes = toBytes(name);
  if (bytes.length === 0) throw new QuorateError('invalid-argument', 'the name is empty');
  return concat(bytes, toBytes('/'));
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}

function lostOwnership(): QuorateError {
  return new QuorateError(
    'not-owner',
    'the key of this owner is gone: its lease has ended, or it was deleted',
  );
}
