import { eventsOf, nameOf } from '../workload/watch-record.ts';
import type { WatchChecker } from './watch-checker.ts';

/** Resumable: from the first session's start to the last event nothing is missing, wherever the client went. */
export const checkWatchResumption: WatchChecker = (watch, truth) => {
  const start = watch.sessions.find((session) => session.start !== null)?.start ?? null;
  const events = eventsOf(watch);
  const last = events.at(-1);
  if (start === null || last === undefined) return null;
  const told = new Set(events.map(nameOf));
  const missing = truth.between(watch, start, last.revision).find((event) => !told.has(nameOf(event)));
  if (missing === undefined) return null;
  const sessions = watch.sessions.map((session) => `${session.member} from ${session.asked}`);
  return `${nameOf(missing)} was never told, in sessions at ${sessions.join(', ')}`;
};
