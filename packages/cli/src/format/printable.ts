const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What would move a terminal's cursor, change its state, or not show at all. */
const unprintable = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;

const escapes: ReadonlyMap<number, string> = new Map([
  [0x09, '\\t'],
  [0x0a, '\\n'],
  [0x0d, '\\r'],
  [0x5c, '\\\\'],
]);

/** The text that UTF-8 bytes stand for, or null if they are not valid UTF-8. */
export function decodeStrictly(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    // Not an error here: that is what was asked.
    return null;
  }
}

/**
 * Bytes as one line of text that shows what they are and harms no terminal. Printable UTF-8 stands for itself;
 * other bytes are written `\xNN`, or `\t`, `\n`, `\r`; a backslash is doubled, so that the line can be read back.
 */
export function printable(bytes: Uint8Array): string {
  const text = decodeStrictly(bytes);
  if (text !== null) return text.replaceAll('\\', '\\\\').replaceAll(unprintable, printableCharacter);
  return [...bytes].map(printableByte).join('');
}

/** True if a terminal can show the bytes as they are: UTF-8 text with line ends and tabs at most. */
export function isPlainText(bytes: Uint8Array): boolean {
  const text = decodeStrictly(bytes);
  return text !== null && text.replaceAll(/[\n\t]/g, '').search(unprintable) === -1;
}

function printableCharacter(character: string): string {
  return escapes.get(character.charCodeAt(0)) ?? [...Buffer.from(character)].map(hex).join('');
}

function printableByte(byte: number): string {
  const escape = escapes.get(byte);
  if (escape !== undefined) return escape;
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : hex(byte);
}

function hex(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}
