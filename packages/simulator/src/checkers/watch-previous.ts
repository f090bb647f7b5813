import { eventsOf, nameOf } from '../workload/watch-record.ts';
import type { WatchChecker } from './watch-checker.ts';

/** The previous state is told if it was asked for; it may be missing only if it is compacted. */
export const checkWatchPrevious: WatchChecker = ({ watched, ...watch }, truth) => {
  for (const event of eventsOf({ watched, ...watch })) {
    const before = truth.find(event.key, event.revision)?.previous ?? null;
    const expected = watched.wantsPrevious ? before : null;
    const mayBeGone = event.previous === null && event.revision - 1 < truth.compactedRevision;
    if (event.previous !== expected && !mayBeGone) {
      return `${nameOf(event)} was told with "${event.previous}" before it, not "${expected}"`;
    }
  }
  return null;
};
