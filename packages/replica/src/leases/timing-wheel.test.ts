import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TimingWheel } from './timing-wheel.ts';

test('items are taken when they are due, never before, and late by less than a slot', () => {
  const due = fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 50 });
  const steps = fc.array(
    fc.record({ ms: fc.integer({ min: 1, max: 3000 }), max: fc.integer({ min: 1, max: 9 }) }),
  );
  fc.assert(
    fc.property(due, steps, fc.integer({ min: 0, max: 1000 }), (offsets, moves, startMs) => {
      const wheel = new TimingWheel<{ dueMs: number }>(100, startMs);
      const waiting = new Set(offsets.map((offset) => ({ dueMs: startMs + offset })));
      for (const item of waiting) wheel.add(item, item.dueMs);
      let nowMs = startMs;
      for (const { ms, max } of [...moves, { ms: 10_000, max: 1000 }]) {
        nowMs += ms;
        const taken = wheel.take(nowMs, max);
        assert.ok(taken.length <= max);
        for (const item of taken) {
          assert.ok(waiting.delete(item) && item.dueMs <= nowMs);
        }
        if (taken.length < max) {
          for (const { dueMs } of waiting) assert.ok(dueMs > nowMs - 100);
        }
      }
      assert.equal(waiting.size, 0);
    }),
  );
});

test('an item for a time that has passed is taken at once', () => {
  const wheel = new TimingWheel<string>(100, 0);
  assert.deepEqual(wheel.take(10_000, 10), []);
  wheel.add('late', 5);
  assert.deepEqual(wheel.take(10_100, 10), ['late']);
});

test('a leap of the clock costs no more than there are items', () => {
  const wheel = new TimingWheel<string>(1, 0);
  const yearMs = 365 * 24 * 3600 * 1000;
  wheel.add('first', yearMs);
  wheel.add('second', 100 * yearMs);
  assert.deepEqual(wheel.take(99 * yearMs, 10), ['first']);
  assert.deepEqual(wheel.take(100 * yearMs, 10), ['second']);
});
