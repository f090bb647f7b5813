/**
 * Why a member could not start, beside what is wrong with its configuration (`ConfigurationError`) or its data
 * directory (`StorageError`).
 *
 * - `port-in-use`: another process listens there.
 * - `address-unavailable`: this machine has no such address.
 * - `port-not-permitted`: only a privileged user may listen there.
 * - `listen-failed`: the system refused for another reason.
 * - `engine-unavailable`: the chosen engine is not installed, or cannot be loaded or opened.
 * - `start-cancelled`: the start was called off.
 */
export type ServerErrorCode =
  | 'port-in-use'
  | 'address-unavailable'
  | 'port-not-permitted'
  | 'listen-failed'
  | 'engine-unavailable'
  | 'start-cancelled';

/** An operating error of the server. Its message is one line for people: what happened, and what to do. */
export class ServerError extends Error {
  override readonly name = 'ServerError';
  readonly code: ServerErrorCode;

  constructor(code: ServerErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
