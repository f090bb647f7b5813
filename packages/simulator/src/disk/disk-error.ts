export type DiskErrorCode = 'EEXIST' | 'EIO' | 'ENOENT' | 'ENOSPC' | 'EXDEV';

/** A failed disk operation, shaped as Node's own errors are. */
export class DiskError extends Error {
  override readonly name = 'DiskError';
  readonly code: DiskErrorCode;

  constructor(code: DiskErrorCode, path: string) {
    super(`${code}: ${path}`);
    this.code = code;
  }
}
