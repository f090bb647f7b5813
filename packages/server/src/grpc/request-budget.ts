import { ApiError } from '../api/api-error.ts';

/**
 * Bounds the memory that requests take while they are being received, over all connections: a client could
 * begin thousands of large ones and finish none.
 */
export class RequestBudget {
  private readonly maxBytes: number;
  private heldBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Throws an ApiError, and takes nothing, if that many bytes are not to be had. */
  take(bytes: number): void {
    if (this.heldBytes + bytes > this.maxBytes) {
      throw new ApiError('resource-exhausted', 'etcdserver: too many requests', 'none');
    }
    this.heldBytes += bytes;
  }

  giveBack(bytes: number): void {
    this.heldBytes -= bytes;
  }
}
