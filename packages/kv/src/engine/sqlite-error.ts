import { diskFull, EngineError, type EngineErrorCode } from './engine-error.ts';

/** SQLite's primary result codes, the low byte of its extended ones. */
const engineCodes: Readonly<Record<number, EngineErrorCode>> = {
  3: 'not-writable', // SQLITE_PERM
  5: 'locked', // SQLITE_BUSY
  6: 'locked', // SQLITE_LOCKED
  8: 'not-writable', // SQLITE_READONLY
  11: 'damaged', // SQLITE_CORRUPT
  13: 'disk-full', // SQLITE_FULL
  14: 'not-writable', // SQLITE_CANTOPEN
  26: 'damaged', // SQLITE_NOTADB
};

/** Turns what node:sqlite throws into an EngineError. Anything that is not SQLite's comes back as it is. */
export function sqliteError(error: unknown, file: string): Error {
  if (!(error instanceof Error)) {
    return new EngineError('failed', `${file} cannot be used`, { path: file, cause: error });
  }
  if (error instanceof EngineError || !('errcode' in error) || typeof error.errcode !== 'number') {
    return error;
  }
  const code = engineCodes[error.errcode & 0xff] ?? 'failed';
  if (code === 'disk-full') return diskFull(file, error);
  return new EngineError(code, `${file}: ${error.message}`, { path: file, cause: error });
}
