import assert from 'node:assert/strict';
import type { Event, WatchCreateRequest } from '@quorate/protocol';
import { sizeOf, type WatchNotice, type WatchRefusal } from './watch-notice.ts';
import { Watcher, type WatcherOutlet, watchedRange } from './watcher.ts';

/** So many notices that were taken may stand before those that wait, until they are moved. */
const takenMax = 64;

/** What a stream needs of the hub. */
export type StreamHub = {
  /** The current revision. */
  readonly revision: number;
  /** How many more watchers there may be. */
  readonly room: number;
  /** Whether all streams together may hold more. */
  readonly hasBufferRoom: boolean;
  /** This stream holds so many bytes more (or less). */
  buffered(bytes: number): void;
  /** Begins to tell a watcher what happens from `next` on. */
  begin(watcher: Watcher, next: number): void;
  /** Tells it nothing more. */
  end(watcher: Watcher): void;
};

/**
 * Any number of watchers that share one way to their client, and one queue of what the client is to be told. As
 * everything that it is told goes through that queue, nothing overtakes anything.
 *
 * The queue is bounded: when it is full, watchers that should be told something are held, and read it from the
 * store when there is room again. Who takes notices decides about the pace; who sends requests must do so only
 * while the stream has room.
 */
export class WatchStream implements WatcherOutlet {
  private readonly hub: StreamHub;
  private readonly bufferMaxBytes: number;
  private readonly notify: () => void;
  private readonly watchers = new Map<bigint, Watcher>();
  /** Those that wait for room. */
  private readonly held = new Set<Watcher>();
  private queue: WatchNotice[] = [];
  /** What was taken from the queue stands before this. */
  private taken = 0;
  private queuedBytes = 0;
  private nextId = 0n;
  private isClosed = false;

  /** `notify` is called when the queue has something again. It must not call back before it has returned. */
  constructor(hub: StreamHub, bufferMaxBytes: number, notify: () => void) {
    this.hub = hub;
    this.bufferMaxBytes = bufferMaxBytes;
    this.notify = notify;
  }

  /** Whether there is room for more notices. There always is when nothing waits to be taken. */
  get hasRoom(): boolean {
    return this.isEmpty || (this.queuedBytes < this.bufferMaxBytes && this.hub.hasBufferRoom);
  }

  /** Nothing waits to be taken. */
  get isEmpty(): boolean {
    return this.queue.length === 0;
  }

  /** How many watchers there are. */
  get size(): number {
    return this.watchers.size;
  }

  /** The oldest notice, which is then the caller's; null if there is none. */
  take(): WatchNotice | null {
    const notice = this.queue[this.taken];
    if (notice === undefined) return null;
    this.taken += 1;
    this.account(-sizeOf(notice));
    if (this.taken === this.queue.length || this.taken >= takenMax) {
      this.queue = this.queue.slice(this.taken);
      this.taken = 0;
    }
    // Half empty, not merely less than full, so that what is read for a held watcher is worth the effort.
    if (this.held.size > 0 && this.queuedBytes <= this.bufferMaxBytes / 2) this.release();
    return notice;
  }

  /** Creates a watcher, or refuses to. The notice about it is put into the queue. */
  create(request: WatchCreateRequest): void {
    assert(!this.isClosed, 'a closed stream takes no requests');
    const { revision } = this.hub;
    const refusal = this.reasonAgainst(request);
    if (refusal !== null) {
      this.push({ type: 'refused', reason: refusal, revision });
      return;
    }
    const id = request.watchId === 0n ? this.unusedId() : request.watchId;
    const watcher = new Watcher(this, id, request);
    this.watchers.set(id, watcher);
    this.push({ type: 'created', watcher, revision });
    this.hub.begin(watcher, request.startRevision === 0 ? revision + 1 : request.startRevision);
  }

  /** Ends a watcher and says so. Says nothing if there is none of that id. */
  cancel(id: bigint): void {
    const watcher = this.watchers.get(id);
    if (watcher === undefined) return;
    this.remove(watcher);
    this.push({ type: 'cancelled', watcher, revision: this.hub.revision });
  }

  /** Tells how far the client has seen everything, if all watchers have. Otherwise nothing, as etcd does. */
  requestProgress(): void {
    const { revision } = this.hub;
    if (this.watchers.size === 0) return;
    for (const watcher of this.watchers.values()) {
      if (!hasSeen(watcher, revision)) return;
    }
    this.push({ type: 'progress', watcher: null, revision });
  }

  /**
   * Tells those watchers that want to know it how far they have seen everything, unless they were told something
   * since the last call. To be called at intervals.
   */
  tellProgress(): void {
    const { revision } = this.hub;
    for (const watcher of this.watchers.values()) {
      if (watcher.wantsProgress && !watcher.isFresh && this.hasRoom && hasSeen(watcher, revision)) {
        this.push({ type: 'progress', watcher, revision });
      }
      watcher.isFresh = false;
    }
  }

  /** Ends all watchers and drops what is queued. */
  close(): void {
    this.isClosed = true;
    for (const watcher of this.watchers.values()) this.hub.end(watcher);
    this.watchers.clear();
    this.held.clear();
    this.queue = [];
    this.taken = 0;
    this.account(-this.queuedBytes);
  }

  /** For the hub, as the next two. */
  tell(watcher: Watcher, events: readonly Event[], revision: number): void {
    assert(this.hasRoom && events.length > 0, 'a stream is told of events while it has room');
    watcher.isFresh = true;
    this.push({ type: 'events', watcher, events, revision });
  }

  hold(watcher: Watcher, next: number): void {
    watcher.state = { type: 'held', next };
    this.held.add(watcher);
  }

  compacted(watcher: Watcher, compactedRevision: number): void {
    this.remove(watcher);
    this.push({ type: 'compacted', watcher, compactedRevision });
  }

  private reasonAgainst(request: WatchCreateRequest): WatchRefusal | null {
    const { start, end } = watchedRange(request);
    if (end !== null && start >= end) return 'empty-range';
    if (request.watchId !== 0n && this.watchers.has(request.watchId)) return 'duplicate-id';
    return this.hub.room <= 0 ? 'too-many' : null;
  }

  private unusedId(): bigint {
    while (this.watchers.has(this.nextId)) this.nextId += 1n;
    const id = this.nextId;
    this.nextId += 1n;
    return id;
  }

  private remove(watcher: Watcher): void {
    this.watchers.delete(watcher.id);
    this.held.delete(watcher);
    this.hub.end(watcher);
  }

  private release(): void {
    const released = [...this.held];
    this.held.clear();
    for (const watcher of released) {
      assert(watcher.state.type === 'held', 'only held watchers wait for room');
      this.hub.begin(watcher, watcher.state.next);
    }
  }

  private account(bytes: number): void {
    this.queuedBytes += bytes;
    this.hub.buffered(bytes);
  }

  private push(notice: WatchNotice): void {
    const wasEmpty = this.queue.length === 0;
    this.queue.push(notice);
    this.account(sizeOf(notice));
    if (wasEmpty) this.notify();
  }
}

/** Whether a watcher has been told of everything up to the current revision, and that one is its business. */
function hasSeen(watcher: Watcher, revision: number): boolean {
  return watcher.state.type === 'synced' && watcher.startRevision <= revision;
}
