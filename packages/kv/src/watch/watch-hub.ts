import type { Event } from '@quorate/protocol';
import type { VersionedMap } from '../versioned-map.ts';
import { ChangeLog } from './change-log.ts';
import { Cohorts, type SliceLimits, tell } from './cohorts.ts';
import { WatchStream } from './watch-stream.ts';
import type { Watcher } from './watcher.ts';
import { WatcherIndex } from './watcher-index.ts';

export type WatchOptions = {
  /** The most watchers at a time. Default 1,048,576. */
  readonly watchersMax?: number;
  /** How much may wait for the client of one stream, in bytes; a little more is possible. Default 1 MiB. */
  readonly bufferMaxBytes?: number;
  /**
   * How much may wait for all clients together, in bytes. Beyond it a stream takes something only when it has
   * nothing else. Default 256 MiB.
   */
  readonly totalMaxBytes?: number;
  /** See SliceLimits. Default 1,024 changes and 1 MiB. */
  readonly slice?: SliceLimits;
};

const defaultOptions: Required<WatchOptions> = {
  watchersMax: 1024 * 1024,
  bufferMaxBytes: 1024 * 1024,
  totalMaxBytes: 256 * 1024 * 1024,
  slice: { maxChanges: 1024, maxBytes: 1024 * 1024 },
};

/**
 * Tells watchers what happens to the keys of a store.
 *
 * Each watcher is either synced, and told of a change when it is applied; or behind, and told what it lacks from
 * the store's records until it is synced. It is told of everything from its start on, once, in order, and of all
 * changes of a revision together. What is applied costs one look into an index of watchers for each change.
 */
export class WatchHub {
  private readonly options: Required<WatchOptions>;
  private readonly synced = new WatcherIndex();
  private readonly cohorts: Cohorts;
  /** Null while the store has nothing to read. */
  private log: ChangeLog | null = null;
  /** Up to where synced watchers were told everything, while there is no log. */
  private toldRevision = 0;
  private count = 0;
  /** What waits for clients. */
  private bufferedBytes = 0;
  private wake: () => void = () => undefined;

  /** Nobody is told anything before `resume`. */
  constructor(options: WatchOptions) {
    this.options = { ...defaultOptions, ...options };
    this.cohorts = new Cohorts(this.options.slice);
  }

  get revision(): number {
    return this.log?.revision ?? this.toldRevision;
  }

  /** How many there are. */
  get watchers(): number {
    return this.count;
  }

  /** How many of them have not been told everything yet. */
  get watchersBehind(): number {
    return this.count - this.synced.size;
  }

  /** For the streams: whether all of them together may hold more. */
  get hasBufferRoom(): boolean {
    return this.bufferedBytes < this.options.totalMaxBytes;
  }

  /** For the streams: one of them holds so many bytes more (or less). */
  buffered(bytes: number): void {
    this.bufferedBytes += bytes;
  }

  get room(): number {
    return this.options.watchersMax - this.count;
  }

  /** Some watchers are behind, and can be told something: `step` has something to do. */
  get isBehind(): boolean {
    return this.log !== null && !this.cohorts.isEmpty;
  }

  /** `wake` is called when `isBehind` becomes true, except by `changed` and `step`. */
  onBehind(wake: () => void): void {
    this.wake = wake;
  }

  /** See WatchStream's constructor. */
  open(notify: () => void): WatchStream {
    return new WatchStream(this, this.options.bufferMaxBytes, notify);
  }

  /** For the streams: a new watcher, or one that was held, is to be told what happens from `next` on. */
  begin(watcher: Watcher, next: number): void {
    if (watcher.state.type === 'ended') this.count += 1;
    if (next > this.revision) {
      this.follow(watcher);
      return;
    }
    const wasBehind = this.isBehind;
    this.cohorts.add(watcher, next);
    if (!wasBehind) this.wake();
  }

  /** For the streams: tells a watcher nothing more. */
  end(watcher: Watcher): void {
    switch (watcher.state.type) {
      case 'synced':
        this.synced.delete(watcher);
        break;
      case 'catching-up':
        this.cohorts.remove(watcher);
        break;
      case 'held':
        break;
      case 'ended':
        return;
    }
    watcher.state = { type: 'ended' };
    this.count -= 1;
  }

  /** For the store: a revision was made, with the records from `begin` to before `end`. */
  changed(begin: number, end: number): void {
    const { log } = this;
    if (log === null || this.synced.size === 0) return;
    const told = new Map<Watcher, Event[]>();
    for (let position = begin; position < end; position += 1) {
      const change = log.read(position);
      this.synced.visit(change.key, (watcher) => tell(told, watcher, change));
    }
    const { revision } = log;
    for (const [watcher, events] of told) {
      if (watcher.stream.hasRoom) {
        watcher.stream.tell(watcher, events, revision);
      } else {
        this.synced.delete(watcher);
        watcher.stream.hold(watcher, revision);
      }
    }
  }

  /** Reads some of what watchers lack. Returns whether there is more to do. */
  step(): boolean {
    if (this.log !== null && !this.cohorts.isEmpty) {
      for (const watcher of this.cohorts.step(this.log)) this.follow(watcher);
    }
    return this.isBehind;
  }

  /** For the store: its content is about to go. Until there is other content, nobody is told anything. */
  suspend(): void {
    this.toldRevision = this.revision;
    this.log = null;
  }

  /** For the store: it has content, later than what it had. What happened in between is read from it. */
  resume(map: VersionedMap): void {
    this.log = new ChangeLog(map);
    const behind = this.cohorts.takeAll();
    for (const watcher of [...this.synced.watchers]) {
      this.synced.delete(watcher);
      behind.push({ watcher, next: Math.max(this.toldRevision + 1, watcher.startRevision) });
    }
    for (const { watcher, next } of behind) this.begin(watcher, next);
  }

  private follow(watcher: Watcher): void {
    watcher.state = { type: 'synced' };
    this.synced.add(watcher);
  }
}
