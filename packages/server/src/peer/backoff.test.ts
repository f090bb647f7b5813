import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff } from './backoff.ts';

test('waits double up to the maximum, and start anew after a reset', () => {
  const backoff = new Backoff({ initialMs: 50, maxMs: 300 }, { integer: () => 0 });
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => backoff.next()),
    [50, 100, 200, 300, 300],
  );
  backoff.reset();
  assert.equal(backoff.next(), 50);
});

test('chance shortens a wait by half at most', () => {
  const backoff = new Backoff({ initialMs: 100, maxMs: 100 }, { integer: (bound) => bound - 1 });
  assert.equal(backoff.next(), 50);
});
