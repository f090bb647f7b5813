import type { Store } from '@quorate/kv';
import type { WriteAheadLog } from '@quorate/storage';

/** Closes the log, and the state machine even if that fails. */
export async function closeData({
  log,
  store,
}: {
  readonly log: WriteAheadLog;
  readonly store: Store;
}): Promise<void> {
  try {
    await log.close();
  } finally {
    await store.close();
  }
}
