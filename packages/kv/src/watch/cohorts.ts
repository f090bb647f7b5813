import assert from 'node:assert/strict';
import type { Event } from '@quorate/protocol';
import type { ChangeLog } from './change-log.ts';
import type { Watcher } from './watcher.ts';
import { WatcherIndex } from './watcher-index.ts';

/** Watchers that were all told of everything before `next`. What they lack is read once for all of them. */
class Cohort {
  readonly watchers = new WatcherIndex();
  next: number;
  /** Where the changes of `next` begin; null if that is not known. */
  position: number | null = null;

  constructor(next: number) {
    this.next = next;
  }
}

/** How much may be read at once. A revision is never split, so a large one may make it more. */
export type SliceLimits = {
  /** Changes, and bytes of their keys and values. */
  readonly maxChanges: number;
  readonly maxBytes: number;
};

/**
 * Slices end before a revision that is divisible by this. Cohorts that are close to each other thereby come to
 * stand at the same revision, and become one.
 */
const sliceRevisions = 512;

type Slice = {
  readonly told: ReadonlyMap<Watcher, readonly Event[]>;
  readonly end: number;
  readonly reached: number;
};

/**
 * The watchers that are behind the store. They are told what they lack in slices, one cohort after the other, so
 * that a watcher that begins far in the past keeps nobody waiting for longer than a slice.
 */
export class Cohorts {
  private readonly limits: SliceLimits;
  /** By `next`, and in the order in which they have their turn. */
  private readonly queue = new Map<number, Cohort>();
  private readonly cohortOf = new Map<Watcher, Cohort>();

  constructor(limits: SliceLimits) {
    this.limits = limits;
  }

  get isEmpty(): boolean {
    return this.queue.size === 0;
  }

  add(watcher: Watcher, next: number): void {
    let cohort = this.queue.get(next);
    if (cohort === undefined) {
      cohort = new Cohort(next);
      this.queue.set(next, cohort);
    }
    this.join(watcher, cohort);
  }

  remove(watcher: Watcher): void {
    const cohort = this.cohortOf.get(watcher);
    assert(cohort !== undefined, 'who is catching up is in a cohort');
    this.leave(watcher, cohort);
    // While a cohort is read for, it is not in the queue.
    if (cohort.watchers.size === 0 && this.queue.get(cohort.next) === cohort) this.queue.delete(cohort.next);
  }

  /** Forgets all watchers, and returns each with the revision that it would have been told of next. */
  takeAll(): { readonly watcher: Watcher; readonly next: number }[] {
    const all = [...this.queue.values()].flatMap(({ next, watchers }) =>
      [...watchers.watchers].map((watcher) => ({ watcher, next })),
    );
    this.queue.clear();
    this.cohortOf.clear();
    return all;
  }

  /** Reads a slice for the cohort whose turn it is. Returns the watchers that lack nothing any more. */
  step(log: ChangeLog): readonly Watcher[] {
    const [cohort] = this.queue.values();
    assert(cohort !== undefined, 'there is a cohort to read for');
    this.queue.delete(cohort.next);
    if (cohort.next < Math.max(log.compactedRevision, 0)) {
      for (const watcher of [...cohort.watchers.watchers]) {
        watcher.stream.compacted(watcher, log.compactedRevision);
      }
      return [];
    }
    const { told, end, reached } = this.read(log, cohort);
    for (const [watcher, events] of told) {
      if (watcher.stream.hasRoom) {
        watcher.stream.tell(watcher, events, reached);
      } else {
        this.leave(watcher, cohort);
        watcher.stream.hold(watcher, cohort.next);
      }
    }
    if (reached === log.revision) return this.disband(cohort);
    cohort.next = reached + 1;
    cohort.position = end;
    this.enqueue(cohort);
    return [];
  }

  private read(log: ChangeLog, cohort: Cohort): Slice {
    const boundary = (Math.floor(cohort.next / sliceRevisions) + 1) * sliceRevisions;
    const told = new Map<Watcher, Event[]>();
    const begin = cohort.position ?? log.locate(cohort.next);
    let reached = cohort.next - 1;
    let bytes = 0;
    for (let position = begin; position < log.end; position += 1) {
      const change = log.read(position);
      const isFull = position - begin >= this.limits.maxChanges || bytes >= this.limits.maxBytes;
      if (change.revision > reached) {
        if (change.revision >= boundary || isFull) return { told, end: position, reached };
        reached = change.revision;
      }
      bytes += change.bytes;
      cohort.watchers.visit(change.key, (watcher) => tell(told, watcher, change));
    }
    return { told, end: log.end, reached: log.revision };
  }

  /** Puts a cohort at the end of the queue, or among those that stand where it does. */
  private enqueue(cohort: Cohort): void {
    if (cohort.watchers.size === 0) return;
    const other = this.queue.get(cohort.next);
    if (other === undefined) {
      this.queue.set(cohort.next, cohort);
      return;
    }
    for (const watcher of cohort.watchers.watchers) this.join(watcher, other);
  }

  private disband(cohort: Cohort): readonly Watcher[] {
    const watchers = [...cohort.watchers.watchers];
    for (const watcher of watchers) this.cohortOf.delete(watcher);
    return watchers;
  }

  private join(watcher: Watcher, cohort: Cohort): void {
    cohort.watchers.add(watcher);
    this.cohortOf.set(watcher, cohort);
    watcher.state = { type: 'catching-up' };
  }

  private leave(watcher: Watcher, cohort: Cohort): void {
    cohort.watchers.delete(watcher);
    this.cohortOf.delete(watcher);
  }
}

/** Adds what a watcher is told of a change to what it is told of others. */
export function tell(
  told: Map<Watcher, Event[]>,
  watcher: Watcher,
  change: Parameters<Watcher['wants']>[0],
): void {
  if (!watcher.wants(change)) return;
  const events = told.get(watcher);
  if (events === undefined) told.set(watcher, [watcher.eventOf(change)]);
  else events.push(watcher.eventOf(change));
}
