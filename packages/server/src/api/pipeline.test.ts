import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { pipeline } from './pipeline.ts';

async function* numbers(count: number): AsyncGenerator<number> {
  for (let number = 0; number < count; number++) {
    await turn();
    yield number;
  }
}

test('results come in the order of the items, and no more than the maximum is worked on at a time', async () => {
  const running = { now: 0, most: 0 };
  const results = pipeline(numbers(40), 4, async (number) => {
    running.now += 1;
    running.most = Math.max(running.most, running.now);
    for (let count = 0; count < number % 7; count++) await turn();
    running.now -= 1;
    return number * 2;
  });
  const all: number[] = [];
  for await (const result of results) all.push(result);
  assert.deepEqual(
    all,
    Array.from({ length: 40 }, (_, number) => number * 2),
  );
  assert.ok(running.most > 1 && running.most <= 5, `${running.most}`);
});

test('the first failure in order ends it', async () => {
  const seen: number[] = [];
  const work = async (number: number): Promise<number> => {
    if (number > 2) throw new Error(`${number}`);
    return number;
  };
  const consume = async (): Promise<void> => {
    for await (const result of pipeline(numbers(9), 4, work)) seen.push(result);
  };
  await assert.rejects(consume(), { message: '3' });
  assert.deepEqual(seen, [0, 1, 2]);
});

test('nothing more is taken when nobody wants results any more', async () => {
  const taken: number[] = [];
  for await (const result of pipeline(numbers(1000), 4, async (number) => taken.push(number))) {
    if (result === 3) break;
  }
  for (let count = 0; count < 50; count++) await turn();
  assert.ok(taken.length < 12);
});
