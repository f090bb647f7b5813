import type { Store } from '@quorate/kv';
import { toKey } from '@quorate/kv';
import { RangeRequest } from '@quorate/protocol';
import type { Violation } from '../cluster/run-observer.ts';

/** No key names a lease that does not exist, and a lease has exactly the keys whose newest version names it. */
export function checkLeaseKeys(
  store: Pick<Store, 'range' | 'lease' | 'leases' | 'appliedIndex'>,
): Violation | null {
  const everything = { key: Uint8Array.of(0), rangeEnd: Uint8Array.of(0) };
  const { kvs } = store.range(RangeRequest.create(everything));
  let attached = 0;
  for (const { key, lease: id } of kvs) {
    if (id === 0n) continue;
    attached += 1;
    const lease = store.lease(id);
    if (lease === undefined) {
      return violation(`key ${toKey(key)} outlives its lease ${id}`, store.appliedIndex);
    }
    if (!lease.keys.has(toKey(key))) {
      return violation(`key ${toKey(key)} names lease ${id}, which does not have it`, store.appliedIndex);
    }
  }
  let had = 0;
  for (const { keys } of store.leases()) had += keys.size;
  return had === attached
    ? null
    : violation(`leases have ${had} keys, and ${attached} keys have leases`, store.appliedIndex);
}

function violation(what: string, index: number): Violation {
  return { property: 'lease-keys', explanation: `${what}, at index ${index}` };
}
