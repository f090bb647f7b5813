import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyHistory } from './key-history.ts';

/** Created at revision 10, changed at 20, deleted at 30, created anew at 40; at positions 1 to 4. */
function someHistory(): KeyHistory {
  const history = new KeyHistory(10, 10, 1, 1);
  history.append(20, 10, 2, 2);
  history.append(30, 0, 0, 3);
  history.append(40, 40, 1, 4);
  return history;
}

function compact(history: KeyHistory, revision: number, max = 100): { outcome: string; removed: number[] } {
  const removed: number[] = [];
  const outcome = history.compact(revision, max, (position) => removed.push(position));
  return { outcome, removed };
}

test('the version at a revision is the last one made at it or before', () => {
  const history = someHistory();
  const positions = [5, 10, 19, 20, 29, 30, 39, 40, 99].map(
    (revision) => history.at(revision)?.position ?? null,
  );
  assert.deepEqual(positions, [null, 1, 1, 2, 2, null, null, 4, 4]);
  assert.deepEqual(
    [history.at(25)?.createRevision, history.at(25)?.modRevision, history.at(25)?.version],
    [10, 20, 2],
  );
});

test('the newest version is detached from later changes', () => {
  const history = new KeyHistory(1, 1, 1, 1);
  const before = history.newest();
  history.append(2, 1, 2, 2);
  assert.deepEqual(before, { modRevision: 1, createRevision: 1, version: 1, position: 1 });
});

test('what is needed is what compaction leaves', () => {
  for (let revision = 1; revision <= 45; revision++) {
    const history = someHistory();
    const needed = [10, 20, 30, 40].filter((made) => history.isNeeded(made, revision));
    const { removed } = compact(history, revision);
    const left = [10, 20, 30, 40].filter((_, index) => !removed.includes(index + 1));
    assert.deepEqual(left, needed, `at revision ${revision}`);
    assert.equal(history.isNeeded(15, revision), false);
    for (const made of [10, 20, 30, 40]) {
      assert.equal(history.isNeeded(made, revision), left.includes(made));
    }
  }
});

test('compaction removes the oldest first, and no more than it may', () => {
  const history = someHistory();
  assert.deepEqual(compact(history, 40, 2), { outcome: 'unfinished', removed: [1, 2] });
  assert.equal(history.at(40)?.position, 4);
  assert.deepEqual(compact(history, 40, 2), { outcome: 'kept', removed: [3] });
  assert.deepEqual(compact(history, 40, 2), { outcome: 'kept', removed: [] });
});

test('a deleted key goes last, and only if it was deleted before the compacted revision', () => {
  const history = new KeyHistory(10, 10, 1, 1);
  history.append(20, 0, 0, 2);
  assert.deepEqual(compact(history, 20), { outcome: 'kept', removed: [1] });
  assert.deepEqual(compact(history, 21), { outcome: 'gone', removed: [2] });
});

test('many versions are forgotten piece by piece', () => {
  const history = new KeyHistory(1, 1, 1, 1);
  for (let revision = 2; revision <= 1000; revision++) history.append(revision, 1, revision, revision);
  const removed: number[] = [];
  while (history.compact(900, 7, (position) => removed.push(position)) === 'unfinished') {
    assert.equal(history.at(900)?.version, 900);
    assert.equal(history.at(removed.length)?.version ?? null, null);
    assert.equal(history.at(removed.length + 1)?.version, removed.length + 1);
  }
  assert.deepEqual(
    removed,
    Array.from({ length: 899 }, (_, index) => index + 1),
  );
  history.append(1001, 1, 1001, 1001);
  assert.deepEqual([history.at(950)?.position, history.at(1001)?.position], [950, 1001]);
});
