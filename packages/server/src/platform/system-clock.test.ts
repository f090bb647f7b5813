import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SystemClock } from './system-clock.ts';

const dayMs = 24 * 60 * 60 * 1000;

test('a timer of more than the 24 days that Node can wait comes in its time', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const clock = new SystemClock();
  const fired: string[] = [];
  clock.setTimer(60 * dayMs, () => fired.push('sixty days'));
  clock.setTimer(60 * dayMs, () => fired.push('cancelled')).cancel();
  const late = clock.setTimer(60 * dayMs, () => fired.push('cancelled late'));
  for (let day = 0; day < 59; day += 1) context.mock.timers.tick(dayMs);
  assert.deepEqual(fired, []);
  late.cancel();
  context.mock.timers.tick(2 * dayMs);
  assert.deepEqual(fired, ['sixty days']);
});
