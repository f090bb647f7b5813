import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Event,
  type KeyValue,
  RangeRequest,
  WatchCreateRequest,
  WatchCreateRequest_FilterType as FilterType,
} from '@quorate/protocol';
import fc from 'fast-check';
import type { CommandBody } from '../command.ts';
import type { KeyRange } from '../key-range.ts';
import { StoreError } from '../store-error.ts';
import { commandBody } from '../testing/arbitraries.ts';
import { bytes, StoreDriver, text } from '../testing/store-driver.ts';
import type { WatchNotice } from './watch-notice.ts';
import type { WatchStream } from './watch-stream.ts';
import type { Watcher } from './watcher.ts';

type Happening =
  | { readonly type: 'command'; readonly body: CommandBody }
  | {
      readonly type: 'create';
      readonly stream: number;
      readonly request: WatchCreateRequest;
      readonly ago: number;
    }
  | { readonly type: 'cancel' | 'take'; readonly stream: number; readonly count: number }
  | { readonly type: 'progress' | 'tell-progress'; readonly stream: number }
  | { readonly type: 'feed' | 'remove-compacted' };

const stream = fc.integer({ min: 0, max: 1 });
const key = fc.constantFrom('a', 'b', 'aa', '\x00', '\xff').map(bytes);
const rangeEnd = fc.constantFrom('', '', '\x00', 'b', 'c', '\xff').map(bytes);
const request = fc
  .record({
    key,
    rangeEnd,
    prevKv: fc.boolean(),
    progressNotify: fc.boolean(),
    filters: fc.subarray([FilterType.NOPUT, FilterType.NODELETE], { maxLength: 1 }),
  })
  .map((fields) => WatchCreateRequest.create(fields));

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 10, arbitrary: commandBody.map((body) => ({ type: 'command', body }) as const) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('create' as const),
      stream,
      request,
      // How far before (or after) the current revision it begins; null for now.
      ago: fc.oneof(fc.constant(Number.NaN), fc.integer({ min: -3, max: 12 })),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constantFrom('cancel' as const, 'take' as const, 'take' as const, 'take' as const),
      stream,
      count: fc.integer({ min: 0, max: 6 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constantFrom('progress' as const, 'tell-progress' as const), stream }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constantFrom('feed' as const, 'feed' as const, 'remove-compacted' as const),
    }),
  },
);

/** What one watcher was told. */
type Follower = {
  readonly watcher: Watcher;
  /** The first revision that it may be told of. */
  readonly start: number;
  readonly told: Told[];
  /** Everything up to here was told. */
  seen: number;
  isOver: boolean;
};

type Told = {
  readonly revision: number;
  readonly key: string;
  readonly what: string;
  readonly previous: string;
};

class Run {
  private readonly driver: StoreDriver;
  private readonly streams: WatchStream[];
  private readonly followers: Map<bigint, Follower>[] = [new Map(), new Map()];
  private readonly all: Follower[] = [];
  /** What really happened, as a naive look at the store before and after each command shows it. */
  private readonly past: Told[] = [];

  constructor(bufferMaxBytes: number, totalMaxBytes: number, maxChanges: number) {
    this.driver = StoreDriver.withOptions({
      commitMaxEntries: 3,
      watch: { bufferMaxBytes, totalMaxBytes, slice: { maxChanges, maxBytes: 1_000_000 } },
    });
    this.streams = [0, 1].map(() => this.driver.store.watch(() => undefined));
  }

  happen(event: Happening): void {
    switch (event.type) {
      case 'command':
        this.execute(event.body);
        return;
      case 'create': {
        const { revision } = this.driver.store;
        const start = Number.isNaN(event.ago) ? 0 : Math.max(1, revision + 1 - event.ago);
        this.streams[event.stream]?.create({ ...event.request, startRevision: start });
        return;
      }
      case 'cancel':
        this.streams[event.stream]?.cancel(BigInt(event.count));
        return;
      case 'take':
        for (let taken = 0; taken < event.count; taken += 1) this.take(event.stream);
        return;
      case 'progress':
        this.streams[event.stream]?.requestProgress();
        return;
      case 'tell-progress':
        this.streams[event.stream]?.tellProgress();
        return;
      case 'feed':
        this.driver.store.feedWatchers();
        return;
      case 'remove-compacted':
        this.driver.store.removeCompacted(3);
        return;
    }
  }

  /** Lets everybody hear everything, and compares. */
  finish(): void {
    do {
      for (const [index] of this.streams.entries()) while (this.take(index));
    } while (this.driver.store.feedWatchers() || this.streams.some(({ isEmpty }) => !isEmpty));
    const { revision } = this.driver.store;
    for (const follower of this.all) {
      this.compare(follower, follower.isOver ? follower.seen : revision);
    }
  }

  private execute(body: CommandBody): void {
    const before = this.driver.store.revision;
    try {
      this.driver.execute(body);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
    const revision = this.driver.store.revision;
    if (revision === before) return;
    const old = this.state(before);
    const now = this.state(revision);
    for (const [name, { modRevision, value }] of now) {
      if (modRevision !== revision) continue;
      this.past.push({ revision, key: name, what: `put ${text(value)}`, previous: describe(old.get(name)) });
    }
    for (const [name, kv] of old) {
      if (!now.has(name)) this.past.push({ revision, key: name, what: 'delete', previous: describe(kv) });
    }
  }

  private state(revision: number): Map<string, KeyValue> {
    const all = RangeRequest.create({ key: bytes('\x00'), rangeEnd: bytes('\x00'), revision });
    return new Map(this.driver.store.range(all).kvs.map((kv) => [text(kv.key), kv]));
  }

  private take(index: number): boolean {
    const notice = this.streams[index]?.take() ?? null;
    if (notice === null) return false;
    this.hear(this.followers[index] as Map<bigint, Follower>, notice);
    return true;
  }

  private hear(followers: Map<bigint, Follower>, notice: WatchNotice): void {
    switch (notice.type) {
      case 'created': {
        const { watcher } = notice;
        assert.ok(!followers.has(watcher.id), 'an id is in use once at a time');
        const start = watcher.startRevision === 0 ? notice.revision + 1 : watcher.startRevision;
        const follower = { watcher, start, told: [], seen: start - 1, isOver: false };
        followers.set(watcher.id, follower);
        this.all.push(follower);
        return;
      }
      case 'refused':
        return;
      case 'events':
        this.hearEvents(followers.get(notice.watcher.id), notice.events, notice.revision);
        return;
      case 'progress':
        for (const follower of followers.values()) {
          if (notice.watcher !== null && notice.watcher !== follower.watcher) continue;
          assert.ok(
            notice.revision >= follower.watcher.startRevision,
            'there is no progress before the start',
          );
          this.sees(follower, notice.revision);
        }
        return;
      case 'cancelled':
      case 'compacted': {
        const follower = followers.get(notice.watcher.id);
        assert.ok(follower !== undefined, 'only who was created ends');
        if (notice.type === 'compacted') {
          assert.ok(follower.seen + 1 < notice.compactedRevision, 'what could be told is told');
        }
        follower.isOver = true;
        followers.delete(notice.watcher.id);
        return;
      }
    }
  }

  private hearEvents(follower: Follower | undefined, events: readonly Event[], revision: number): void {
    assert.ok(follower !== undefined, 'events come to who was created');
    for (const { type, kv, prevKv } of events) {
      assert.ok(kv !== undefined && kv.modRevision > follower.seen, 'what was told comes no more');
      assert.ok(kv.modRevision >= (follower.told.at(-1)?.revision ?? 0), 'what came first is told first');
      const what = type === 0 ? `put ${text(kv.value)}` : 'delete';
      const previous = describe(prevKv);
      follower.told.push({ revision: kv.modRevision, key: text(kv.key), what, previous });
    }
    this.sees(follower, revision);
  }

  /** By now everything up to `revision` must have been told. */
  private sees(follower: Follower, revision: number): void {
    follower.seen = Math.max(follower.seen, revision);
    this.compare(follower, revision);
  }

  private compare({ watcher, start, told }: Follower, until: number): void {
    const expected = this.past
      .filter(({ revision }) => revision >= start && revision <= until)
      .filter(({ key: name }) => isIn(name, watcher.range))
      .filter(({ what }) => (what === 'delete' ? watcher.wantsDeletions : watcher.wantsPuts))
      .map((each) => (watcher.wantsPrevious ? each : { ...each, previous: '' }))
      .toSorted(byRevisionAndKey);
    const sorted = told.toSorted(byRevisionAndKey);
    const { compactedRevision } = this.driver.store;
    assert.deepEqual(
      sorted.map((each, index) => {
        // What was before a change may have been compacted when the change was told.
        const mayLackPrevious = each.revision - 1 < compactedRevision && each.previous === '';
        return mayLackPrevious ? { ...each, previous: expected[index]?.previous } : each;
      }),
      expected,
    );
  }
}

function describe(kv: KeyValue | undefined): string {
  return kv === undefined
    ? ''
    : `${text(kv.value)}@${kv.modRevision}, ${kv.version} from ${kv.createRevision}`;
}

function byRevisionAndKey(a: Told, b: Told): number {
  return a.revision - b.revision || (a.key < b.key ? -1 : 1);
}

function isIn(name: string, { start, end }: KeyRange): boolean {
  return name >= start && (end === null || name < end);
}

test('a watcher is told all that happens from its start on, once and in order, whatever else goes on', () => {
  fc.assert(
    fc.property(
      fc.array(happening, { maxLength: 60, size: 'max' }),
      fc.constantFrom(1, 1_500, 1_000_000),
      fc.constantFrom(1, 1_500, 1_000_000),
      fc.integer({ min: 1, max: 4 }),
      (happenings, bufferMaxBytes, totalMaxBytes, maxChanges) => {
        const run = new Run(bufferMaxBytes, totalMaxBytes, maxChanges);
        for (const event of happenings) run.happen(event);
        run.finish();
      },
    ),
    { numRuns: 500 },
  );
});
