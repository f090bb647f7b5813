import { nameOf, type WatchSession } from '../workload/watch-record.ts';
import type { WatchChecker } from './watch-checker.ts';

/** Reliable: when a member says that a watcher was told everything up to a revision, it was, from its start on. */
export const checkWatchReliability: WatchChecker = (watch, truth) => {
  for (const session of watch.sessions) {
    const { member, start, told } = session;
    if (start === null) continue;
    const seen = new Set<string>();
    let reached = start - 1;
    for (const notice of told) {
      if (notice.type === 'compacted') continue;
      for (const name of namesOf(notice)) seen.add(name);
      if (notice.revision < reached) continue;
      for (const event of truth.between(watch, reached + 1, notice.revision)) {
        if (!seen.has(nameOf(event))) {
          return `${member} says that everything up to revision ${notice.revision} was told, but ${nameOf(event)} was not`;
        }
      }
      reached = notice.revision;
    }
  }
  return null;
};

function namesOf(notice: WatchSession['told'][number]): readonly string[] {
  return notice.type === 'events' ? notice.events.map(nameOf) : [];
}
