import type { Violation } from '../cluster/run-observer.ts';
import type { LeaseRecord } from '../workload/lease-record.ts';

/** What may be added to a TTL when nothing goes wrong: ticks, confirmation, commit, an election, in simulated milliseconds. */
const SLACK_MS = 6_000;

/**
 * No key outlives its lease beyond a bound. While a majority serves, a lease that nobody keeps alive ends when its
 * TTL has passed since `servingSinceUs`, or since somebody asked to keep it alive last; slow clocks stretch that.
 */
export function checkLeasesOverdue(
  records: readonly LeaseRecord[],
  exists: (id: bigint) => boolean,
  { servingSinceUs, nowUs, slowestRate }: { servingSinceUs: number; nowUs: number; slowestRate: number },
): Violation | null {
  for (const { id, client, ttlSeconds, lastAskedUs } of records) {
    const dueUs =
      Math.max(servingSinceUs, lastAskedUs) + ((ttlSeconds * 1000) / slowestRate + SLACK_MS) * 1000;
    if (nowUs > dueUs && exists(id)) {
      const explanation = `lease ${id} of ${client} should have ended at ${dueUs} us, and exists at ${nowUs} us`;
      return { property: 'lease-overdue', explanation };
    }
  }
  return null;
}
