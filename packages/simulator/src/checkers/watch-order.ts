import { eventsOf, nameOf } from '../workload/watch-record.ts';
import type { WatchChecker } from './watch-checker.ts';

/** Ordered: events come in the order of their revisions, through all sessions. */
export const checkWatchOrder: WatchChecker = (watch) => {
  const events = eventsOf(watch);
  for (const [index, event] of events.entries()) {
    const before = events[index - 1];
    if (before !== undefined && event.revision < before.revision) {
      return `${nameOf(event)} was told after ${nameOf(before)}`;
    }
  }
  return null;
};
