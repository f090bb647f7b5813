import type { Watcher, WatchNotice, WatchRefusal } from '@quorate/kv';
import { type Event, type ResponseHeader, WatchResponse } from '@quorate/protocol';

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

/**
 * Parts of responses. A protobuf message is the sequence of its fields, so a response is put together from parts
 * that are encoded once: an event for however many watchers it goes to, a watcher's id for all that it is told.
 */
const eventParts = new WeakMap<Event, Uint8Array>();
const watcherParts = new WeakMap<Watcher, Uint8Array>();
const fragmentPart = WatchResponse.encode(WatchResponse.create({ fragment: true })).finish();

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
  const { watcher } = notice;
  const start = [headerPart(makeHeader, notice.revision), watcherPart(watcher)];
  const events = notice.events.map(eventPart);
  if (!watcher.allowsFragments) return [concatenate([...start, ...events])];
  const startBytes = start.reduce((sum, part) => sum + part.length, fragmentPart.length);
  const fragments = split(events, fragmentBytes - startBytes);
  return fragments.map((fragment, index) => {
    const isLast = index === fragments.length - 1;
    return concatenate([...start, ...(isLast ? [] : [fragmentPart]), ...fragment]);
  });
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

/** The last header that was encoded: a revision concerns many watchers, one after the other. */
let latestHeader: { readonly header: ResponseHeader; readonly part: Uint8Array } | null = null;

function headerPart(makeHeader: MakeHeader, revision: number): Uint8Array {
  const header = makeHeader(revision);
  if (latestHeader === null || !isSame(latestHeader.header, header)) {
    latestHeader = { header, part: WatchResponse.encode({ ...emptyResponse, header }).finish() };
  }
  return latestHeader.part;
}

function isSame(a: ResponseHeader, b: ResponseHeader): boolean {
  return (
    a.revision === b.revision &&
    a.raftTerm === b.raftTerm &&
    a.memberId === b.memberId &&
    a.clusterId === b.clusterId
  );
}

function watcherPart(watcher: Watcher): Uint8Array {
  let part = watcherParts.get(watcher);
  if (part === undefined) {
    part = WatchResponse.encode({ ...emptyResponse, watchId: watcher.id }).finish();
    watcherParts.set(watcher, part);
  }
  return part;
}

function eventPart(event: Event): Uint8Array {
  let part = eventParts.get(event);
  if (part === undefined) {
    part = WatchResponse.encode({ ...emptyResponse, events: [event] }).finish();
    eventParts.set(event, part);
  }
  return part;
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  const message = Buffer.allocUnsafe(bytes);
  let offset = 0;
  for (const part of parts) {
    message.set(part, offset);
    offset += part.length;
  }
  return message;
}

const emptyResponse = WatchResponse.create();

/** Cuts events into parts of less than `maxBytes`, or of one event that alone takes more. */
function split(events: readonly Uint8Array[], maxBytes: number): readonly Uint8Array[][] {
  const parts: Uint8Array[][] = [];
  let part: Uint8Array[] = [];
  let partBytes = 0;
  for (const bytes of events) {
    if (part.length > 0 && partBytes + bytes.length >= maxBytes) {
      parts.push(part);
      part = [];
      partBytes = 0;
    }
    part.push(bytes);
    partBytes += bytes.length;
  }
  parts.push(part);
  return parts;
}
