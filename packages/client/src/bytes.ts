import { QuorateError } from './quorate-error.ts';

/** Bytes as callers may give them. A string stands for its UTF-8 encoding. */
export type Bytes = string | Uint8Array;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The bytes themselves. A Uint8Array is not copied: do not change it until the call has settled. */
export function toBytes(value: Bytes): Uint8Array {
  if (typeof value === 'string') return encoder.encode(value);
  if (value instanceof Uint8Array) return value;
  throw new QuorateError(
    'invalid-argument',
    `a key or value must be a string or a Uint8Array, got ${typeof value}`,
  );
}

/** Decodes UTF-8; invalid sequences become U+FFFD, as in `Response.text()`. */
export function decodeText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
