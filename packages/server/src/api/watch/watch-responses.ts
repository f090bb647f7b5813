import type { WatchNotice, WatchRefusal } from '@quorate/kv';
import { Event, type ResponseHeader, WatchResponse } from '@quorate/protocol';

/** Makes the header of a response, with the revision that it speaks of. */
export type MakeHeader = (revision: number) => ResponseHeader;

/** The id in responses that are about no watcher: refusals, and the progress of the stream as a whole. */
const noWatcher = -1n;

/** Word for word what etcd says, where it knows the case. */
export const refusalReasons: Readonly<Record<WatchRefusal, string>> = {
  'empty-range': 'mvcc: watcher range is empty',
  'duplicate-id': 'mvcc: duplicate watch ID provided on the WatchStream',
  'too-many': 'etcdserver: too many requests',
};

/** The field `events` of a WatchResponse, of wire type 2. */
const eventsTag = (11 << 3) | 2;
/** What the tag and the length of an event may take. */
const eventOverheadBytes = 6;

/** Events as they stand in responses. One is encoded once, for however many watchers it goes to. */
const encodedEvents = new WeakMap<Event, Uint8Array>();

/**
 * The responses that tell a client of a notice, encoded. There are several if the events of a watcher that allows
 * fragments take `fragmentBytes` or more: all but the last are then marked as fragments.
 */
export function encodeResponses(
  notice: WatchNotice,
  makeHeader: MakeHeader,
  fragmentBytes: number,
): readonly Uint8Array[] {
  if (notice.type !== 'events') return [WatchResponse.encode(toResponse(notice, makeHeader)).finish()];
  const response = {
    header: makeHeader(notice.revision),
    watchId: notice.watcher.id,
  };
  const events = notice.events.map(encodeEvent);
  if (!notice.watcher.allowsFragments) return [encodeEvents(response, events, false)];
  const parts = split(
    events,
    fragmentBytes - WatchResponse.encode(WatchResponse.create(response)).finish().length,
  );
  return parts.map((part, index) => encodeEvents(response, part, index < parts.length - 1));
}

function toResponse(
  notice: Exclude<WatchNotice, { readonly type: 'events' }>,
  makeHeader: MakeHeader,
): WatchResponse {
  switch (notice.type) {
    case 'created':
      return response(makeHeader(notice.revision), { watchId: notice.watcher.id, created: true });
    case 'refused':
      return response(makeHeader(notice.revision), {
        watchId: noWatcher,
        created: true,
        canceled: true,
        cancelReason: refusalReasons[notice.reason],
      });
    case 'progress':
      return response(makeHeader(notice.revision), { watchId: notice.watcher?.id ?? noWatcher });
    case 'cancelled':
      return response(makeHeader(notice.revision), { watchId: notice.watcher.id, canceled: true });
    case 'compacted':
      // As etcd's, this response says nothing about the current revision, and gives no reason in words. The
      // revision must not be 0, which would mean that nothing was compacted: a negative start ends like this, too.
      return response(makeHeader(0), {
        watchId: notice.watcher.id,
        canceled: true,
        compactRevision: Math.max(notice.compactedRevision, 1),
      });
  }
}

function response(header: ResponseHeader, fields: Partial<WatchResponse>): WatchResponse {
  return { ...WatchResponse.create(fields), header };
}

function encodeEvent(event: Event): Uint8Array {
  const known = encodedEvents.get(event);
  if (known !== undefined) return known;
  const bytes = Event.encode(event).finish();
  encodedEvents.set(event, bytes);
  return bytes;
}

function encodeEvents(
  { header, watchId }: { readonly header: ResponseHeader; readonly watchId: bigint },
  events: readonly Uint8Array[],
  fragment: boolean,
): Uint8Array {
  const writer = WatchResponse.encode({ ...emptyResponse, header, watchId, fragment });
  // The events are the message's last field, so they may follow what the codec has written.
  for (const bytes of events) writer.uint32(eventsTag).bytes(bytes);
  return writer.finish();
}

const emptyResponse = WatchResponse.create();

/** Cuts events into parts of less than `maxBytes`, or of one event that alone takes more. */
function split(events: readonly Uint8Array[], maxBytes: number): readonly Uint8Array[][] {
  const parts: Uint8Array[][] = [];
  let part: Uint8Array[] = [];
  let partBytes = 0;
  for (const bytes of events) {
    const needed = bytes.length + eventOverheadBytes;
    if (part.length > 0 && partBytes + needed >= maxBytes) {
      parts.push(part);
      part = [];
      partBytes = 0;
    }
    part.push(bytes);
    partBytes += needed;
  }
  parts.push(part);
  return parts;
}
