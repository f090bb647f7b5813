import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toBytes, toKey } from './key-range.ts';
import { decodeHeader, encodeHeader, leaseOf } from './record.ts';

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString('hex');
}

const key = Uint8Array.of(0x6b, 0x00, 0xff);

test('headers have the layout of DESIGN.md', () => {
  const live = { modRevision: 300, createRevision: 299, version: 2, lease: 0n };
  assert.equal(hex(encodeHeader(live, key)), '00 ac02 01 02 6b00ff'.replaceAll(' ', ''));
  assert.equal(
    hex(encodeHeader({ ...live, lease: -2n }, key)),
    '02 ac02 01 02 feffffffffffffff 6b00ff'.replaceAll(' ', ''),
  );
  const deleted = { modRevision: 300, createRevision: 0, version: 0, lease: 0n };
  assert.equal(hex(encodeHeader(deleted, key)), '01 ac02 6b00ff'.replaceAll(' ', ''));
});

test('whatever is encoded is decoded again', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.maxSafeNat(),
      fc.maxSafeNat(),
      fc.maxSafeNat(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      (keyBytes, first, second, version, lease) => {
        const modRevision = Math.max(first, second);
        const header =
          version === 0
            ? { modRevision, createRevision: 0, version, lease }
            : { modRevision, createRevision: Math.min(first, second), version, lease };
        const encoded = encodeHeader(header, keyBytes);
        assert.deepEqual(decodeHeader(encoded), { ...header, key: toKey(keyBytes) });
        assert.equal(leaseOf(encoded), lease);
      },
    ),
  );
});

test('what is no header is refused', () => {
  const cut = encodeHeader({ modRevision: 300, createRevision: 1, version: 1, lease: 5n }, key);
  for (let length = 0; length <= cut.length - key.length; length++) {
    assert.throws(() => decodeHeader(cut.subarray(0, length)), `${length} bytes`);
  }
  assert.throws(() => decodeHeader(Uint8Array.of(4, 1, 0, 1, 0x6b)), /unknown flags/);
  assert.throws(
    () => decodeHeader(Uint8Array.of(1, ...Array<number>(20).fill(0xff))),
    /ends too early|safe range/,
  );
});

test('keys are strings in the order of their bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      assert.deepEqual(toBytes(toKey(a)), a);
      const order = Buffer.compare(a, b);
      assert.equal(toKey(a) < toKey(b), order < 0);
      assert.equal(toKey(a) === toKey(b), order === 0);
    }),
  );
});
