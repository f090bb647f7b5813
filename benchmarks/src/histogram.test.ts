import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Histogram } from './histogram.ts';

test('an empty histogram answers 0', () => {
  assert.equal(new Histogram().quantile(0.99), 0);
});

test('quantiles are within 1/128 above those of the sorted values', () => {
  const values = fc.array(fc.integer({ min: 0, max: 2 ** 36 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (samples, quantile) => {
      const histogram = new Histogram();
      for (const sample of samples) {
        histogram.record(sample);
      }
      const sorted = samples.toSorted((a, b) => a - b);
      const exact = sorted[Math.max(1, Math.ceil(quantile * sorted.length)) - 1] ?? 0;
      const answer = histogram.quantile(quantile);
      assert(answer >= exact && answer <= exact * (1 + 1 / 128) + 1, `${answer} for ${exact}`);
    }),
  );
});

test('adding snapshots equals recording everything in one', () => {
  const parts = fc.array(fc.array(fc.nat(1_000_000)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(parts, (lists) => {
      const together = new Histogram();
      const added = new Histogram();
      for (const list of lists) {
        const part = new Histogram();
        for (const value of list) {
          part.record(value);
          together.record(value);
        }
        added.add(part.snapshot());
      }
      assert.deepEqual(added.snapshot(), together.snapshot());
      assert.equal(added.total, together.total);
    }),
  );
});
