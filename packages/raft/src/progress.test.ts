import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addInflight,
  createProgress,
  enterProbe,
  enterReplicate,
  enterSnapshot,
  freeInflight,
  raiseMatch,
} from './progress.ts';
import { index, memberId } from './testing/builders.ts';

test('an acknowledgement frees the window up to it, and not beyond', () => {
  const progress = createProgress(memberId(2), index(1), true);
  enterReplicate(progress);
  progress.next = index(10);
  addInflight(progress, index(3), 100);
  addInflight(progress, index(6), 50);
  addInflight(progress, index(9), 7);
  freeInflight(progress, index(6));
  assert.deepEqual(progress.inflight, [{ lastIndex: 9, bytes: 7 }]);
  assert.equal(progress.inflightBytes, 7);
  freeInflight(progress, index(8));
  assert.equal(progress.inflightBytes, 7);
});

test('a match index only rises, and pulls the next index along', () => {
  const progress = createProgress(memberId(2), index(3), true);
  assert.equal(raiseMatch(progress, index(5)), true);
  assert.deepEqual([progress.match, progress.next], [5, 6]);
  assert.equal(raiseMatch(progress, index(4)), false);
  assert.deepEqual([progress.match, progress.next], [5, 6]);
});

test('leaving a state forgets what belonged to it', () => {
  const progress = createProgress(memberId(2), index(1), true);
  enterReplicate(progress);
  addInflight(progress, index(1), 10);
  enterSnapshot(progress, index(7));
  assert.deepEqual([progress.inflight.length, progress.inflightBytes, progress.pendingSnapshot], [0, 0, 7]);
  enterProbe(progress, index(8));
  assert.deepEqual([progress.state, progress.next, progress.pendingSnapshot], ['probe', 8, 0]);
});

test('what a peer has acknowledged is never sent again', () => {
  const progress = createProgress(memberId(2), index(1), true);
  raiseMatch(progress, index(4));
  assert.throws(() => enterProbe(progress, index(4)), /not sent again/);
});
