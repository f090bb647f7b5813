import assert from 'node:assert/strict';
import test from 'node:test';
import { FingerprintSet } from './fingerprint-set.ts';

test('knows what was added, through growth and full places', () => {
  const set = new FingerprintSet(16);
  const count = 5_000;
  // The low halves are few, so that many share a place.
  for (let index = 0; index < count; index++) assert.equal(set.add(index % 7, index), true);
  assert.equal(set.size, count);
  for (let index = 0; index < count; index++) assert.equal(set.add(index % 7, index), false);
  assert.equal(set.size, count);
});

test('zero is a fingerprint like others', () => {
  const set = new FingerprintSet(16);
  assert.equal(set.add(0, 0), true);
  assert.equal(set.add(0, 0), false);
  assert.equal(set.size, 1);
});
