import assert from 'node:assert/strict';
import test from 'node:test';
import { canonicalText } from './canonical-text.ts';
import { identity, Symmetry } from './symmetry.ts';

const exchange = (id: bigint): bigint => (id === 1n ? 2n : id === 2n ? 1n : id);

test('equal data has equal text, whatever the order of fields, keys and members', () => {
  const one = {
    vote: 1n,
    votes: new Map([
      [1n, true],
      [2n, false],
    ]),
    voters: [1n, 2n, 3n],
    log: [{ term: 1 }],
  };
  const other = {
    log: [{ term: 1 }],
    voters: [3n, 2n, 1n],
    votes: new Map([
      [2n, false],
      [1n, true],
    ]),
    vote: 1n,
  };
  assert.equal(canonicalText(one, identity), canonicalText(other, identity));
});

test('different data has different text', () => {
  const texts = [
    null,
    undefined,
    0,
    '0',
    0n,
    false,
    [],
    {},
    [[]],
    [0],
    { a: 0 },
    { a: [0] },
    new Uint8Array([0]),
    ['a,b'],
    ['a', 'b'],
  ];
  assert.equal(new Set(texts.map((value) => canonicalText(value, identity))).size, texts.length);
});

test('the order of what is no set of members counts', () => {
  assert.notEqual(canonicalText([1, 2], identity), canonicalText([2, 1], identity));
  assert.notEqual(
    canonicalText([{ to: 1n }, { to: 2n }], identity),
    canonicalText([{ to: 2n }, { to: 1n }], identity),
  );
});

test('renaming gives the text of the renamed data', () => {
  const data = { id: 1n, votes: new Map([[2n, true]]), voters: [1n, 2n, 3n] };
  const renamed = { id: 2n, votes: new Map([[1n, true]]), voters: [1n, 2n, 3n] };
  assert.equal(canonicalText(data, exchange), canonicalText(renamed, identity));
});

test('three members have six names, and renamed data the same hashes in another order', () => {
  const symmetry = new Symmetry(3);
  assert.equal(symmetry.count, 6);
  const pairs = (value: unknown): string[] => {
    const hashes = symmetry.hashesOf(value);
    return Array.from(
      { length: symmetry.count },
      (_, index) => `${hashes[index * 2]} ${hashes[index * 2 + 1]}`,
    );
  };
  const hashes = pairs({ leader: 1n, vote: 2n });
  assert.equal(new Set(hashes).size, 6);
  assert.deepEqual(pairs({ leader: 3n, vote: 1n }).sort(), hashes.sort());
});
