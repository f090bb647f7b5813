import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeCommand, MemoryEngine, Store } from '@quorate/kv';
import type { Call } from '../workload/call.ts';
import { compact, deleteRange, put, putOperation, transaction } from '../workload/requests.ts';
import type { ToldEvent, ToldNotice, WatchRecord, WatchSession } from '../workload/watch-record.ts';
import { checkWatchAtomicity } from './watch-atomicity.ts';
import { checkWatchBookmarks } from './watch-bookmarks.ts';
import type { WatchChecker } from './watch-checker.ts';
import { checkWatchCompaction } from './watch-compaction.ts';
import { checkWatchFilters } from './watch-filters.ts';
import { checkWatchOrder } from './watch-order.ts';
import { checkWatchPrevious } from './watch-previous.ts';
import { checkWatchReliability } from './watch-reliability.ts';
import { checkWatchResumption } from './watch-resumption.ts';
import { WatchTruth } from './watch-truth.ts';
import { checkWatchUniqueness } from './watch-uniqueness.ts';

/** Revisions 2 to 6; compacted at 3. */
const calls: readonly Call[] = [
  put('a', '2'),
  put('a', '3'),
  transaction([], [putOperation('a', '4'), putOperation('b', '4')], []),
  deleteRange('a', null, false),
  put('a', '6'),
  compact(3),
];

const truth = new WatchTruth();
const store = Store.open(new MemoryEngine());
for (const [position, call] of calls.entries()) {
  assert(call.kind === 'command');
  const data = encodeCommand({ requestId: undefined, body: call.body });
  store.apply([{ index: position + 1, term: 1, data }]);
  truth.observe(store);
}

function real(key: string, revision: number): ToldEvent {
  const event = truth.find(key, revision);
  assert(event !== undefined);
  return event;
}

const everything = { start: 'a', end: null, wantsPrevious: true, without: null } as const;
const all = [real('a', 4), real('b', 4), real('a', 5), real('a', 6)];

function events(revision: number, ...told: readonly ToldEvent[]): ToldNotice {
  return { type: 'events', revision, events: told };
}

function session(asked: number, ...told: ToldNotice[]): WatchSession {
  return { member: 'n1', asked, start: asked === 0 ? 4 : asked, told };
}

function record(...sessions: WatchSession[]): WatchRecord {
  return { name: 'w', watched: everything, sessions };
}

const checkers: readonly WatchChecker[] = [
  checkWatchOrder,
  checkWatchUniqueness,
  checkWatchFilters,
  checkWatchAtomicity,
  checkWatchBookmarks,
  checkWatchReliability,
  checkWatchResumption,
  checkWatchPrevious,
  checkWatchCompaction,
];

describe('what watchers are told', () => {
  test('is right if it is what happened, in one session or in several', () => {
    const once = record(session(4, events(6, ...all), { type: 'progress', revision: 6 }));
    const twice = record(
      session(0, events(4, real('a', 4), real('b', 4))),
      session(5),
      session(5, events(6, real('a', 5), real('a', 6))),
    );
    const ended = record(session(2, { type: 'compacted', compactedRevision: 3 }));
    for (const check of checkers) {
      for (const watch of [once, twice, ended]) assert.equal(check(watch, truth), null);
    }
  });

  const cases: readonly (readonly [string, WatchChecker, WatchRecord])[] = [
    ['order', checkWatchOrder, record(session(4, events(6, real('a', 5), real('b', 4))))],
    [
      'order over sessions',
      checkWatchOrder,
      record(session(4, events(6, real('a', 6))), session(5, events(6, real('a', 5)))),
    ],
    [
      'uniqueness',
      checkWatchUniqueness,
      record(session(4, events(6, ...all)), session(6, events(6, real('a', 6)))),
    ],
    [
      'a key that is not watched',
      checkWatchFilters,
      { ...record(session(4, events(6, ...all))), watched: { ...everything, start: 'b' } },
    ],
    [
      'a kind that is left out',
      checkWatchFilters,
      { ...record(session(4, events(6, ...all))), watched: { ...everything, without: 'delete' } },
    ],
    [
      'a value that never was',
      checkWatchFilters,
      record(session(4, events(6, { ...real('a', 6), state: 'x' }))),
    ],
    ['events before the start', checkWatchFilters, record(session(5, events(6, ...all)))],
    [
      'events before the creation',
      checkWatchFilters,
      record({ ...session(0, events(6, ...all)), start: null }),
    ],
    [
      'a revision in two parts',
      checkWatchAtomicity,
      record(session(4, events(3, real('a', 4)), events(4, real('b', 4)))),
    ],
    [
      'an event after progress',
      checkWatchBookmarks,
      record(session(4, { type: 'progress', revision: 5 }, events(5, real('a', 5)))),
    ],
    ['progress before the start', checkWatchBookmarks, record(session(9, { type: 'progress', revision: 8 }))],
    [
      'progress over what was not told',
      checkWatchReliability,
      record(session(4, { type: 'progress', revision: 4 })),
    ],
    [
      'a gap in a session',
      checkWatchReliability,
      record(session(4, events(4, real('a', 4), real('b', 4)), events(6, real('a', 6)))),
    ],
    [
      'a gap between sessions',
      checkWatchResumption,
      record(session(4, events(4, real('a', 4), real('b', 4))), session(6, events(6, real('a', 6)))),
    ],
    [
      'the wrong previous state',
      checkWatchPrevious,
      record(session(4, events(6, { ...real('a', 5), previous: 'x' }))),
    ],
    [
      'no previous state',
      checkWatchPrevious,
      record(session(4, events(6, { ...real('a', 5), previous: null }))),
    ],
    [
      'a previous state that nobody wants',
      checkWatchPrevious,
      { ...record(session(4, events(6, ...all))), watched: { ...everything, wantsPrevious: false } },
    ],
    [
      'an end too early',
      checkWatchCompaction,
      record(session(3, { type: 'compacted', compactedRevision: 3 })),
    ],
    [
      'a compaction that never was',
      checkWatchCompaction,
      record(session(2, { type: 'compacted', compactedRevision: 4 })),
    ],
  ];
  for (const [name, check, watch] of cases) {
    test(`is wrong: ${name}`, () => assert.notEqual(check(watch, truth), null));
  }
});
