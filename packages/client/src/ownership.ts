import { type Bytes, toBytes } from './bytes.ts';
import type { Caller, CallOptions } from './caller.ts';
import { integer } from './client-options.ts';
import type { Clock } from './clock.ts';
import { compare, type Comparison, missing } from './compare.ts';
import type { KeyRange } from './key-range.ts';
import type { KeyValue } from './key-value.ts';
import type { Lease, LeaseOptions } from './lease.ts';
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
  grantLease(options: LeaseOptions & CallOptions): Promise<Lease>;
};

export type WaitOptions = {
  /** How long to wait for the turn, in milliseconds. Default: as long as it takes, through outages too. */
  readonly waitMs?: number;
  /** Gives up when aborted. */
  readonly signal?: AbortSignal | undefined;
};

export type LockOptions = WaitOptions & {
  /** How long the ownership outlives its owner, in seconds. Default 10. Not together with `lease`. */
  readonly ttlSeconds?: number;
  /** The lease whose end gives it up. Default: one of its own, which ends with it. */
  readonly lease?: Lease;
};

const defaultTtlSeconds = 10;
/** How long who has given up waits until its place is given up, too. Otherwise the end of its lease does that. */
const cleaningMs = 500;

/** What is owned, and whether its lease is its own, too. */
export type Owned = { readonly ownership: Ownership; readonly ownsLease: boolean };

/**
 * Waits until a name is owned. Rejects with `deadline-exceeded` after `waitMs`, `cancelled`, and `lease-lost` or
 * `not-owner` if the lease, or the place in the queue, is lost and the lease is not its own; or as any call if the
 * cluster cannot be reached at the beginning. Later outages are waited for, and if they cost the own lease, and with
 * it the place, another one is taken.
 */
export async function own(
  client: QueueClient,
  caller: Caller,
  name: Bytes,
  value: Bytes,
  options: LockOptions,
): Promise<Owned> {
  using patience = new Patience(caller.settings.clock, options);
  const { signal } = patience;
  const { ttlSeconds = defaultTtlSeconds } = options;
  const grant = async (): Promise<Lease> => client.grantLease({ ttlSeconds, signal });
  const ownsLease = options.lease === undefined;
  try {
    let lease = options.lease ?? (await grant());
    for (;;) {
      const ownership = new Ownership(client, caller, name, lease);
      try {
        await ownership.acquire(value, signal);
        return { ownership, ownsLease };
      } catch (error) {
        if (!ownsLease || !isLoss(error)) {
          const cleaning = { timeoutMs: cleaningMs };
          await (ownsLease ? lease.revoke(cleaning) : ownership.leave(cleaning)).catch(() => undefined);
          throw error;
        }
      }
      const lost = lease;
      lease = await caller.throughOutages(grant, signal);
      // In the cluster it may last, and hold a place in front of the new one.
      await lost.revoke({ timeoutMs: cleaningMs }).catch(() => undefined);
    }
  } catch (error) {
    throw patience.isOver ? new QuorateError('deadline-exceeded', notOwned(options)) : error;
  }
}

/** What was held is gone: the place, or the lease with it. */
function isLoss(error: unknown): boolean {
  return error instanceof QuorateError && (error.code === 'lease-lost' || error.code === 'not-owner');
}

function notOwned({ waitMs }: WaitOptions): string {
  return `it was not owned within ${waitMs} ms: another one owns it, or the cluster could not be reached`;
}

/** How long somebody waits. */
class Patience implements Disposable {
  readonly signal: AbortSignal;
  readonly #over = new AbortController();
  readonly #cancelTimer: () => void;

  constructor(clock: Clock, { waitMs, signal }: WaitOptions) {
    this.signal = signal === undefined ? this.#over.signal : AbortSignal.any([this.#over.signal, signal]);
    this.#cancelTimer =
      waitMs === undefined
        ? () => undefined
        : clock.setTimer(integer('waitMs', waitMs, 0), () => this.#over.abort());
  }

  get isOver(): boolean {
    return this.#over.signal.aborted;
  }

  [Symbol.dispose](): void {
    this.#cancelTimer();
  }
}

/**
 * A place in the queue for a name: the key `name/<lease>`, which exists as long as it is wanted and its lease lasts.
 * Whose key was created first is the owner, and the others wait for the one before them. The Lock and Election
 * services of the cluster, and etcd's clients, stand in the same queues.
 */
export class Ownership {
  readonly key: Uint8Array;
  readonly lease: Lease;
  readonly #client: QueueClient;
  readonly #caller: Caller;
  readonly #prefix: Uint8Array;
  #revision = 0;

  constructor(client: QueueClient, caller: Caller, name: Bytes, lease: Lease) {
    this.#client = client;
    this.#caller = caller;
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

  /**
   * Takes a place, and waits for its turn, through outages. Rejects with `lease-lost`, `not-owner` if the place is
   * gone, or `cancelled`; then it may still have a place.
   */
  async acquire(value: Bytes, given: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([this.lease.lost, given]);
    try {
      await this.#caller.throughOutages(async () => this.#enter(value, signal), signal);
      await this.#awaitTurn(signal);
    } catch (error) {
      throw this.lease.lost.aborted ? this.lease.lost.reason : error;
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
      const { revision, items } = await this.#caller.throughOutages(
        async () =>
          this.#client.rangePage(
            { prefix: this.#prefix },
            {
              maxCreateRevision: this.#revision,
              sort: { by: 'createRevision', order: 'descending' },
              limit: 2,
              signal,
            },
          ),
        signal,
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
