import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hashOf, ShardedMap } from './sharded-map.ts';

/** Few enough that they meet each other, and more than a shard begins with. */
const keyArbitrary = fc.integer({ min: 0, max: 20_000 }).map((number) => `key/${number}`);

test('it holds what a map holds, whatever is set and deleted', () => {
  const change = fc.record({ key: keyArbitrary, isDeletion: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 20_000, size: 'max' }), (changes) => {
      const map = new ShardedMap<number>(4);
      const model = new Map<string, number>();
      changes.forEach(({ key, isDeletion }, number) => {
        if (isDeletion) {
          map.delete(key);
          model.delete(key);
        } else {
          map.set(key, number);
          model.set(key, number);
        }
        assert.equal(map.get(key), model.get(key));
      });
      for (const { key } of changes) assert.equal(map.get(key), model.get(key));
    }),
    { numRuns: 20 },
  );
});

test('keys that have one hash, and those of any length, are told apart', () => {
  // Of so many keys a few dozen share all 32 bits of their hash with another one.
  const keys = Array.from(
    { length: 500_000 },
    (_, number) => '\xff'.repeat(number % 3) + number.toString(36),
  );
  const map = new ShardedMap<number>();
  keys.forEach((key, number) => map.set(key, number));
  assert.ok(keys.every((key, number) => map.get(key) === number));
  assert.equal(map.get(''), undefined);
  map.set('', -1);
  assert.equal(map.get(''), -1);
  keys.forEach((key, number) => {
    if (number % 2 === 0) map.delete(key);
  });
  assert.ok(keys.every((key, number) => map.get(key) === (number % 2 === 0 ? undefined : number)));
});

test('keys that were chosen to have one home in one table find room all the same', () => {
  const home = hashOf('key/0') & 0x3fff;
  const chosen: string[] = [];
  for (let number = 0; chosen.length < 100; number += 1) {
    const key = `key/${number}`;
    if ((hashOf(key) & 0x3fff) === home) chosen.push(key);
  }
  const map = new ShardedMap<number>(32);
  const model = new Map<string, number>();
  const check = (): void => {
    for (const key of chosen) assert.equal(map.get(key), model.get(key), key);
  };
  const set = (key: string, value: number): void => {
    map.set(key, value);
    model.set(key, value);
  };
  chosen.forEach(set);
  check();
  // Room is made within reach and beyond it, and taken again.
  chosen.forEach((key, number) => {
    if (number % 3 > 0) return;
    map.delete(key);
    model.delete(key);
  });
  check();
  chosen.toReversed().forEach((key, number) => set(key, number + 1_000));
  check();
  // Others let the tables double.
  for (let number = 0; number < 20_000; number += 1) map.set(`other/${number}`, number);
  check();
  for (const key of chosen) {
    map.delete(key);
    model.delete(key);
  }
  check();
});
