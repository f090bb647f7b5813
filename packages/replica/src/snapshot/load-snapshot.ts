import type { Store } from '@quorate/kv';
import type { SnapshotDescription, Term } from '@quorate/raft';
import type { SnapshotDirectory, SnapshotFile, SnapshotName, WriteAheadLog } from '@quorate/storage';
import type { CoreObserver } from '../core-observer.ts';
import type { Clock, Logger } from '../ports.ts';
import { ReplicaError } from '../replica-error.ts';
import { pause } from './pause.ts';

export type LoadSnapshotParts = {
  readonly clusterId: bigint;
  readonly directory: SnapshotDirectory;
  readonly store: Store;
  readonly log: WriteAheadLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer?: CoreObserver | undefined;
};

/**
 * Brings state machine and log up to the newest snapshot file before the member starts. For an engine that keeps
 * nothing on disk that is where its content comes from; for the others it completes an installation that a crash
 * interrupted, wherever that was:
 *
 * - The file is complete and the state machine is older, empty or half replaced: it is installed.
 * - The state machine is replaced, but the log is not: the log is emptied and continues after the snapshot.
 *
 * Returns the snapshot if it has replaced the whole log by this. Rejects with a StorageError, a SnapshotError, or
 * `inconsistent-data` if the snapshot is of another cluster.
 */
export async function loadSnapshot(parts: LoadSnapshotParts): Promise<SnapshotDescription | null> {
  const { directory, store, log } = parts;
  const latest = (await directory.list()).at(-1);
  if (latest === undefined) {
    return null;
  }
  const isReplacing = !logHolds(log.recovered, latest);
  // What is not needed is not looked at: if it is damaged, nobody cares.
  const isNeeded = isReplacing || latest.index > store.appliedIndex;
  const description = isNeeded ? await load(parts, latest) : null;
  await store.sync();
  if (isReplacing && description !== null) {
    parts.observer?.replacing(description);
    await adoptTerm(log, description.term);
    await log.removeThrough(description.index, description);
  }
  await directory.removeBefore(store.isPersistent ? store.appliedIndex + 1 : latest.index);
  return isReplacing ? description : null;
}

/** Installs a snapshot if the state machine is older. */
async function load(parts: LoadSnapshotParts, name: SnapshotName): Promise<SnapshotDescription> {
  const { clusterId, directory, store } = parts;
  const file = await directory.openFile(name);
  try {
    if (file.header.clusterId !== clusterId) {
      const other = file.header.clusterId.toString(16);
      throw new ReplicaError('inconsistent-data', `${file.path} is a snapshot of cluster ${other}`);
    }
    if (name.index > store.appliedIndex) {
      await install(parts, file);
    }
    return file.header.description;
  } finally {
    await file.close();
  }
}

/**
 * A snapshot that was fetched before the member had heard of its term brings that term along, as a message does (Raft,
 * section 5.1): durably, before the log says that it holds an entry of it.
 */
async function adoptTerm(log: WriteAheadLog, term: Term): Promise<void> {
  const { hardState } = log.recovered;
  if (term > hardState.term) {
    await log.append([{ hardState: { ...hardState, term, vote: null }, entries: [], sync: true }]);
  }
}

async function install({ store, clock, logger }: LoadSnapshotParts, file: SnapshotFile): Promise<void> {
  const { index } = file.header.description;
  const startedMs = clock.monotonicMs();
  await store.install(file.content(), async () => pause(clock));
  const ms = Math.round(clock.monotonicMs() - startedMs);
  logger.info(
    { index, bytes: file.sizeBytes, ms },
    `loaded the snapshot of entry ${index}: ${file.sizeBytes} bytes in ${ms} ms`,
  );
}

/** Whether the log holds the snapshot's last entry, or starts after it or a later one: if not, the snapshot replaces it. */
export function logHolds(
  { firstIndex, lastIndex, previousTerm, terms }: WriteAheadLog['recovered'],
  { index, term }: SnapshotName,
): boolean {
  if (index < firstIndex - 1) {
    return true;
  }
  const found = index > lastIndex ? null : terms.findLast((run) => run.firstIndex <= index)?.term;
  return (found === undefined ? previousTerm : found) === term;
}
