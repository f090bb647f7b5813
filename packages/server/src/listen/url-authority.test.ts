import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { repairUrlAuthority } from './url-authority.ts';

function repaired(block: string): string {
  const bytes = Buffer.from(block.replaceAll(' ', ''), 'hex');
  repairUrlAuthority(bytes);
  return bytes.toString('hex');
}

const hex = (text: string): string => Buffer.from(text).toString('hex');
/** `:method: POST` and `:scheme: http`, from the static table. */
const start = '8386';
/** `:path: /a`, as a literal that goes into the table. */
const path = '44022f61';

test('a URL in Huffman code', () => {
  // As etcdctl 3.4 sends http://127.0.0.1:23790.
  const rest = '044eae05c0b86e09975f07';
  assert.equal(
    repaired(`${start}${path} 4190 9d29aee30c ${rest} 7f0261`),
    `${start}${path}41909d29aee2cb${rest}7f0261`,
  );
});

test('a URL in plain letters, whether or not it goes into the table', () => {
  for (const literal of ['41', '01', '11']) {
    assert.equal(
      repaired(`${start}${path} ${literal}0a ${hex('http://h:1')}`),
      `${start}${path}${literal}0a${hex('http:--h:1')}`,
    );
  }
});

test('what stands before it is read as what it is', () => {
  const longName = 'n'.repeat(300);
  const before = [
    // A new size of the table: 31 + 2 * 128 + 1.
    '3f8201',
    // A name that is a literal, of 127 + 1 * 128 + 45 letters.
    `007fad01${hex(longName)}01${hex('v')}`,
    // A name from the dynamic table, 63 + 2, whose value looks like the authority's beginning.
    `7f02 0a ${hex('http://h:1')}`,
  ].join('');
  assert.equal(
    repaired(`${before}410a${hex('http://h:1')}`),
    `${before.replaceAll(' ', '')}410a${hex('http:--h:1')}`,
  );
});

test('everything else stays as it is', () => {
  const others = [
    // No URL: 127.0.0.1:2379 in Huffman code and in letters.
    `${start}${path}410e${hex('127.0.0.1:2379')}`,
    // `http:/3` in Huffman code, which shares five bytes with a URL.
    '41869d29aee30cff',
    '41859d29aee30c',
    // Another field with a URL: its own name is a literal.
    `${start}0004${hex('from')}0a${hex('http://h:1')}`,
    // A block that ends too early.
    `410a${hex('http://')}`,
    '41',
    '417fffffffffffffffffff',
    // A length of 160 bytes, more than any number holds.
    `427f${'80'.repeat(160)}00`,
    `417f${'ff'.repeat(160)}00${hex('http://h:1')}`,
    '',
  ];
  for (const block of others) assert.equal(repaired(block), block);
});

test('no bytes are too strange', () => {
  const long = fc
    .tuple(fc.constantFrom(0x00, 0x7f, 0x80, 0xff), fc.integer({ min: 1, max: 400 }))
    .map(([byte, count]) => new Uint8Array(count).fill(byte));
  const piece = fc.oneof(fc.uint8Array({ maxLength: 40 }), long);
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
      const block = Buffer.concat(pieces);
      const { length } = block;
      repairUrlAuthority(block);
      assert.equal(block.length, length);
    }),
  );
});
