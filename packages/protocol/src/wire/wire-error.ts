/**
 * Bytes that are no valid protobuf message, or a value that its field's type cannot carry. The message says
 * what is wrong, never what the bytes were.
 */
export class WireError extends Error {
  override readonly name = 'WireError';
}
