import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { KeyRange } from '../key-range.ts';
import { IntervalTree } from './interval-tree.ts';

const letter = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
const range: fc.Arbitrary<KeyRange> = fc.record({
  start: letter,
  end: fc.oneof({ weight: 5, arbitrary: letter }, { weight: 1, arbitrary: fc.constant(null) }),
});
const action = fc.record({ range, isDeletion: fc.boolean() });

function found(tree: IntervalTree<string>, key: string): string[] {
  const values: string[] = [];
  tree.visit(key, (value) => values.push(value));
  return values.sort();
}

function nameOf({ start, end }: KeyRange): string {
  return `${start}-${end ?? ''}`;
}

test('a key is in exactly those ranges that begin at it or before, and end after it', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60, size: 'max' }), (actions) => {
      const tree = new IntervalTree<string>();
      const all = new Map<string, KeyRange>();
      for (const { range: each, isDeletion } of actions) {
        const name = nameOf(each);
        if (isDeletion) {
          tree.delete(each);
          all.delete(name);
        } else {
          tree.set(each, name);
          all.set(name, each);
        }
        assert.equal(tree.get(each), isDeletion ? undefined : name);
      }
      for (const key of 'abcdefghi') {
        const expected = [...all.values()].filter(
          ({ start, end }) => start <= key && (end === null || key < end),
        );
        assert.deepEqual(found(tree, key), expected.map(nameOf).sort());
      }
    }),
  );
});

test('ten thousand ranges in order cost a handful of looks each', () => {
  const tree = new IntervalTree<number>();
  const key = (number: number): string => String(number).padStart(6, '0');
  for (let index = 0; index < 10_000; index++) {
    tree.set({ start: key(index), end: key(index + 1) }, index);
  }
  let looks = 0;
  const counting = new Proxy(
    { start: '', end: '' },
    {
      get: (_target, property) => {
        looks += 1;
        return property === 'start' ? key(7_777) : key(7_778);
      },
    },
  );
  assert.equal(tree.get(counting), 7_777);
  // Two properties for each comparison, some of them twice; an AVL tree of 10,000 is at most 19 high.
  assert.ok(looks <= 19 * 4, `${looks} looks`);
  const values: number[] = [];
  tree.visit(key(7_777), (value) => values.push(value));
  assert.deepEqual(values, [7_777]);
});
