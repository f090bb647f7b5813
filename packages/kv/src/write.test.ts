import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertRefused } from './testing/assert-refused.ts';
import { StoreDriver, text } from './testing/store-driver.ts';

test('prev_kv answers with the state before a put', () => {
  const driver = new StoreDriver();
  assert.equal(driver.put('a', '1', { prevKv: true }).prevKv, undefined);
  const before = driver.get('a');
  assert.deepEqual(driver.put('a', '2', { prevKv: true }).prevKv, before);
  assert.equal(driver.put('a', '3').prevKv, undefined);
});

test('prev_kv of a key that was deleted is nothing', () => {
  const driver = new StoreDriver();
  driver.put('a', '1');
  driver.delete('a');
  assert.equal(driver.put('a', '2', { prevKv: true }).prevKv, undefined);
});

test('ignore_value keeps the value and makes a new version', () => {
  const driver = new StoreDriver();
  driver.put('a', '1');
  const { prevKv } = driver.put('a', '', { ignoreValue: true });
  assert.equal(prevKv, undefined);
  assert.equal(driver.value('a'), '1');
  assert.equal(driver.get('a').version, 2);
});

test('ignore_lease keeps the lease and takes the new value', () => {
  const driver = new StoreDriver();
  driver.put('a', '1');
  driver.put('a', '2', { ignoreLease: true });
  assert.equal(driver.value('a'), '2');
  assert.equal(driver.get('a').lease, 0n);
});

test('what is to be kept must be there', () => {
  const driver = new StoreDriver();
  assertRefused(() => driver.put('a', '', { ignoreValue: true }), 'key-not-found');
  assertRefused(() => driver.put('a', '1', { ignoreLease: true }), 'key-not-found');
  driver.put('a');
  driver.delete('a');
  assertRefused(() => driver.put('a', '', { ignoreValue: true }), 'key-not-found');
});

test('what is to be kept must not be given as well', () => {
  const driver = new StoreDriver();
  driver.put('a');
  assertRefused(() => driver.put('a', '1', { ignoreValue: true }), 'value-provided');
  assertRefused(() => driver.put('a', '1', { ignoreLease: true, lease: 1n }), 'lease-provided');
});

test('a lease that does not exist is refused, before it matters whether the key does', () => {
  const driver = new StoreDriver();
  assertRefused(() => driver.put('a', '1', { lease: 5n }), 'lease-not-found');
  assertRefused(() => driver.put('a', '', { lease: 5n, ignoreValue: true }), 'lease-not-found');
});

test('an empty key is refused', () => {
  const driver = new StoreDriver();
  assertRefused(() => driver.put(''), 'key-not-provided');
  assertRefused(() => driver.delete(''), 'key-not-provided');
  assertRefused(() => driver.delete('', '\x00'), 'key-not-provided');
});

test('a deletion answers with what it deleted, in order, if asked', () => {
  const driver = new StoreDriver();
  driver.put('b', '2');
  driver.put('a', '1');
  driver.put('a', '3');
  driver.put('c', '4');
  const expected = driver.range('a', 'c').kvs;
  const { prevKvs, deleted } = driver.delete('a', 'c', { prevKv: true });
  assert.deepEqual(prevKvs, expected);
  assert.equal(deleted, 2);
  assert.deepEqual(driver.keys('\x00', '\x00'), ['c']);
  assert.deepEqual(driver.delete('c').prevKvs, []);
});

test('a deletion from a key on reaches the end, and a deletion of all keys leaves none', () => {
  const driver = new StoreDriver();
  for (const key of ['\x00', 'a', 'b', '\xff\xff']) driver.put(key);
  assert.equal(driver.delete('b', '\x00').deleted, 2);
  assert.equal(driver.delete('\x00', '\x00').deleted, 2);
  assert.equal(driver.range('\x00', '\x00').count, 0);
});

test('what was written is not changed by what becomes of the request', () => {
  const driver = new StoreDriver();
  driver.put('a', 'first');
  const { kvs } = driver.range('a');
  driver.put('a', 'second');
  assert.equal(text(kvs[0]?.value ?? new Uint8Array(0)), 'first');
});
