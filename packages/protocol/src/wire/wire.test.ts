import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BinaryReader } from './binary-reader.ts';
import { BinaryWriter } from './binary-writer.ts';
import { WireError } from './wire-error.ts';

function encoded(write: (writer: BinaryWriter) => BinaryWriter): Uint8Array {
  return write(new BinaryWriter()).finish();
}

test('whatever is written is read again', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
      fc.maxSafeInteger(),
      fc.maxSafeNat(),
      fc.integer(),
      fc.string({ unit: 'binary' }),
      fc.uint8Array({ maxLength: 300 }),
      fc.boolean(),
      (uint64, int64, integer, natural, int32, text, data, flag) => {
        const written = encoded((writer) =>
          writer
            .uint64(uint64)
            .int64(int64)
            .int64(integer)
            .uint64(natural)
            .int32(int32)
            .string(text)
            .bytes(data)
            .bool(flag)
            .fixed64(uint64),
        );
        const reader = new BinaryReader(written);
        assert.equal(reader.uint64(), uint64);
        assert.equal(reader.int64(), int64);
        assert.equal(reader.int64Number(), integer);
        assert.equal(reader.uint64Number(), natural);
        assert.equal(reader.int32(), int32);
        assert.equal(reader.string(), text.toWellFormed());
        assert.deepEqual(reader.bytes(), data);
        assert.equal(reader.bool(), flag);
        assert.equal(reader.fixed64(), uint64);
        assert.equal(reader.pos, written.length);
      },
    ),
  );
});

test('numbers and bigints have the same encoding', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (integer) => {
      assert.deepEqual(
        encoded((writer) => writer.int64(integer)),
        encoded((writer) => writer.int64(BigInt(integer))),
      );
      const natural = Math.abs(integer);
      assert.deepEqual(
        encoded((writer) => writer.uint64(natural)),
        encoded((writer) => writer.uint64(BigInt(natural))),
      );
    }),
  );
});

test('any bytes are either read or refused with a WireError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (input) => {
      const reader = new BinaryReader(input);
      try {
        while (reader.pos < input.length) reader.skip(reader.uint32());
      } catch (error) {
        assert.ok(error instanceof WireError);
      }
      assert.ok(reader.pos <= input.length);
    }),
  );
});

test('nested messages of every length come out whole', () => {
  for (const length of [0, 1, 127, 128, 129, 16_383, 16_384, 2_097_152]) {
    const data = new Uint8Array(length).fill(7);
    const written = encoded((writer) => writer.fork().fork().bytes(data).join().join().bool(true));
    const reader = new BinaryReader(written);
    const outer = reader.uint32() + reader.pos;
    const inner = reader.uint32() + reader.pos;
    assert.equal(inner, outer);
    assert.deepEqual(reader.bytes(), data);
    assert.equal(reader.pos, outer);
    assert.equal(reader.bool(), true);
  }
});

test('writers that are used at the same time do not disturb each other', () => {
  const first = new BinaryWriter().uint32(1);
  const second = new BinaryWriter().uint32(2);
  const third = new BinaryWriter().uint32(3);
  assert.deepEqual(second.finish(), Uint8Array.of(2));
  assert.deepEqual(new BinaryWriter().uint32(4).finish(), Uint8Array.of(4));
  assert.deepEqual(third.finish(), Uint8Array.of(3));
  assert.deepEqual(first.finish(), Uint8Array.of(1));
});

test('a finished message stays as it is while others are written', () => {
  const finished = encoded((writer) => writer.string('first'));
  encoded((writer) => writer.string('second'));
  assert.deepEqual(new BinaryReader(finished).string(), 'first');
});

test('32-bit values are checked', () => {
  assert.throws(() => new BinaryWriter().uint32(-1), WireError);
  assert.throws(() => new BinaryWriter().uint32(2 ** 32), WireError);
  assert.throws(() => new BinaryWriter().int32(2 ** 31), WireError);
  assert.throws(() => new BinaryWriter().int32(0.5), WireError);
});
