import { Wakeup } from './wakeup.ts';

/**
 * Works on many items of a source at a time, at most `max`, and yields the results in the order of the items. The
 * source ends when nobody wants results any more; it must not throw.
 */
export async function* pipeline<Item, Result>(
  source: AsyncIterable<Item>,
  max: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const results: Promise<Result>[] = [];
  const added = new Wakeup();
  const taken = new Wakeup();
  const progress = { hasEnded: false };
  const feed = async (): Promise<void> => {
    for await (const item of source) {
      const result = work(item);
      result.catch(() => undefined); // Whoever takes it from the queue is told.
      results.push(result);
      added.wake();
      while (results.length >= max && !progress.hasEnded) await taken.wait();
      if (progress.hasEnded) return;
    }
    progress.hasEnded = true;
    added.wake();
  };
  const feeding = feed();
  try {
    for (;;) {
      const result = results[0];
      if (result !== undefined) {
        yield await result;
        void results.shift();
        taken.wake();
      } else if (progress.hasEnded) {
        await feeding;
        return;
      } else {
        await added.wait();
      }
    }
  } finally {
    progress.hasEnded = true;
    taken.wake();
    feeding.catch(() => undefined);
  }
}
