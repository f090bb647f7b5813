/**
 * Why an engine cannot do its work.
 *
 * - `disk-full`: there is no room for a commit.
 * - `not-writable`: the directory or the file may not be written, or does not exist.
 * - `locked`: another process has the file open.
 * - `damaged`: the file is not what the engine wrote.
 * - `newer-format`: a later release wrote the file.
 * - `failed`: anything else.
 */
export type EngineErrorCode = 'disk-full' | 'not-writable' | 'locked' | 'damaged' | 'newer-format' | 'failed';

/** An operating error of an engine. The store that uses it can go no further. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: EngineErrorCode;
  /** The file or directory in question, if there is one. */
  readonly path: string | null;

  constructor(code: EngineErrorCode, message: string, options: { path?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.path = options.path ?? null;
  }
}

/** What every engine says of a full disk: what happened where, and what to do. */
export function diskFull(path: string, cause?: unknown): EngineError {
  const reason = cause instanceof Error ? ` (${cause.message})` : '';
  return new EngineError(
    'disk-full',
    `no space left on the disk for ${path}: free some space, then start the member again; nothing acknowledged is lost${reason}`,
    { path, cause },
  );
}
