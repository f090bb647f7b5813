import type { Violation } from '../cluster/run-observer.ts';
import type { LeaseRecord } from '../workload/lease-record.ts';
import type { LeaseEnd } from './lease-ends.ts';

/**
 * A lease lasts its TTL from when somebody asked to grant it or to keep it alive, and got that granted. Clocks that
 * run fast may shorten that by the rate at which they do. And one that has ended is not kept alive any more.
 */
export function checkLeasePromises(
  records: readonly LeaseRecord[],
  endOf: (id: bigint) => LeaseEnd | null,
  fastestRate: number,
): Violation | null {
  for (const { id, client, ttlSeconds, promisedUs } of records) {
    const end = endOf(id);
    for (const askedUs of end === null ? [] : promisedUs) {
      const lastsUntilUs = askedUs + (ttlSeconds * 1_000_000) / fastestRate;
      if (end !== null && askedUs > end.atUs) {
        return violation(
          `${client} kept lease ${id} alive at ${askedUs} us, after its end at ${end.atUs} us`,
        );
      }
      if (end?.kind === 'expired' && end.atUs < lastsUntilUs) {
        return violation(
          `${client} was promised at ${askedUs} us that lease ${id} lasts ${ttlSeconds} s, and it ended at ${end.atUs} us`,
        );
      }
    }
  }
  return null;
}

function violation(explanation: string): Violation {
  return { property: 'lease-promise', explanation };
}
