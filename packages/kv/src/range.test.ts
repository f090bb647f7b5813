import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RangeRequest_SortOrder, RangeRequest_SortTarget } from '@quorate/protocol';
import { assertRefused } from './testing/assert-refused.ts';
import { StoreDriver, text } from './testing/store-driver.ts';

const none = 0;
const ascend = 1;
const descend = 2;
const byKey = 0;
const byVersion = 1;
const byCreate = 2;
const byMod = 3;
const byValue = 4;

/** Four keys whose orders by key, version, creation, change and value all differ. */
function fourKeys(): StoreDriver {
  const driver = new StoreDriver();
  driver.put('c', 'w'); // revision 2
  driver.put('a', 'z'); // revision 3
  driver.put('d', 'q'); // revision 4
  driver.put('b', 'x'); // revision 5
  driver.put('d', 'y'); // revision 6
  driver.put('a', 'z'); // revision 7
  driver.put('d', 'y'); // revision 8
  driver.put('c', 'w'); // revision 9
  driver.put('c', 'w'); // revision 10
  driver.put('c', 'w'); // revision 11
  return driver;
}

test('without a range_end only the key itself is meant', () => {
  const driver = new StoreDriver();
  driver.put('a');
  driver.put('a\x00');
  driver.put('aa');
  assert.deepEqual(driver.keys('a'), ['a']);
  assert.deepEqual(driver.keys('aaa'), []);
  assert.equal(driver.range('a').count, 1);
});

test('range_end is exclusive', () => {
  const driver = fourKeys();
  assert.deepEqual(driver.keys('b', 'd'), ['b', 'c']);
  assert.deepEqual(driver.keys('b', 'd\x00'), ['b', 'c', 'd']);
});

test('an end that is not after the key means no keys', () => {
  const driver = fourKeys();
  assert.deepEqual(driver.keys('b', 'b'), []);
  assert.deepEqual(driver.keys('c', 'b'), []);
  assert.equal(driver.delete('c', 'b').deleted, 0);
});

test('a range_end of one zero byte means all keys from the key on; with that as the key, all keys', () => {
  const driver = new StoreDriver();
  for (const key of ['\x00', '\x00\x00', 'a', '\x80', '\xff', '\xff\xff']) driver.put(key);
  assert.deepEqual(driver.keys('\x00', '\x00'), ['\x00', '\x00\x00', 'a', '\x80', '\xff', '\xff\xff']);
  assert.deepEqual(driver.keys('\x80', '\x00'), ['\x80', '\xff', '\xff\xff']);
  assert.deepEqual(driver.keys('\xff\xff\xff', '\x00'), []);
});

test('keys are ordered by their bytes', () => {
  const driver = new StoreDriver();
  const ordered = [
    '\x00',
    '\x00\x00',
    '\x00\x01',
    '\x01',
    'a',
    'a\x00',
    'aa',
    'b',
    '\x7f',
    '\x80',
    '\xff',
    '\xff\x00',
  ];
  for (const key of ordered.toReversed()) driver.put(key, key);
  assert.deepEqual(driver.keys('\x00', '\x00'), ordered);
  for (const key of ordered) assert.equal(driver.value(key), key);
});

test('values may hold any bytes, and none', () => {
  const driver = new StoreDriver();
  const all = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join('');
  driver.put('all', all);
  driver.put('nothing', '');
  assert.equal(driver.value('all'), all);
  assert.equal(driver.value('nothing'), '');
});

test('limit cuts the answer and says so; count does not care', () => {
  const driver = fourKeys();
  const { kvs, more, count } = driver.range('a', 'z', { limit: 3 });
  assert.deepEqual([kvs.length, more, count], [3, true, 4]);
  const whole = driver.range('a', 'z', { limit: 4 });
  assert.deepEqual([whole.kvs.length, whole.more, whole.count], [4, false, 4]);
  assert.equal(driver.range('a', 'z', { limit: -1 }).kvs.length, 4);
});

test('count_only gives the count, whatever the limit, and nothing else', () => {
  const { kvs, more, count } = fourKeys().range('a', 'c', { countOnly: true, limit: 1 });
  assert.deepEqual([kvs.length, more, count], [0, false, 2]);
});

test('keys_only leaves out the values and nothing else', () => {
  const driver = fourKeys();
  const [kv] = driver.range('a', '', { keysOnly: true }).kvs;
  assert.deepEqual(kv, { ...driver.get('a'), value: new Uint8Array(0) });
});

const orders: readonly [RangeRequest_SortTarget, RangeRequest_SortOrder, string][] = [
  [byKey, none, 'abcd'],
  [byKey, ascend, 'abcd'],
  [byKey, descend, 'dcba'],
  [byVersion, ascend, 'badc'],
  [byVersion, descend, 'cdab'],
  [byCreate, ascend, 'cadb'],
  [byCreate, descend, 'bdac'],
  [byMod, ascend, 'badc'],
  [byMod, descend, 'cdab'],
  [byValue, ascend, 'cbda'],
  [byValue, descend, 'adbc'],
];

test('an answer is sorted by any property, in both directions', () => {
  const driver = fourKeys();
  for (const [sortTarget, sortOrder, expected] of orders) {
    assert.equal(driver.keys('a', 'z', { sortTarget, sortOrder }).join(''), expected);
  }
});

test('the limit counts after sorting', () => {
  const driver = fourKeys();
  for (const [sortTarget, sortOrder, expected] of orders) {
    const { kvs, more, count } = driver.range('a', 'z', { sortTarget, sortOrder, limit: 2 });
    assert.equal(kvs.map(({ key }) => text(key)).join(''), expected.slice(0, 2));
    assert.deepEqual([more, count], [true, 4]);
  }
});

test('a sort target without an order means ascending', () => {
  const driver = fourKeys();
  assert.equal(driver.keys('a', 'z', { sortTarget: byVersion, sortOrder: none }).join(''), 'badc');
  assert.equal(driver.keys('a', 'z', { sortTarget: byValue, sortOrder: none, limit: 1 }).join(''), 'c');
});

test('sorting by value works without the values', () => {
  const driver = fourKeys();
  const { kvs } = driver.range('a', 'z', { sortTarget: byValue, sortOrder: ascend, keysOnly: true });
  assert.equal(kvs.map(({ key }) => text(key)).join(''), 'cbda');
  assert.ok(kvs.every(({ value }) => value.length === 0));
});

test('revision bounds include their ends, leave keys out, and do not change the count', () => {
  const driver = fourKeys(); // last changes: a 7, b 5, c 11, d 8; creations: a 3, b 5, c 2, d 4
  assert.equal(driver.keys('a', 'z', { minModRevision: 7 }).join(''), 'acd');
  assert.equal(driver.keys('a', 'z', { maxModRevision: 7 }).join(''), 'ab');
  assert.equal(driver.keys('a', 'z', { minModRevision: 7, maxModRevision: 8 }).join(''), 'ad');
  assert.equal(driver.keys('a', 'z', { minCreateRevision: 4 }).join(''), 'bd');
  assert.equal(driver.keys('a', 'z', { maxCreateRevision: 3 }).join(''), 'ac');
  assert.equal(driver.range('a', 'z', { minModRevision: 100 }).count, 4);
});

test('the limit counts after the bounds, and only it makes more', () => {
  const driver = fourKeys();
  const limited = driver.range('a', 'z', { minModRevision: 7, limit: 2 });
  assert.deepEqual([limited.kvs.map(({ key }) => text(key)).join(''), limited.more], ['ac', true]);
  const bounded = driver.range('a', 'z', { minModRevision: 7, limit: 3 });
  assert.deepEqual([bounded.kvs.length, bounded.more, bounded.count], [3, false, 4]);
});

test('an empty key is refused', () => {
  assertRefused(() => new StoreDriver().range(''), 'key-not-provided');
  assertRefused(() => new StoreDriver().range('', '\x00'), 'key-not-provided');
});

test('an unknown sort order or target is refused', () => {
  const driver = new StoreDriver();
  assertRefused(
    () => driver.range('a', '', { sortOrder: 3 as RangeRequest_SortOrder }),
    'invalid-sort-option',
  );
  assertRefused(
    () => driver.range('a', '', { sortTarget: 5 as RangeRequest_SortTarget }),
    'invalid-sort-option',
  );
});
