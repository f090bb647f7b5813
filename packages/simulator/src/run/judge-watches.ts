import type { Violation } from '../cluster/run-observer.ts';
import { checkWatchAtomicity } from '../checkers/watch-atomicity.ts';
import { checkWatchBookmarks } from '../checkers/watch-bookmarks.ts';
import type { WatchChecker } from '../checkers/watch-checker.ts';
import { checkWatchCompaction } from '../checkers/watch-compaction.ts';
import { checkWatchFilters } from '../checkers/watch-filters.ts';
import { checkWatchOrder } from '../checkers/watch-order.ts';
import { checkWatchPrevious } from '../checkers/watch-previous.ts';
import { checkWatchReliability } from '../checkers/watch-reliability.ts';
import { checkWatchResumption } from '../checkers/watch-resumption.ts';
import type { WatchTruth } from '../checkers/watch-truth.ts';
import { checkWatchUniqueness } from '../checkers/watch-uniqueness.ts';
import type { WatchRecord } from '../workload/watch-record.ts';

const checkers: readonly (readonly [property: string, check: WatchChecker])[] = [
  ['watch-order', checkWatchOrder],
  ['watch-uniqueness', checkWatchUniqueness],
  ['watch-filters', checkWatchFilters],
  ['watch-atomicity', checkWatchAtomicity],
  ['watch-bookmarks', checkWatchBookmarks],
  ['watch-reliability', checkWatchReliability],
  ['watch-resumption', checkWatchResumption],
  ['watch-previous', checkWatchPrevious],
  ['watch-compaction', checkWatchCompaction],
];

/** Holds what clients heard by watching against what happened. */
export function judgeWatches(watches: readonly WatchRecord[], truth: WatchTruth): Violation | null {
  for (const watch of watches) {
    for (const [property, check] of checkers) {
      const wrong = check(watch, truth);
      if (wrong !== null) return { property, explanation: `${watch.name}: ${wrong}` };
    }
  }
  return null;
}
