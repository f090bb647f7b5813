import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyName, valueOf, Workload } from './workload.ts';

function take(workload: Workload, count: number) {
  return Array.from({ length: count }, () => workload.next());
}

test('equal seeds give equal requests, other seeds others', () => {
  const options = { keys: 100, reads: 0.5 };
  const first = take(new Workload({ ...options, seed: 7 }), 50);
  assert.deepEqual(take(new Workload({ ...options, seed: 7 }), 50), first);
  assert.notDeepEqual(take(new Workload({ ...options, seed: 8 }), 50), first);
});

test('the share of reads is kept', () => {
  const reads = (share: number): number =>
    take(new Workload({ keys: 10, reads: share, seed: 1 }), 10_000).filter(({ kind }) => kind === 'get')
      .length;
  assert.equal(reads(0), 0);
  assert.equal(reads(1), 10_000);
  assert(Math.abs(reads(0.25) - 2500) < 200);
});

test('every key is used, and no other', () => {
  const used = new Set(take(new Workload({ keys: 20, reads: 0, seed: 1 }), 2000).map(({ key }) => key));
  assert.deepEqual(
    [...used].sort(),
    Array.from({ length: 20 }, (_, number) => keyName(number)),
  );
});

test('values have the size asked for', () => {
  assert.equal(valueOf(0).length, 0);
  assert.equal(valueOf(256).length, 256);
  assert(new Set(valueOf(256)).size > 100);
});
