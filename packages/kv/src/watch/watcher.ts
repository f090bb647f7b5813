import {
  type Event,
  type WatchCreateRequest,
  WatchCreateRequest_FilterType as FilterType,
} from '@quorate/protocol';
import { isSingleKey, type KeyRange, toKeyRange } from '../key-range.ts';
import type { Change } from './change.ts';

/**
 * Where a watcher stands.
 *
 * - `synced`: it was told of every change up to the current revision, or begins at a later one. What is applied
 *   goes to it at once.
 * - `catching-up`: what it was not told yet is read for it from the store, with the others of its cohort.
 * - `held`: it is behind, too, and was told of everything before `next`; its stream has no room, and it goes on
 *   when there is some.
 * - `ended`: cancelled.
 */
export type WatcherState =
  | { readonly type: 'synced' }
  | { readonly type: 'catching-up' }
  | { readonly type: 'held'; readonly next: number }
  | { readonly type: 'ended' };

/** Where what a watcher is told goes. */
export type WatcherOutlet = {
  /** Whether it takes events now. */
  readonly hasRoom: boolean;
  /** Takes events, at least one. The watcher has then been told of everything up to `revision`. */
  tell(watcher: Watcher, events: readonly Event[], revision: number): void;
  /** Keeps a watcher, which was told of everything before `next`, until there is room. */
  hold(watcher: Watcher, next: number): void;
  /** Ends a watcher whose next revision is before the compacted one. */
  compacted(watcher: Watcher, compactedRevision: number): void;
};

/** Who wants to be told of the changes in a range of keys, from a revision on. */
export class Watcher {
  /** The client's name for it, unique within the stream. */
  readonly id: bigint;
  readonly stream: WatcherOutlet;
  readonly range: KeyRange;
  readonly isSingleKey: boolean;
  /** It is told nothing about earlier revisions, not even progress. 0 if it began at the revision of its creation. */
  readonly startRevision: number;
  readonly wantsProgress: boolean;
  readonly allowsFragments: boolean;
  state: WatcherState = { type: 'ended' };
  /** It was told of something since its stream last looked who needs a sign of progress. */
  isFresh = true;
  readonly wantsPrevious: boolean;
  readonly wantsPuts: boolean;
  readonly wantsDeletions: boolean;

  constructor(stream: WatcherOutlet, id: bigint, request: WatchCreateRequest) {
    this.stream = stream;
    this.id = id;
    this.range = watchedRange(request);
    this.isSingleKey = isSingleKey(request.rangeEnd);
    this.startRevision = request.startRevision;
    this.wantsProgress = request.progressNotify;
    this.allowsFragments = request.fragment;
    this.wantsPrevious = request.prevKv;
    this.wantsPuts = !request.filters.includes(FilterType.NOPUT);
    this.wantsDeletions = !request.filters.includes(FilterType.NODELETE);
  }

  /** Whether it wants to be told of a change in its range. */
  wants(change: Change): boolean {
    return (
      change.revision >= this.startRevision && (change.isDeletion ? this.wantsDeletions : this.wantsPuts)
    );
  }

  /** What it is told of a change. */
  eventOf(change: Change): Event {
    return change.event(this.wantsPrevious);
  }
}

/** The keys that a request is about. An empty key means the smallest there is. */
export function watchedRange({ key, rangeEnd }: WatchCreateRequest): KeyRange {
  return toKeyRange(key.length === 0 ? Uint8Array.of(0) : key, rangeEnd);
}
