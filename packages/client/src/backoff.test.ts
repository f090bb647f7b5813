import assert from 'node:assert/strict';
import test from 'node:test';
import { backoffDelayMs } from './backoff.ts';

const policy = { baseMs: 100, maxMs: 1_000 };

test('the bound of the pause doubles up to its maximum', () => {
  const longest = [1, 2, 3, 4, 5, 6, 1_000].map((attempt) => backoffDelayMs(attempt, policy, () => 1));
  assert.deepEqual(longest, [100, 200, 400, 800, 1_000, 1_000, 1_000]);
});

test('a pause is never shorter than half of its bound', () => {
  const shortest = [1, 2, 3, 4, 5].map((attempt) => backoffDelayMs(attempt, policy, () => 0));
  assert.deepEqual(shortest, [50, 100, 200, 400, 500]);
});
