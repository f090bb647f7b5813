import type { WatchChecker } from './watch-checker.ts';

/** Atomic: all events of a revision come together. */
export const checkWatchAtomicity: WatchChecker = (watch, truth) => {
  for (const { member, told } of watch.sessions) {
    for (const notice of told) {
      if (notice.type !== 'events') continue;
      for (const revision of new Set(notice.events.map((event) => event.revision))) {
        const together = notice.events.filter((event) => event.revision === revision).length;
        const expected = truth.between(watch, revision, revision).length;
        if (together !== expected) {
          return `${member} told ${together} of the ${expected} events of revision ${revision} together`;
        }
      }
    }
  }
  return null;
};
