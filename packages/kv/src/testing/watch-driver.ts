import { type Event, Event_EventType as EventType, WatchCreateRequest } from '@quorate/protocol';
import type { Store } from '../store.ts';
import type { WatchNotice } from '../watch/watch-notice.ts';
import type { WatchStream } from '../watch/watch-stream.ts';
import { bytes, text } from './store-driver.ts';

/** A stream whose client writes down in words what it is told. */
export class WatchDriver {
  readonly stream: WatchStream;
  private readonly store: Store;
  notified = 0;

  constructor(store: Store) {
    this.store = store;
    this.stream = store.watch(() => {
      this.notified += 1;
    });
  }

  create(
    key: string,
    options: Partial<Omit<WatchCreateRequest, 'key' | 'rangeEnd'>> & { rangeEnd?: string } = {},
  ): void {
    const { rangeEnd = '', ...rest } = options;
    this.stream.create(WatchCreateRequest.create({ ...rest, key: bytes(key), rangeEnd: bytes(rangeEnd) }));
  }

  /** All that is told until nothing more comes, the past included. */
  told(): string[] {
    const notices = this.queued();
    while (this.store.feedWatchers() || !this.stream.isEmpty) notices.push(...this.queued());
    return notices;
  }

  /** What is told without any reading of the past. */
  queued(): string[] {
    const notices: string[] = [];
    for (let notice = this.stream.take(); notice !== null; notice = this.stream.take()) {
      notices.push(describe(notice));
    }
    return notices;
  }
}

/** Such as `0 events@3: put a=1@3`. */
export function describe(notice: WatchNotice): string {
  switch (notice.type) {
    case 'created':
    case 'cancelled':
      return `${notice.watcher.id} ${notice.type}@${notice.revision}`;
    case 'progress':
      return `${notice.watcher?.id ?? 'all'} progress@${notice.revision}`;
    case 'refused':
      return `refused ${notice.reason}`;
    case 'compacted':
      return `${notice.watcher.id} compacted ${notice.compactedRevision}`;
    case 'events':
      return `${notice.watcher.id} events@${notice.revision}: ${notice.events.map(describeEvent).join(', ')}`;
  }
}

function describeEvent({ type, kv, prevKv }: Event): string {
  const key = text(kv?.key ?? bytes('?'));
  const change = type === EventType.PUT ? `put ${key}=${text(kv?.value ?? bytes('?'))}` : `delete ${key}`;
  const before = prevKv === undefined ? '' : ` after ${text(prevKv.value)}@${prevKv.modRevision}`;
  return `${change}@${kv?.modRevision}${before}`;
}
