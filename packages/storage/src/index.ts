export type { LogWrite } from './append-rules.ts';
export { DataDirectory, type DataDirectoryOptions, type NewDirectory } from './data-directory.ts';
export type { ConfigurationEntry, TermRun } from './entry-map.ts';
export type { File, FileLock, FileSystem, LockResult } from './file-system.ts';
export type { Identity } from './identity-file.ts';
export { ENTRY_DATA_MAX_BYTES } from './record.ts';
export { type InspectLogOptions, inspectLog, type LogLine } from './inspect-log.ts';
export type { TornTail } from './recovery.ts';
export type { IncomingSnapshot, SnapshotOffer } from './incoming-snapshot.ts';
export { SnapshotDirectory, type SnapshotName } from './snapshot-directory.ts';
export { SnapshotFile } from './snapshot-file.ts';
export { SnapshotFileDecoder } from './snapshot-file-decoder.ts';
export {
  SNAPSHOT_MAGIC,
  SnapshotEncoder,
  type SnapshotFooter,
  type SnapshotHeader,
} from './snapshot-format.ts';
export { GrowingFile, type SnapshotWriter } from './snapshot-writer.ts';
export { StorageError, type StorageErrorCode, toStorageError } from './storage-error.ts';
export { type RecoveredLog, WriteAheadLog, type WriteAheadLogOptions } from './write-ahead-log.ts';
