import type { WatchChecker } from './watch-checker.ts';

/** A watcher is ended as compacted only if what it should be told next is: before the compacted revision. */
export const checkWatchCompaction: WatchChecker = (watch, truth) => {
  for (const { member, asked, start, told } of watch.sessions) {
    let next = start ?? asked;
    for (const notice of told) {
      if (notice.type === 'compacted') {
        if (notice.compactedRevision <= next || notice.compactedRevision > truth.compactedRevision) {
          return `${member} ended a watcher whose next revision was ${next} as compacted at ${notice.compactedRevision}; the highest compaction was at ${truth.compactedRevision}`;
        }
      } else {
        next = Math.max(next, notice.revision + 1);
      }
    }
  }
  return null;
};
