import { concerns, eventsOf, nameOf } from '../workload/watch-record.ts';
import type { WatchChecker } from './watch-checker.ts';

/** Filters: whatever is told happened, as it is told, and is what the client asked for. */
export const checkWatchFilters: WatchChecker = (watch, truth) => {
  for (const { member, start, told } of watch.sessions) {
    for (const notice of told) {
      if (notice.type !== 'events') continue;
      if (start === null) return `${member} told events before it said that the watcher was created`;
      const early = notice.events.find((event) => event.revision < start);
      if (early !== undefined) {
        return `${member} told ${nameOf(early)} to a watcher that begins at ${start}`;
      }
    }
  }
  for (const event of eventsOf(watch)) {
    if (!concerns(watch.watched, event)) return `${event.type} ${nameOf(event)} was not asked for`;
    const real = truth.find(event.key, event.revision);
    if (real?.type !== event.type || real.state !== event.state) {
      return `${nameOf(event)} was told as ${event.type} ${event.state}, but was ${real?.type} ${real?.state}`;
    }
  }
  return null;
};
