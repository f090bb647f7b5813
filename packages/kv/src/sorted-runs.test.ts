import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SortedRuns } from './sorted-runs.ts';

/** All keys, as they come out; each must have its own value. */
function sorted(keys: readonly string[]): readonly string[] {
  const runs = new SortedRuns<string>();
  for (const key of keys) runs.add(key, `value of ${key}`);
  const found: string[] = [];
  for (const slice of runs.slices()) {
    assert.ok(slice.keys.length > 0 && slice.keys.length <= 4096);
    assert.deepEqual(
      slice.values,
      slice.keys.map((key) => `value of ${key}`),
    );
    for (const key of slice.keys) found.push(key);
  }
  return found;
}

function numbers(count: number, of: (number: number) => number): string[] {
  return Array.from({ length: count }, (_, number) => String(of(number)).padStart(8, '0'));
}

test('keys come out in order, in whatever order they went in', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ maxLength: 4, unit: 'binary' })), (keys) => {
      assert.deepEqual(sorted(keys), keys.toSorted(byCodeUnits));
    }),
  );
});

test('many runs are merged to one', () => {
  const orders: readonly ((number: number) => number)[] = [
    (number) => number,
    (number) => 50_000 - number,
    (number) => (number * 7919) % 50_021,
    // Three that write in ascending order, by turns.
    (number) => (number % 3) * 1_000_000 + number,
    // The largest key comes first.
    (number) => (number === 0 ? 99_999_999 : number),
  ];
  for (const order of orders) {
    const keys = numbers(50_000, order);
    assert.deepEqual(sorted(keys), keys.toSorted(byCodeUnits));
  }
});

test('nothing comes out of nothing', () => {
  assert.deepEqual(sorted([]), []);
});

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : 1;
}
