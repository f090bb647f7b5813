import { eventsOf, nameOf } from '../workload/watch-record.ts';
import type { WatchChecker } from './watch-checker.ts';

/** Unique: no event comes twice, not even in two sessions. */
export const checkWatchUniqueness: WatchChecker = (watch) => {
  const seen = new Set<string>();
  for (const name of eventsOf(watch).map(nameOf)) {
    if (seen.has(name)) return `${name} was told twice`;
    seen.add(name);
  }
  return null;
};
