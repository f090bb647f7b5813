import type { Event } from '@quorate/protocol';
import type { Watcher } from './watcher.ts';

/**
 * What a stream is told, in the order in which it must be passed on.
 *
 * - `created`: a watcher exists from now on. Comes before everything else about it.
 * - `refused`: a request to create one was turned down.
 * - `events`: what happened, all events of each revision that is mentioned, at least one. The watcher has then
 *   been told of everything up to `revision`.
 * - `progress`: the watcher, or all of the stream if it is null, has been told of everything up to `revision`.
 * - `cancelled`: the watcher is gone, as was asked.
 * - `compacted`: the watcher is gone, because what it should be told next is no longer there. What happened from
 *   `compactedRevision` on is.
 */
export type WatchNotice =
  | { readonly type: 'created'; readonly watcher: Watcher; readonly revision: number }
  | { readonly type: 'refused'; readonly reason: WatchRefusal; readonly revision: number }
  | {
      readonly type: 'events';
      readonly watcher: Watcher;
      readonly events: readonly Event[];
      readonly revision: number;
    }
  | { readonly type: 'progress'; readonly watcher: Watcher | null; readonly revision: number }
  | { readonly type: 'cancelled'; readonly watcher: Watcher; readonly revision: number }
  | { readonly type: 'compacted'; readonly watcher: Watcher; readonly compactedRevision: number };

/**
 * Why a watcher was not created.
 *
 * - `empty-range`: the range's end is not after its start.
 * - `duplicate-id`: the stream has a watcher of that id.
 * - `too-many`: the member has as many watchers as it may have.
 */
export type WatchRefusal = 'empty-range' | 'duplicate-id' | 'too-many';

/** About what a notice costs in memory beside the keys and values of its events; and each of those events. */
const noticeBytes = 128;
const eventBytes = 256;

/** How much memory a notice holds while it waits, in bytes. */
export function sizeOf(notice: WatchNotice): number {
  if (notice.type !== 'events') return noticeBytes;
  let bytes = noticeBytes;
  for (const { kv, prevKv } of notice.events) {
    bytes += eventBytes;
    if (kv !== undefined) bytes += kv.key.length + kv.value.length;
    if (prevKv !== undefined) bytes += prevKv.key.length + prevKv.value.length;
  }
  return bytes;
}
