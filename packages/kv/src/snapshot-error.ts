/**
 * Why a snapshot cannot be taken over.
 *
 * - `newer-format`: a later release made it.
 * - `damaged`: it is not what `StoreSnapshot` made, or a part of it is missing.
 */
export type SnapshotErrorCode = 'newer-format' | 'damaged';

/** A snapshot's content is none that a store can be made of. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
  readonly code: SnapshotErrorCode;

  constructor(code: SnapshotErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}
