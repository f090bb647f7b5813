/**
 * The items of `source` until `signal` is aborted, which ends the iteration even while it waits for the next
 * item. `source` is told that nobody listens any longer (`return`), and then not waited for.
 */
export async function* untilAborted<Item>(
  source: AsyncIterable<Item>,
  signal: AbortSignal,
): AsyncGenerator<Item> {
  const iterator = source[Symbol.asyncIterator]();
  let wake = (): void => undefined;
  const onAbort = (): void => wake();
  signal.addEventListener('abort', onAbort);
  try {
    for (;;) {
      // One promise an item: racing a promise that lasts as long as the stream would collect its reactions.
      const next = await new Promise<IteratorResult<Item>>((resolve, reject) => {
        wake = () => resolve({ done: true, value: undefined });
        if (signal.aborted) wake();
        else iterator.next().then(resolve, reject);
      });
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    const returned = iterator.return?.();
    if (signal.aborted) returned?.catch(() => undefined);
    else await returned;
  }
}
