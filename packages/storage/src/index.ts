export type { LogWrite } from './append-rules.ts';
export { DataDirectory, type DataDirectoryOptions } from './data-directory.ts';
export type { ConfigurationEntry, TermRun } from './entry-map.ts';
export type { File, FileLock, FileSystem, LockResult } from './file-system.ts';
export type { Identity } from './identity-file.ts';
export { ENTRY_DATA_MAX_BYTES } from './record.ts';
export type { TornTail } from './recovery.ts';
export { StorageError, type StorageErrorCode } from './storage-error.ts';
export { type RecoveredLog, WriteAheadLog, type WriteAheadLogOptions } from './write-ahead-log.ts';
