import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSource, chunksOf, noPause } from '../testing/snapshot-source.ts';
import { StoreDriver } from '../testing/store-driver.ts';
import { WatchDriver } from '../testing/watch-driver.ts';

/** A store at revision 4, and the snapshot of one that went on to revision 9 and was compacted at `compacted`. */
function setUp(compacted: number): { readonly behind: StoreDriver; readonly chunks: readonly Uint8Array[] } {
  const behind = new StoreDriver();
  const ahead = new StoreDriver();
  for (const driver of [behind, ahead]) for (const value of ['2', '3', '4']) driver.put('a', value);
  for (const value of ['5', '6']) ahead.put('a', value);
  ahead.delete('a');
  for (const value of ['8', '9']) ahead.put('a', value);
  ahead.compact(compacted);
  return { behind, chunks: chunksOf(ahead.store.openSnapshot()) };
}

test('whoever watches while a snapshot is installed is told all that happened in between', async () => {
  const { behind, chunks } = setUp(3);
  const watch = new WatchDriver(behind.store);
  let woken = 0;
  behind.store.onWatchersBehind(() => {
    woken += 1;
  });
  watch.create('a', { prevKv: true });
  watch.create('a', { startRevision: 7 });
  watch.create('a', { startRevision: 20 });
  watch.queued();
  watch.create('a', { startRevision: 3 });
  await behind.store.install(asSource(chunks), noPause);
  assert.equal(woken, 2, 'once for the one that began in the past, once for the installation');
  assert.deepEqual(watch.told().toSorted(), [
    '0 events@9: put a=5@5 after 4@4, put a=6@6 after 5@5, delete a@7 after 6@6, put a=8@8, put a=9@9 after 8@8',
    '1 events@9: delete a@7, put a=8@8, put a=9@9',
    '3 created@4',
    '3 events@9: put a=3@3, put a=4@4, put a=5@5, put a=6@6, delete a@7, put a=8@8, put a=9@9',
  ]);
  behind.store.feedWatchers();
  watch.stream.cancel(2n);
  watch.stream.requestProgress();
  assert.deepEqual(watch.told(), ['2 cancelled@9', 'all progress@9']);
});

test('a watcher whose next revision the snapshot has compacted is told so, and no other', async () => {
  const { behind, chunks } = setUp(7);
  const watch = new WatchDriver(behind.store);
  watch.create('a');
  watch.create('a', { startRevision: 7 });
  watch.queued();
  await behind.store.install(asSource(chunks), noPause);
  assert.deepEqual(watch.told().toSorted(), [
    '0 compacted 7',
    '1 events@9: delete a@7, put a=8@8, put a=9@9',
  ]);
});

test('requests during an installation are served, as on a member that is behind', async () => {
  const { behind, chunks } = setUp(3);
  const watch = new WatchDriver(behind.store);
  await behind.store.install(asSource(chunks), async () => {
    if (watch.stream.size > 0) return Promise.resolve();
    watch.create('a');
    watch.create('a', { startRevision: 8 });
    watch.create('a', { startRevision: 1 });
    assert.equal(behind.store.feedWatchers(), false);
    return Promise.resolve();
  });
  assert.deepEqual(watch.told().toSorted(), [
    '0 created@4',
    '0 events@9: put a=5@5, put a=6@6, delete a@7, put a=8@8, put a=9@9',
    '1 created@4',
    '1 events@9: put a=8@8, put a=9@9',
    '2 compacted 3',
    '2 created@4',
  ]);
});

test('nothing is read for watchers while the first of a snapshot is waited for', async () => {
  const { behind, chunks } = setUp(3);
  const watch = new WatchDriver(behind.store);
  watch.create('a', { startRevision: 3 });
  async function* late(): AsyncIterable<Uint8Array> {
    assert.equal(behind.store.feedWatchers(), false);
    yield* asSource(chunks);
  }
  await behind.store.install(late(), noPause);
  assert.deepEqual(watch.told(), [
    '0 created@4',
    '0 events@9: put a=3@3, put a=4@4, put a=5@5, put a=6@6, delete a@7, put a=8@8, put a=9@9',
  ]);
});
