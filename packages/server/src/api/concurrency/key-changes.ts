import { type Event, WatchCreateRequest } from '@quorate/protocol';
import { replicaFailure } from '../error-table.ts';
import type { Member } from '../member.ts';
import { Wakeup } from '../wakeup.ts';

/**
 * The changes of some keys after a revision, as they are applied here. Ends when `signal` is aborted, and when
 * changes are missing because they have been compacted: whoever wants to know more must look at the store again.
 */
export async function* keyChanges(
  member: Member,
  ranges: readonly { readonly key: Uint8Array; readonly rangeEnd: Uint8Array }[],
  afterRevision: number,
  signal: AbortSignal,
): AsyncGenerator<readonly Event[]> {
  const wakeup = new Wakeup();
  const wake = (): void => wakeup.wake();
  signal.addEventListener('abort', wake);
  const stream = member.store.watch(wake);
  try {
    for (const range of ranges) {
      stream.create(WatchCreateRequest.create({ ...range, startRevision: afterRevision + 1 }));
    }
    while (!signal.aborted) {
      const notice = stream.take();
      switch (notice?.type) {
        case undefined:
          await wakeup.wait();
          break;
        case 'events':
          yield notice.events;
          break;
        case 'refused':
          throw replicaFailure('overloaded');
        case 'compacted':
        case 'cancelled':
          return;
        case 'created':
        case 'progress':
          break;
      }
    }
  } finally {
    signal.removeEventListener('abort', wake);
    stream.close();
  }
}
