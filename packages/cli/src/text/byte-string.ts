import type { Bytes } from '@quorate/client';

/*
 * Arguments of commands are strings, but in the shell a word may be any bytes. Bytes that are not valid UTF-8
 * travel as lone low surrogates, U+DC80 for 0x80 and so on, which no valid text contains.
 */

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const smuggled = /[\udc80-\udcff]/;

/** A string that `fromByteString` turns back into exactly these bytes. */
export function toByteString(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    // Not UTF-8 as a whole, so its bytes above ASCII travel one by one.
    return [...bytes].map((byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte)).join('');
  }
}

/** The bytes of an argument: UTF-8, unless it is a byte string. */
export function fromByteString(text: string): Bytes {
  if (!smuggled.test(text) || text.isWellFormed()) return text;
  return Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff);
}
