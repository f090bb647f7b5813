import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../testing/manual-clock.ts';
import { restAfter } from './rest.ts';

/** Starts to rest after a step of that length. */
function rest(clock: ManualClock, stepMs: number): { isOver: boolean } {
  const startedMs = clock.monotonicMs();
  clock.advance(stepMs);
  const state = { isOver: false };
  void restAfter(clock, startedMs).then(() => (state.isOver = true));
  return state;
}

test('others get as much time as the step took', async () => {
  const clock = new ManualClock();
  const state = rest(clock, 20);
  clock.advance(19);
  await turn();
  assert.equal(state.isOver, false);
  clock.advance(1);
  await turn();
  assert.equal(state.isOver, true);
});

test('a step that stood still for long is not waited for as long again', async () => {
  const clock = new ManualClock();
  const state = rest(clock, 3_600_000);
  clock.advance(50);
  await turn();
  assert.equal(state.isOver, true);
});

test('a step that took no time makes way, and is not tried again at once', async () => {
  const clock = new ManualClock();
  const state = rest(clock, 0);
  await turn();
  assert.equal(state.isOver, false);
  clock.advance(1);
  await turn();
  assert.equal(state.isOver, true);
});

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
