import assert from 'node:assert/strict';
import test from 'node:test';
import { CallLimiter } from './call-limiter.ts';
import { ManualClock } from './testing/manual-clock.ts';

test('calls beyond the limit wait, and go on in the order in which they came', async () => {
  const limiter = new CallLimiter(1, 10, new ManualClock());
  assert.equal(limiter.acquire(1_000, undefined), null, 'the first slot is free at once');
  const order: string[] = [];
  const second = limiter.acquire(1_000, undefined)?.then(() => order.push('second'));
  const third = limiter.acquire(1_000, undefined)?.then(() => order.push('third'));
  limiter.release();
  await second;
  assert.deepEqual(order, ['second']);
  limiter.release();
  await third;
  assert.deepEqual(order, ['second', 'third']);
});

test('calls beyond the queue are refused', async () => {
  const limiter = new CallLimiter(1, 1, new ManualClock());
  await limiter.acquire(1_000, undefined);
  const waiting = limiter.acquire(1_000, undefined);
  await assert.rejects(async () => limiter.acquire(1_000, undefined), { code: 'client-overloaded' });
  limiter.release();
  await waiting;
});

test('a wait ends with the deadline of its call and leaves no timer', async () => {
  const clock = new ManualClock();
  const limiter = new CallLimiter(1, 10, clock);
  await limiter.acquire(1_000, undefined);
  const waiting = assert.rejects(async () => limiter.acquire(100, undefined), { code: 'deadline-exceeded' });
  clock.advance(100);
  await waiting;
  const next = limiter.acquire(1_000, undefined);
  limiter.release();
  await next;
  assert.equal(clock.pending, 0);
});

test('a wait ends with the abort of its signal', async () => {
  const limiter = new CallLimiter(1, 10, new ManualClock());
  await limiter.acquire(1_000, undefined);
  const abort = new AbortController();
  const waiting = assert.rejects(async () => limiter.acquire(1_000, abort.signal), {
    code: 'cancelled',
    cause: 'enough',
  });
  abort.abort('enough');
  await waiting;
});

test('close refuses what waits and what comes, and resolves when the last call is done', async () => {
  const limiter = new CallLimiter(1, 10, new ManualClock());
  await limiter.acquire(1_000, undefined);
  const waiting = assert.rejects(async () => limiter.acquire(1_000, undefined), { code: 'client-closed' });
  let isClosed = false;
  const closed = limiter.close().then(() => {
    isClosed = true;
  });
  await waiting;
  await assert.rejects(async () => limiter.acquire(1_000, undefined), { code: 'client-closed' });
  assert.equal(isClosed, false);
  limiter.release();
  await closed;
  assert.equal(isClosed, true);
});
