import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Kernel } from './kernel.ts';
import { streamOf } from './random-stream.ts';

const forever = Number.MAX_SAFE_INTEGER;

/** A chain of promise reactions that is `length` reactions long. */
async function chain(length: number, done: () => void): Promise<void> {
  for (let step = 0; step < length; step += 1) {
    await Promise.resolve();
  }
  done();
}

describe('the kernel', () => {
  test('runs events by time, and those of one time in the order in which they were scheduled', async () => {
    const kernel = new Kernel();
    const happened: string[] = [];
    const note = (what: string) => () => happened.push(`${what}@${kernel.nowUs}`);
    kernel.schedule(20, note('c'));
    kernel.schedule(10, note('a'));
    kernel.schedule(10, note('b'));
    kernel.cancel(kernel.schedule(15, note('cancelled')));
    kernel.schedule(9.2, note('rounded up'));
    await kernel.run(forever, () => false);
    assert.deepEqual(happened, ['a@10', 'b@10', 'rounded up@10', 'c@20']);
    assert.equal(kernel.eventCount, 4);
  });

  test('lets every promise reaction of an event come before the next event, however many there are', async () => {
    const kernel = new Kernel();
    const happened: string[] = [];
    for (const length of [100, 0, 1000]) {
      kernel.schedule(0, () => {
        happened.push(`event ${length}`);
        void chain(length, () => happened.push(`chain ${length}`));
      });
    }
    await kernel.run(forever, () => false);
    const expected = [100, 0, 1000].flatMap((length) => [`event ${length}`, `chain ${length}`]);
    assert.deepEqual(happened, expected);
  });

  test('stops at a time, when it is told to, and when an event throws', async () => {
    const kernel = new Kernel();
    let count = 0;
    const tick = (): void => {
      count += 1;
      kernel.schedule(10, tick);
    };
    tick();
    await kernel.run(35, () => false);
    assert.deepEqual([count, kernel.nowUs], [4, 35]);
    await kernel.run(forever, () => count === 7);
    assert.deepEqual([count, kernel.nowUs], [7, 60]);
    kernel.schedule(5, () => {
      throw new Error('broken');
    });
    await assert.rejects(
      kernel.run(forever, () => false),
      /broken/,
    );
  });

  test('keeps real time and randomness out while it runs, and gives them back', async () => {
    const entryPoints: readonly (() => unknown)[] = [
      () => Date.now(),
      () => Math.random(),
      () => performance.now(),
      () => setTimeout(() => undefined, 0),
      () => setImmediate(() => undefined),
      () => crypto.randomUUID(),
    ];
    const kernel = new Kernel();
    let refused = 0;
    for (const reach of entryPoints) {
      kernel.schedule(0, () => {
        assert.throws(reach, /inside a simulation/);
        refused += 1;
      });
    }
    await kernel.run(forever, () => false);
    assert.equal(refused, entryPoints.length);
    assert(Date.now() > 0 && Math.random() >= 0);
  });
});

describe('streams of randomness', () => {
  test('depend on seed and purpose, and on nothing else', () => {
    const draw = (seed: number, purpose: string): string => {
      const stream = streamOf(seed, purpose);
      return Array.from({ length: 4 }, () => stream.next()).join();
    };
    assert.equal(draw(7, 'network'), draw(7, 'network'));
    const all = [draw(7, 'network'), draw(8, 'network'), draw(7, 'disk'), draw(7 + 2 ** 32, 'network')];
    assert.equal(new Set(all).size, all.length);
  });

  test('are even, and stay in bounds', () => {
    const stream = streamOf(1, 'test');
    const counts = [0, 0, 0, 0, 0, 0, 0, 0];
    for (let draw = 0; draw < 8000; draw += 1) {
      const value = stream.integer(8);
      counts[value] = (counts[value] ?? 0) + 1;
    }
    assert.equal(counts.length, 8);
    assert(
      counts.every((count) => count > 850 && count < 1150),
      counts.join(),
    );
    assert.equal(stream.chance(0), false);
    assert.deepEqual(new Set(stream.shuffled([1, 2, 3])), new Set([1, 2, 3]));
  });
});
