import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { unescape } from '../text/words.ts';
import { isPlainText, printable } from './printable.ts';
import { formatTable } from './table.ts';
import { formatBytes, parseCount, parseDuration } from './units.ts';

test('printable text stands for itself, all else is escaped', () => {
  assert.equal(printable(Buffer.from('grün → 東京 🦆')), 'grün → 東京 🦆');
  assert.equal(printable(Buffer.from('a\tb\nc\rd\\e')), 'a\\tb\\nc\\rd\\\\e');
  assert.equal(printable(Buffer.from('\x1b[31m\x00\x7f')), '\\x1b[31m\\x00\\x7f');
  assert.equal(printable(Uint8Array.of(0x61, 0xff, 0xfe)), 'a\\xff\\xfe');
  assert.equal(printable(Buffer.from('\u202Eevil')), '\\xe2\\x80\\xaeevil', 'a change of direction');
});

test('what is printed can be read back, whatever the bytes', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        const line = printable(bytes);
        assert.deepEqual(Buffer.from(unescape(line)), Buffer.from(bytes));
        assert.doesNotMatch(line, /\p{Cc}/u);
      },
    ),
  );
});

test('a terminal gets text as it is only if that cannot harm it', () => {
  assert.equal(isPlainText(Buffer.from('{\n\t"a": "ü"\n}')), true);
  assert.equal(isPlainText(Buffer.from('\x1b]0;title\x07')), false);
  assert.equal(isPlainText(Buffer.from('a\rb')), false);
  assert.equal(isPlainText(Uint8Array.of(0xff)), false);
});

test('columns are as wide as their widest cell, colours not counted', () => {
  const table = formatTable(
    ['A', 'LONG'],
    [
      ['\x1b[31mred\x1b[39m', 'x'],
      ['日', ''],
    ],
  );
  assert.equal(table, 'A    LONG\n\x1b[31mred\x1b[39m  x\n日\n');
});

test('durations and counts', () => {
  assert.deepEqual(
    ['500ms', '5s', '1.5s', '2m', '3'].map(parseDuration),
    [500, 5_000, 1_500, 120_000, 3_000],
  );
  for (const text of ['', '0', '5x', '-1s', '1e3', '100h']) {
    assert.throws(() => parseDuration(text), { name: 'CliError', exitCode: 2 }, text);
  }
  assert.equal(parseCount('--limit', '10'), 10);
  for (const text of ['', '-1', '1.5', '0x10', '99999999999999999']) {
    assert.throws(() => parseCount('--limit', text), /--limit must be a whole number/, text);
  }
});

test('sizes', () => {
  const sizes = [0, 1_023, 1_024, 150_000, 20_971_520, 5_000_000_000].map(formatBytes);
  assert.deepEqual(sizes, ['0 B', '1023 B', '1.0 KiB', '146 KiB', '20.0 MiB', '4.7 GiB']);
});
