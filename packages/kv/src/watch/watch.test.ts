import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WatchCreateRequest_FilterType as FilterType } from '@quorate/protocol';
import { operation, StoreDriver } from '../testing/store-driver.ts';
import { WatchDriver } from '../testing/watch-driver.ts';
import type { WatchOptions } from './watch-hub.ts';

/** Which watcher of a revision is told first is nobody's business. */
function byRevisionAndId(a: string, b: string): number {
  const rank = (line: string): string => `${/@(\d+)/.exec(line)?.[1]} ${line}`;
  return rank(a) < rank(b) ? -1 : 1;
}

function setUp(options: WatchOptions = {}): { driver: StoreDriver; watch: WatchDriver } {
  const driver = StoreDriver.withOptions({ watch: options });
  return { driver, watch: new WatchDriver(driver.store) };
}

test('a watcher is told that it exists, then what happens to its key, and nothing of other keys', () => {
  const { driver, watch } = setUp();
  driver.put('a', '0');
  watch.create('a');
  driver.put('a', '1');
  driver.put('b', '1');
  driver.delete('a');
  assert.deepEqual(watch.told(), ['0 created@2', '0 events@3: put a=1@3', '0 events@5: delete a@5']);
});

test('a range is watched from its start to before its end; a zero byte as the end, or as the key, has no limit', () => {
  const { driver, watch } = setUp();
  watch.create('b', { rangeEnd: 'd' });
  watch.create('c', { rangeEnd: '\0' });
  watch.create('', { rangeEnd: '\0' });
  watch.create('');
  watch.queued();
  for (const key of ['\0', 'a', 'b', 'c', 'd']) driver.put(key);
  assert.deepEqual(watch.told().toSorted(byRevisionAndId), [
    '2 events@2: put \0=@2',
    '3 events@2: put \0=@2',
    '2 events@3: put a=@3',
    '0 events@4: put b=@4',
    '2 events@4: put b=@4',
    '0 events@5: put c=@5',
    '1 events@5: put c=@5',
    '2 events@5: put c=@5',
    '1 events@6: put d=@6',
    '2 events@6: put d=@6',
  ]);
});

test('a deletion event has the key and the revision, and nothing of what was', () => {
  const { driver, watch } = setUp();
  driver.put('a', '1');
  watch.create('a');
  driver.delete('a');
  watch.stream.take();
  const notice = watch.stream.take();
  assert.ok(notice?.type === 'events');
  const [event] = notice.events;
  assert.deepEqual(
    { ...event?.kv, key: undefined },
    { key: undefined, createRevision: 0, modRevision: 3, version: 0, value: new Uint8Array(0), lease: 0n },
  );
});

test('all changes of a transaction are told together, in the order in which they were made', () => {
  const { driver, watch } = setUp();
  driver.put('x');
  watch.create('a', { rangeEnd: 'z' });
  watch.queued();
  driver.txn({ success: [operation.put('c', '1'), operation.delete('x'), operation.put('b', '2')] });
  assert.deepEqual(watch.told(), ['0 events@3: put c=1@3, delete x@3, put b=2@3']);
});

test('a start in the past is told from there on, a start at the current revision tells that revision', () => {
  const { driver, watch } = setUp();
  for (const value of ['1', '2', '3']) driver.put('a', value);
  watch.create('a', { startRevision: 3 });
  watch.create('a', { startRevision: 4 });
  assert.deepEqual(watch.told(), [
    '0 created@4',
    '1 created@4',
    '0 events@4: put a=2@3, put a=3@4',
    '1 events@4: put a=3@4',
  ]);
  driver.put('a', '4');
  assert.deepEqual(watch.told(), ['0 events@5: put a=4@5', '1 events@5: put a=4@5']);
});

test('before a start in the future there are neither events nor progress', () => {
  const { driver, watch } = setUp();
  watch.create('a', { startRevision: 4, progressNotify: true });
  watch.queued();
  driver.put('a', '2');
  watch.stream.requestProgress();
  watch.stream.tellProgress();
  watch.stream.tellProgress();
  driver.put('a', '3');
  assert.deepEqual(watch.told(), []);
  driver.put('a', '4');
  watch.stream.requestProgress();
  assert.deepEqual(watch.told(), ['0 events@4: put a=4@4', 'all progress@4']);
});

test('a start that is compacted ends the watcher, a start at the compacted revision does not', () => {
  const { driver, watch } = setUp();
  for (const value of ['1', '2', '3']) driver.put('a', value);
  driver.delete('a');
  driver.compact(5);
  while (!driver.store.removeCompacted(100));
  watch.create('a', { startRevision: 4 });
  watch.create('a', { startRevision: 5, prevKv: true });
  watch.create('a', { startRevision: -1 });
  assert.deepEqual(watch.told(), [
    '0 created@5',
    '1 created@5',
    '2 created@5',
    '0 compacted 5',
    '1 events@5: delete a@5',
    '2 compacted 5',
  ]);
  assert.equal(watch.stream.size, 1);
});

test('the previous state is told if there was one and it can still be read', () => {
  const { driver, watch } = setUp();
  driver.put('a', '1');
  driver.put('a', '2');
  driver.put('a', '3');
  driver.delete('a');
  driver.put('a', '4');
  driver.compact(3);
  watch.create('a', { startRevision: 3, prevKv: true });
  watch.create('a', { startRevision: 3 });
  watch.queued();
  driver.put('a', '5');
  assert.deepEqual(watch.told(), [
    '0 events@7: put a=2@3, put a=3@4 after 2@3, delete a@5 after 3@4, put a=4@6, put a=5@7 after 4@6',
    '1 events@7: put a=2@3, put a=3@4, delete a@5, put a=4@6, put a=5@7',
  ]);
  driver.put('a', '6');
  assert.deepEqual(watch.told(), ['0 events@8: put a=6@8 after 5@7', '1 events@8: put a=6@8']);
});

test('filters leave out puts or deletions, and nothing is told if nothing is left', () => {
  const { driver, watch } = setUp();
  watch.create('a', { filters: [FilterType.NOPUT] });
  watch.create('a', { filters: [FilterType.NODELETE] });
  watch.create('a', { filters: [FilterType.NODELETE, FilterType.NOPUT] });
  watch.queued();
  driver.put('a', '1');
  driver.delete('a');
  assert.deepEqual(watch.told(), ['1 events@2: put a=1@2', '0 events@3: delete a@3']);
});

test('ids are given from 0 on, or chosen, and never twice at a time', () => {
  const { watch } = setUp();
  watch.create('a');
  watch.create('a', { watchId: 1n });
  watch.create('a');
  watch.create('a', { watchId: 1n });
  watch.create('a', { watchId: -3n });
  watch.stream.cancel(1n);
  watch.create('a', { watchId: 1n });
  assert.deepEqual(watch.told(), [
    '0 created@1',
    '1 created@1',
    '2 created@1',
    'refused duplicate-id',
    '-3 created@1',
    '1 cancelled@1',
    '1 created@1',
  ]);
});

test('a range that ends at its start or before is refused', () => {
  const { watch } = setUp();
  watch.create('b', { rangeEnd: 'a' });
  watch.create('b', { rangeEnd: 'b' });
  watch.create('', { rangeEnd: '\0' });
  assert.deepEqual(watch.told(), ['refused empty-range', 'refused empty-range', '0 created@1']);
});

test('a member has no more watchers than it may, on all streams together', () => {
  const { driver, watch } = setUp({ watchersMax: 2 });
  const other = new WatchDriver(driver.store);
  watch.create('a');
  other.create('a');
  watch.create('a');
  other.stream.cancel(0n);
  watch.create('a');
  assert.deepEqual(watch.told(), ['0 created@1', 'refused too-many', '1 created@1']);
  watch.stream.close();
  other.create('a');
  assert.deepEqual(other.told(), ['0 created@1', '0 cancelled@1', '1 created@1']);
});

test('after its cancellation a watcher is told nothing, and whoever cancels what is not there hears nothing', () => {
  const { driver, watch } = setUp();
  driver.put('a');
  watch.create('a', { startRevision: 1 });
  watch.create('a');
  watch.stream.cancel(0n);
  watch.stream.cancel(1n);
  watch.stream.cancel(1n);
  watch.stream.cancel(9n);
  driver.put('a');
  assert.deepEqual(watch.told(), ['0 created@2', '1 created@2', '0 cancelled@2', '1 cancelled@2']);
});

test('progress is told only when all watchers of the stream were told everything, and after it', () => {
  const { driver, watch } = setUp();
  watch.stream.requestProgress();
  driver.put('a', '1');
  watch.create('b');
  watch.create('a', { startRevision: 2 });
  watch.stream.requestProgress();
  assert.deepEqual(watch.queued(), ['0 created@2', '1 created@2']);
  driver.put('a', '2');
  driver.store.feedWatchers();
  watch.stream.requestProgress();
  assert.deepEqual(watch.queued(), ['1 events@3: put a=1@2, put a=2@3', 'all progress@3']);
});

test('who wants to know is told of progress at intervals, but for watchers that were told something else', () => {
  const { driver, watch } = setUp();
  watch.create('a', { progressNotify: true });
  watch.create('b', { progressNotify: true });
  watch.create('c');
  watch.queued();
  watch.stream.tellProgress();
  driver.put('a');
  watch.stream.tellProgress();
  assert.deepEqual(watch.told(), ['0 events@2: put a=@2', '1 progress@2']);
  watch.stream.tellProgress();
  assert.deepEqual(watch.told(), ['0 progress@2', '1 progress@2']);
});

test('a slow client bounds what waits for it, and is told everything in the end', () => {
  const { driver, watch } = setUp({ bufferMaxBytes: 4_000 });
  watch.create('a', { rangeEnd: 'z' });
  const other = new WatchDriver(driver.store);
  other.create('a');
  for (let index = 0; index < 100; index++) driver.put('a', `${index}`.padStart(500, '.'));
  const expected = Array.from({ length: 100 }, (_, index) => index + 2);
  assert.equal(watch.stream.hasRoom, false);
  assert.equal(driver.store.feedWatchers(), false, 'nothing is read for a client that takes nothing');
  const revisions: number[] = [];
  let largest = 0;
  do {
    for (let notice = watch.stream.take(); notice !== null; notice = watch.stream.take()) {
      if (notice.type !== 'events') continue;
      largest = Math.max(largest, notice.events.length);
      revisions.push(...notice.events.map(({ kv }) => kv?.modRevision ?? 0));
    }
  } while (driver.store.feedWatchers() || !watch.stream.isEmpty);
  assert.deepEqual(revisions, expected);
  driver.put('a', 'last');
  assert.deepEqual(watch.queued(), ['0 events@102: put a=last@102'], 'it is synced again');
});

test('many slow clients together are bounded, too, and each goes on when it reads', () => {
  const { driver } = setUp({ bufferMaxBytes: 1_000_000, totalMaxBytes: 20_000 });
  const clients = Array.from({ length: 50 }, () => new WatchDriver(driver.store));
  for (const client of clients) client.create('a');
  for (const client of clients) client.queued();
  for (let index = 0; index < 10; index++) driver.put('a', 'x'.repeat(1_000));
  const waiting = clients.map((client) => client.queued().length);
  // About 1,400 bytes for each: some had room for more than one, and all for one.
  assert.ok(waiting.every((count) => count >= 1));
  assert.ok(waiting.reduce((sum, count) => sum + count) <= 50 + 20_000 / 1_000);
  for (const client of clients) {
    const told = client.told().join();
    assert.match(told, /@11$/);
  }
});

test('watchers that are behind have their turn one after the other', () => {
  const { driver, watch } = setUp({ slice: { maxChanges: 10, maxBytes: 1_000_000 } });
  for (let index = 0; index < 100; index++) driver.put('a', `${index}`);
  watch.create('a', { startRevision: 1 });
  watch.create('a', { startRevision: 100 });
  watch.queued();
  driver.store.feedWatchers();
  driver.store.feedWatchers();
  const told = watch.queued();
  assert.deepEqual(
    told.map((line) => line.slice(0, 10)),
    ['0 events@1', '1 events@1'],
  );
  assert.match(told[1] ?? '', /^1 events@101: put a=98@100, put a=99@101$/);
});

test('watchers that are close to each other are read for together', () => {
  const { driver, watch } = setUp({ bufferMaxBytes: 1_000_000_000 });
  for (let index = 0; index < 2_000; index++) driver.put('a', `${index}`);
  for (let start = 1; start <= 50; start++) watch.create('a', { startRevision: start });
  watch.queued();
  let slices = 1;
  while (driver.store.feedWatchers()) {
    slices += 1;
    watch.queued();
  }
  // 50 to the first boundary, and then one for each boundary.
  assert.ok(slices <= 50 + 4, `${slices} slices`);
});

test('whoever drives the store hears when somebody falls behind by asking for the past', () => {
  const { driver, watch } = setUp();
  let woken = 0;
  driver.store.onWatchersBehind(() => {
    woken += 1;
  });
  driver.put('a');
  watch.create('a');
  assert.equal(woken, 0);
  watch.create('a', { startRevision: 1 });
  watch.create('a', { startRevision: 2 });
  assert.equal(woken, 1);
  watch.told();
  watch.create('a', { startRevision: 2 });
  assert.equal(woken, 2);
});

test('the consumer is told once that there is something to take', () => {
  const { driver, watch } = setUp();
  watch.create('a');
  driver.put('a');
  assert.equal(watch.notified, 1);
  watch.queued();
  driver.put('a');
  assert.equal(watch.notified, 2);
});

test('a stream that is closed costs nothing any more', () => {
  const { driver, watch } = setUp();
  driver.put('a');
  watch.create('a');
  watch.create('a', { startRevision: 1 });
  watch.stream.close();
  driver.put('a');
  assert.equal(driver.store.feedWatchers(), false);
  assert.equal(watch.stream.isEmpty, true);
});
