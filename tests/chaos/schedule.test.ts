import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawSchedule, faultKinds, faultText } from './schedule.ts';

const minute = { seed: 7, members: 3, durationMs: 60_000, kinds: faultKinds };

test('a seed draws the same faults again, and another seed others', () => {
  assert.deepEqual(drawSchedule(minute), drawSchedule(minute));
  assert.notDeepEqual(drawSchedule(minute), drawSchedule({ ...minute, seed: 8 }));
});

test('faults come in order of time, all kinds of them, and only those that were asked for', () => {
  const long = drawSchedule({ ...minute, durationMs: 600_000 });
  assert.deepEqual(
    long,
    long.toSorted((one, other) => one.atMs - other.atMs),
  );
  assert.deepEqual([...new Set(long.map(({ kind }) => kind))].toSorted(), [...faultKinds].toSorted());
  const some = drawSchedule({ ...minute, kinds: ['kill', 'pause'] });
  assert.deepEqual([...new Set(some.map(({ kind }) => kind))].toSorted(), ['kill', 'pause']);
  assert.deepEqual(drawSchedule({ ...minute, kinds: [] }), []);
});

test('a member that is alone is not cut off from others', () => {
  const kinds = new Set(drawSchedule({ ...minute, members: 1 }).map(({ kind }) => kind));
  assert(kinds.has('kill'));
  assert(!kinds.has('partition') && !kinds.has('broken-link') && !kinds.has('one-way'));
});

test('a fault is told in one line', () => {
  const fault = { atMs: 1_250, kind: 'partition', group: [0, 2], cut: 'lost', forMs: 300 } as const;
  assert.equal(faultText(fault), '1.3 s: partition, group m1+m3, cut lost, forMs 300');
});
