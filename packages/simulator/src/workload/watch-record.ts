import type { KeyValue } from '@quorate/protocol';
import { toText } from './requests.ts';

/** One change as a watcher was told of it. Without the previous state if that is null. */
export type ToldEvent = {
  readonly revision: number;
  readonly key: string;
  readonly type: 'put' | 'delete';
  /** Everything else about the new state, in words. */
  readonly state: string;
  /** The previous state, in words. */
  readonly previous: string | null;
};

/** What a member told a watcher, as far as its client heard it. */
export type ToldNotice =
  | { readonly type: 'events'; readonly revision: number; readonly events: readonly ToldEvent[] }
  | { readonly type: 'progress'; readonly revision: number }
  | { readonly type: 'compacted'; readonly compactedRevision: number };

/** A watcher at one member, from its creation until its client lost or left it. */
export type WatchSession = {
  readonly member: string;
  /** The revision that it was to begin with; 0 for now. */
  readonly asked: number;
  /** The first revision that it may be told of; null if the client did not hear that it was created. */
  start: number | null;
  readonly told: ToldNotice[];
};

/** What is watched. */
export type Watched = {
  readonly start: string;
  /** The first key that is not watched; null if there is none. */
  readonly end: string | null;
  readonly wantsPrevious: boolean;
  /** The kind of events that is left out. */
  readonly without: 'put' | 'delete' | null;
};

/**
 * All that one client heard of what it watches: session after session, each beginning where the one before had
 * got to. Compaction ends it; the client begins another one then.
 */
export type WatchRecord = {
  readonly name: string;
  readonly watched: Watched;
  readonly sessions: WatchSession[];
};

/** Whether a watcher is to be told of a change. */
export function concerns({ start, end, without }: Watched, event: Pick<ToldEvent, 'key' | 'type'>): boolean {
  return event.key >= start && (end === null || event.key < end) && event.type !== without;
}

/** All events that a record has, in the order in which they were told. */
export function eventsOf({ sessions }: WatchRecord): readonly ToldEvent[] {
  return sessions.flatMap(({ told }) =>
    told.flatMap((notice) => (notice.type === 'events' ? notice.events : [])),
  );
}

/** Such as `k1@7`. */
export function nameOf({ key, revision }: ToldEvent): string {
  return `${key}@${revision}`;
}

/** The state of a key in words. */
export function describeState(kv: KeyValue): string {
  const { value, createRevision, modRevision, version, lease } = kv;
  const text = toText(value).replace(/\.+$/, '');
  return `${text}, version ${version}, made at ${modRevision}, created at ${createRevision}, lease ${lease}`;
}
