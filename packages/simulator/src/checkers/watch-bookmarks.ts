import { nameOf } from '../workload/watch-record.ts';
import type { WatchChecker } from './watch-checker.ts';

/**
 * Bookmarkable: after a sign of progress nothing up to its revision comes any more, and there is none below the
 * revision that the client asked for.
 */
export const checkWatchBookmarks: WatchChecker = (watch) => {
  let bookmark = 0;
  for (const { member, asked, told } of watch.sessions) {
    for (const notice of told) {
      if (notice.type === 'progress') {
        if (notice.revision < asked) {
          return `${member} told progress at revision ${notice.revision} to a watcher that begins at ${asked}`;
        }
        bookmark = Math.max(bookmark, notice.revision);
      } else if (notice.type === 'events') {
        const late = notice.events.find((event) => event.revision <= bookmark);
        if (late !== undefined) {
          return `${member} told ${nameOf(late)} after the progress up to revision ${bookmark}`;
        }
      }
    }
  }
  return null;
};
