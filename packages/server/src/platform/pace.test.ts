import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../testing/manual-clock.ts';
import { Pace } from './pace.ts';

/** Starts to rest after a step of that length. */
function rest(clock: ManualClock, stepMs: number, pace = new Pace(clock)): { isOver: boolean } {
  const startedMs = clock.monotonicMs();
  clock.advance(stepMs);
  const state = { isOver: false };
  void pace.restAfter(startedMs).then(() => (state.isOver = true));
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

test('a step that keeps the disk busy as well is followed by a longer rest', async () => {
  const clock = new ManualClock();
  const state = rest(clock, 1, new Pace(clock, { restMinMs: 10 }));
  clock.advance(9);
  await turn();
  assert.equal(state.isOver, false);
  clock.advance(1);
  await turn();
  assert.equal(state.isOver, true);
});

test('short steps follow each other, and then the others get the time of all of them', async () => {
  const clock = new ManualClock();
  const pace = new Pace(clock, { burstMs: 2 });
  for (let step = 0; step < 3; step += 1) {
    const state = rest(clock, 0.6, pace);
    await turn();
    assert.equal(state.isOver, true);
  }
  const state = rest(clock, 0.6, pace);
  clock.advance(2.3);
  await turn();
  assert.equal(state.isOver, false);
  clock.advance(0.2);
  await turn();
  assert.equal(state.isOver, true);
});

test('what others got in advance counts, as far as one burst goes', async () => {
  const clock = new ManualClock();
  const pace = new Pace(clock, { burstMs: 2 });
  const long = rest(clock, 3, pace);
  clock.advance(1000);
  await turn();
  assert.equal(long.isOver, true);
  const inAdvance = rest(clock, 3.9, pace);
  await turn();
  assert.equal(inAdvance.isOver, true);
  const owed = rest(clock, 0.2, pace);
  await turn();
  assert.equal(owed.isOver, false);
});

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
