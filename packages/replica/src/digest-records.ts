import type { DigestRange, RecordDigest, Store } from '@quorate/kv';
import type { Call } from './call.ts';
import type { Clock } from './ports.ts';
import { ReplicaError } from './replica-error.ts';

export type DigestParts = { readonly store: Pick<Store, 'openDigest'>; readonly clock: Clock };

/** About a millisecond of work: then it is the turn of whatever waits. */
const recordsPerStep = 128;

/**
 * Computes a checksum over records beside all other work, over at most `maxRecords` of them. Begins anew when the
 * store is compacted meanwhile. Rejects with a ReplicaError `timed-out` or `cancelled`, or with an EngineError.
 */
export async function digestRecords(
  { store, clock }: DigestParts,
  range: DigestRange,
  maxRecords: number,
  call: Call,
): Promise<RecordDigest> {
  let digest = store.openDigest(range);
  for (;;) {
    if (call.signal?.aborted === true) throw new ReplicaError('cancelled', 'the caller gave up');
    const progress = digest.step(Math.min(recordsPerStep, maxRecords));
    if (progress === 'finished' || digest.records >= maxRecords) return digest;
    if (progress === 'outdated') digest = store.openDigest(range);
    if (clock.monotonicMs() >= call.deadlineMs) {
      throw new ReplicaError('timed-out', 'the records could not be read before the deadline');
    }
    await new Promise<void>((resolve) => {
      clock.defer(resolve);
    });
  }
}
