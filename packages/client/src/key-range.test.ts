import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { afterPrefix, nextKey, toWireRange } from './key-range.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

test('a single key has no end', () => {
  assert.deepEqual(toWireRange({ key: 'a' }), { key: bytes(97), rangeEnd: bytes() });
});

test('a prefix ends where its last byte that can grow has grown', () => {
  assert.deepEqual(toWireRange({ prefix: 'ab' }), { key: bytes(97, 98), rangeEnd: bytes(97, 99) });
  assert.deepEqual(afterPrefix(bytes(1, 0xff, 0xff)), bytes(2));
  assert.deepEqual(afterPrefix(bytes(0xff, 0xff)), bytes(0), 'no end');
});

test('a prefix is left as it is, also if it is a Buffer, whose slices share its memory', () => {
  const prefix = Buffer.from('ab');
  assert.deepEqual(toWireRange({ prefix }).rangeEnd, bytes(97, 99));
  assert.equal(prefix.toString(), 'ab');
});

test('an empty prefix and an empty start mean every key', () => {
  assert.deepEqual(toWireRange({ prefix: '' }), { key: bytes(0), rangeEnd: bytes(0) });
  assert.deepEqual(toWireRange({ from: '' }), { key: bytes(0), rangeEnd: bytes(0) });
});

test('a range that the API would read as something else is refused', () => {
  for (const range of [
    { from: 'b', to: 'a' },
    { from: 'a', to: 'a' },
    { from: 'a', to: '' },
  ]) {
    assert.throws(() => toWireRange(range), { code: 'invalid-argument' });
  }
});

test('the end of a prefix separates the keys that have it from all that follow', () => {
  const key = fc.uint8Array({ minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(key, key, (prefix, other) => {
      const { key: from, rangeEnd } = toWireRange({ prefix });
      const isOpen = rangeEnd.length === 1 && rangeEnd[0] === 0;
      const isInside = Buffer.compare(other, from) >= 0 && (isOpen || Buffer.compare(other, rangeEnd) < 0);
      assert.equal(isInside, Buffer.from(other).subarray(0, prefix.length).equals(prefix));
    }),
  );
});

test('no key lies between a key and the next', () => {
  const key = fc.uint8Array({ minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(key, key, (one, other) => {
      assert.equal(Buffer.compare(other, one) > 0, Buffer.compare(other, nextKey(one)) >= 0);
    }),
  );
});
