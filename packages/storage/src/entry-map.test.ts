import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EntryMap } from './entry-map.ts';
import { index, term } from './testing/log-fixture.ts';

/** A map of entries of 100 bytes each, in segments of ten. */
function mapOf(count: number): EntryMap {
  const map = new EntryMap();
  for (let at = 1; at <= count; at += 1) {
    const offset = ((at - 1) % 10) * 100;
    map.append(index(at), term(1), Math.ceil(at / 10), offset, offset + 100);
  }
  return map;
}

test('knows about how many bytes the live entries take', () => {
  const map = mapOf(25);
  assert.equal(map.bytes, 2500);
  map.removeThrough(index(20), term(1));
  assert.equal(map.bytes, 500);
  map.reset(index(40), term(1));
  assert.equal(map.bytes, 0);
});

test('places lead to the entry, or to one before it in the same segment', () => {
  const map = mapOf(25);
  assert.deepEqual(map.place(index(1)), { segment: 1, offset: 0, lastIndex: 10 });
  assert.deepEqual(map.place(index(17)), { segment: 2, offset: 0, lastIndex: 20 });
  assert.deepEqual(map.place(index(25)), { segment: 3, offset: 0, lastIndex: 25 });
  assert.throws(() => map.place(index(26)), /no place is known/);
});

test('an overwrite hides the dead entries that lie before the new ones', () => {
  const map = mapOf(8);
  map.truncate(index(4));
  map.append(index(4), term(2), 1, 800, 900);
  assert.deepEqual(map.place(index(3)), { segment: 1, offset: 0, lastIndex: 3 });
  assert.deepEqual(map.place(index(4)), { segment: 1, offset: 800, lastIndex: 4 });
  assert.deepEqual(map.terms, [
    { term: 1, firstIndex: 1 },
    { term: 2, firstIndex: 4 },
  ]);
});

test('one place is remembered for 32 KiB of log', () => {
  const map = new EntryMap();
  for (let at = 1; at <= 1000; at += 1) map.append(index(at), term(1), 1, at * 100, at * 100 + 100);
  const offsets = new Set(Array.from({ length: 1000 }, (_, at) => map.place(index(at + 1)).offset));
  assert.deepEqual([...offsets], [100, 32_900, 65_700, 98_500]);
  for (let at = 1; at <= 1000; at += 1) assert(map.place(index(at)).offset <= at * 100);
});

test('removal keeps the terms of what is left, and of the entry before it', () => {
  const map = mapOf(5);
  for (let at = 6; at <= 9; at += 1) map.append(index(at), term(3), 2, at * 100, at * 100 + 100);
  assert.equal(map.oldestSegment, 1);
  map.removeThrough(index(5), term(1));
  assert.equal(map.oldestSegment, 2);
  assert.equal(map.termAt(index(4)), null);
  assert.equal(map.termAt(index(5)), 1);
  assert.equal(map.termAt(index(6)), 3);
  assert.deepEqual(map.terms, [{ term: 3, firstIndex: 6 }]);
  map.removeThrough(index(7), term(3));
  assert.deepEqual(map.terms, [{ term: 3, firstIndex: 8 }]);
  map.removeThrough(index(9), term(3));
  assert.deepEqual(map.terms, []);
  assert.equal(map.oldestSegment, null);
  assert.equal(map.firstIndex, 10);
  assert.equal(map.termAt(index(9)), 3);
});

test('the newest entries within a number of bytes start at a place that is known', () => {
  const map = mapOf(30);
  assert.equal(map.firstWithin(99), 31);
  assert.equal(map.firstWithin(1000), 21);
  assert.equal(map.firstWithin(2500), 11);
  assert.equal(map.firstWithin(1e9), 1);
  map.removeThrough(index(14), term(1));
  assert.equal(map.firstWithin(1e9), 15);
});
