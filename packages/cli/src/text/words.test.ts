import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { fromByteString, toByteString } from './byte-string.ts';
import { splitWords } from './words.ts';

const texts = (line: string): string[] => splitWords(line).map((word) => word.text);

test('words are separated by spaces, kept together by quotes, and ended by a comment', () => {
  assert.deepEqual(texts('put  a\tb'), ['put', 'a', 'b']);
  assert.deepEqual(texts(`'single "x" \\n' "double 'x'" a"b c"d ''`), [
    'single "x" \\n',
    "double 'x'",
    'ab cd',
    '',
  ]);
  assert.deepEqual(texts('get a # the key'), ['get', 'a']);
  assert.deepEqual(texts('get a#b "#c"'), ['get', 'a#b', '#c']);
  assert.deepEqual(texts('   '), []);
});

test('escapes stand for bytes', () => {
  const [word] = splitWords('"\\x00\\xff\\n\\t\\\\\\"\\q"');
  assert.deepEqual([...(word?.bytes ?? [])], [0x00, 0xff, 0x0a, 0x09, 0x5c, 0x22, 0x71]);
});

test('a word knows whether it was quoted', () => {
  assert.deepEqual(
    splitWords('--prefix "--prefix"').map((word) => word.isQuoted),
    [false, true],
  );
});

test('what is not complete is refused', () => {
  assert.throws(() => splitWords('get "a'), { message: 'the quote " is not closed', exitCode: 2 });
  assert.throws(() => splitWords('get a\\'), { message: 'a backslash stands at the end' });
  assert.throws(() => splitWords('get \\x0g'), { message: /two hexadecimal digits/ });
});

test('any bytes survive the way through a string', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const back = fromByteString(toByteString(bytes));
      assert.deepEqual(Buffer.from(back as string), Buffer.from(bytes));
    }),
  );
});
