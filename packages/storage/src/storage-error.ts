/**
 * What can go wrong with a data directory. Each message says what was found, what was expected, and what
 * to do about it.
 *
 * - `locked`: another live process uses the data directory.
 * - `wrong-cluster`, `wrong-member`: the data directory belongs to somebody else.
 * - `newer-format`: a newer version of Quorate wrote it.
 * - `damaged`: bytes that were durable have changed or are missing. Nothing was modified.
 * - `disk-full`: no space left. Nothing acknowledged is lost; free space, then start again.
 * - `not-writable`: no permission, or a read-only file system.
 * - `disk-failed`: any other failure of a disk operation. After a failed write or sync it is unknown what is
 *   on disk, so the log refuses every further call.
 * - `removed`: the entries asked for have left the log (see `WriteAheadLog.removeThrough`).
 * - `closed`: the log was closed.
 * - `not-empty`: a directory that is to be filled has something in it already. Nothing was modified.
 */
export type StorageErrorCode =
  | 'locked'
  | 'wrong-cluster'
  | 'wrong-member'
  | 'newer-format'
  | 'damaged'
  | 'disk-full'
  | 'not-writable'
  | 'disk-failed'
  | 'removed'
  | 'closed'
  | 'not-empty';

/** Where and why. `offset` counts bytes from the start of `file`. */
export type StorageErrorDetail = {
  readonly file?: string;
  readonly offset?: number;
  readonly reason?: string;
  readonly cause?: unknown;
};

/** An operating error of the storage. A broken invariant is an AssertionError instead. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: StorageErrorCode;
  readonly file: string | null;
  readonly offset: number | null;
  /** The message without the place and the advice. */
  readonly reason: string;

  constructor(code: StorageErrorCode, message: string, detail: StorageErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.file = detail.file ?? null;
    this.offset = detail.offset ?? null;
    this.reason = detail.reason ?? message;
  }
}

/** Turns a failure of a `FileSystem` call into a `StorageError`; one that is already stays as it is. */
export function toStorageError(error: unknown, doing: string, file: string): StorageError {
  if (error instanceof StorageError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  switch (diskErrorCode(error) ?? 'unknown') {
    case 'ENOSPC':
    case 'EDQUOT':
      return new StorageError(
        'disk-full',
        `no space left on the disk while ${doing} ${file}: free some space, then start the member again; nothing acknowledged is lost (${reason})`,
        { file, cause: error },
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new StorageError(
        'not-writable',
        `not permitted while ${doing} ${file}: give this user read and write access to the data directory, or choose another (${reason})`,
        { file, cause: error },
      );
    default:
      return new StorageError(
        'disk-failed',
        `the disk failed while ${doing} ${file}: check the disk, then start the member again (${reason})`,
        { file, cause: error },
      );
  }
}

/** The POSIX name that a `FileSystem` error carries, or null. */
export function diskErrorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** A `damaged` error in the words that all of them share. */
export function damaged(file: string, offset: number | null, found: string): StorageError {
  const where = offset === null ? file : `${file} at offset ${offset}`;
  return new StorageError(
    'damaged',
    `damaged data: ${where}: ${found}. Nothing was modified. Keep a copy of the data directory, look at its log with \`quorate inspect wal\`, then remove this member from the cluster and add it again with an empty directory`,
    offset === null ? { file, reason: found } : { file, offset, reason: found },
  );
}
