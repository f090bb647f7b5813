import type { Store } from '@quorate/kv';
import { GUARDED_KEY, readGuarded, wholeQueue } from '../workload/lock-requests.ts';
import { rangeRequest, toBytes, toText } from '../workload/requests.ts';

/** A write of the guarded key, and who stood in the queue at that revision. */
export type GuardedWrite = {
  readonly revision: number;
  readonly value: string;
  readonly token: number;
  /** The key of the lock that the writer names. */
  readonly key: string;
  readonly queue: readonly { readonly key: string; readonly token: number }[];
};

/** What really happened to the key that the lock guards: found by reading after each command, as nobody else does. */
export class GuardedWrites {
  readonly all: GuardedWrite[] = [];

  /** A command was applied to a store that nothing else is done with. */
  observe(store: Store): void {
    const { revision } = store;
    const [guarded] = store.range(rangeRequest({ key: toBytes(GUARDED_KEY) })).kvs;
    if (guarded?.modRevision !== revision || this.all.at(-1)?.revision === revision) return;
    const value = toText(guarded.value);
    const { kvs } = store.range(wholeQueue());
    const queue = kvs.map((kv) => ({ key: toText(kv.key), token: kv.createRevision }));
    this.all.push({ revision, value, ...readGuarded(value), queue });
  }
}
