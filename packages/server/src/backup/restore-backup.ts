import { restoredContent, SnapshotError, type SnapshotSummary, summarizeSnapshot } from '@quorate/kv';
import { toLogIndex, toTerm } from '@quorate/raft';
import { foundLog } from '@quorate/replica';
import {
  DataDirectory,
  type FileSystem,
  SnapshotDirectory,
  type SnapshotFile,
  type SnapshotHeader,
  WriteAheadLog,
} from '@quorate/storage';
import { foundingConfiguration, restoredClusterId } from '../configuration/cluster-identity.ts';
import type { ServerConfiguration } from '../configuration/server-configuration.ts';
import { openBackupFile } from './backup-file.ts';

export type RestoreOptions = {
  readonly fileSystem: FileSystem;
  readonly file: string;
  /** Who the member is, and which members found the new cluster. All of them must restore the same file alike. */
  readonly configuration: Pick<
    ServerConfiguration,
    'dataDir' | 'name' | 'memberId' | 'clusterId' | 'members' | 'initialClusterToken'
  >;
  readonly random: { integer(bound: number): number };
  /** By how much the revision is raised; then all history is forgotten, too. 0 for neither. */
  readonly bumpRevision: number;
  /** Called as the content is read, with the part of it that is done, 0 to 1. */
  readonly progress: (portion: number) => void;
};

export type RestoredBackup = SnapshotSummary & { readonly clusterId: bigint };

/** Where the log of a new cluster stands when its founding configuration is committed. */
const restoredAt = { index: toLogIndex(1), term: toTerm(1) };

/**
 * Makes a data directory for a founding member of a new cluster that begins with what a snapshot holds. The directory
 * gets the log of a new cluster and the snapshot as the state after its first entry; the first start loads it into
 * whatever engine the member has. Whoever reads the file's content finds damage before anything counts.
 *
 * Rejects with a StorageError or a SnapshotError; then the directory has no file in it, as far as the disk allows.
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoredBackup> {
  const { fileSystem, file, configuration, bumpRevision } = options;
  const { dataDir: path, name, memberId, members } = configuration;
  const backup = await openBackupFile(fileSystem, file);
  try {
    const clusterId = restoredClusterId(configuration.clusterId, backup.digest, bumpRevision);
    const identity = { clusterId, memberId, name, token: configuration.initialClusterToken };
    const founding = foundingConfiguration(members);
    let summary: SnapshotSummary | null = null;
    await DataDirectory.create({ fileSystem, path, identity }, async (parts) => {
      const description = { ...restoredAt, configuration: founding };
      await writeSnapshot(options, backup, parts.snapshotDirectory, { clusterId, description });
      summary = await summarizeWritten(fileSystem, parts.snapshotDirectory);
      const directory = parts.logDirectory;
      const log = await WriteAheadLog.open({ fileSystem, directory, random: options.random });
      try {
        await foundLog(log, founding);
      } finally {
        await log.close();
      }
    });
    if (summary === null) throw new TypeError('the directory was made without a snapshot');
    return { ...(summary as SnapshotSummary), clusterId };
  } finally {
    await backup.close();
  }
}

async function writeSnapshot(
  { fileSystem, file, bumpRevision, progress }: RestoreOptions,
  backup: SnapshotFile,
  directory: string,
  header: SnapshotHeader,
): Promise<void> {
  const snapshots = await SnapshotDirectory.open(fileSystem, directory);
  const writer = await snapshots.create(header);
  try {
    const markCompacted = bumpRevision > 0;
    const { index: appliedIndex, term: appliedTerm } = restoredAt;
    const restoration = { appliedIndex, appliedTerm, bumpRevision, markCompacted };
    for await (const chunk of restoredContent(() => reportingContent(backup, progress), restoration)) {
      await writer.write(chunk);
    }
    await writer.finish();
  } catch (error) {
    await writer.discard();
    if (!(error instanceof SnapshotError)) throw error;
    throw new SnapshotError(error.code, `${file}: ${error.message}`, { cause: error });
  }
}

async function* reportingContent(
  backup: SnapshotFile,
  progress: (portion: number) => void,
): AsyncGenerator<Uint8Array> {
  let readBytes = 0;
  for await (const bytes of backup.content()) {
    yield bytes;
    readBytes += bytes.length;
    progress(readBytes / backup.sizeBytes);
  }
}

/** Reads what was written once more: from the disk, and as what it is to be. */
async function summarizeWritten(fileSystem: FileSystem, directory: string): Promise<SnapshotSummary> {
  const snapshots = await SnapshotDirectory.open(fileSystem, directory);
  const written = await snapshots.openFile(restoredAt);
  try {
    return await summarizeSnapshot(written.content());
  } finally {
    await written.close();
  }
}
