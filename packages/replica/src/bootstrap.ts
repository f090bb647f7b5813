import { type Configuration, toLogIndex, toTerm } from '@quorate/raft';
import type { WriteAheadLog } from '@quorate/storage';

/**
 * Starts the log of a new cluster's founding member: one configuration entry, at index 1 of term 1, committed.
 * Every founding member writes the same bytes, so their logs match from the start (Raft, section 5.3), and
 * membership has one source of truth: the log.
 *
 * Does nothing if the log is not empty. Durable when it resolves. Rejects with a StorageError.
 */
export async function bootstrapLog(log: WriteAheadLog, configuration: Configuration): Promise<void> {
  if (log.recovered.lastIndex > 0) {
    return;
  }
  const term = toTerm(1);
  const index = toLogIndex(1);
  await log.append([
    {
      hardState: { term, vote: null, commit: index },
      entries: [{ kind: 'configuration', term, index, configuration }],
      sync: true,
    },
  ]);
}
