import { usageError } from '../cli-error.ts';

/** A word of a line. `bytes` may be any bytes, thanks to `\xNN`; `text` is what they are as UTF-8. */
export type Word = {
  readonly bytes: Uint8Array;
  readonly text: string;
  /** Some of it stood in quotes: it is never an option, an operator or a keyword. */
  readonly isQuoted: boolean;
  /** Where it begins in the line. */
  readonly start: number;
};

const simpleEscapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0' };

/**
 * Splits a line into words, as a shell does: spaces separate; `'single quotes'` keep everything as it is;
 * in `"double quotes"` and outside, a backslash makes `\n`, `\t`, `\r`, `\0` and `\xNN`, and takes any other
 * character as it is. `#` at the start of a word begins a comment. Throws a usage error at an open quote.
 */
export function splitWords(line: string): readonly Word[] {
  const words: Word[] = [];
  let position = 0;
  for (;;) {
    while (/\s/.test(line[position] ?? '')) position += 1;
    if (position >= line.length || line[position] === '#') return words;
    const { word, end } = readWord(line, position);
    words.push(word);
    position = end;
  }
}

/** The bytes that a text with escapes stands for; quotes and spaces are nothing special here. */
export function unescape(text: string): Uint8Array {
  const parts: Buffer[] = [];
  let position = 0;
  while (position < text.length) {
    if (text[position] === '\\') {
      const { bytes, end } = readEscape(text, position);
      parts.push(bytes);
      position = end;
    } else {
      const next = text.indexOf('\\', position);
      const end = next === -1 ? text.length : next;
      parts.push(Buffer.from(text.slice(position, end)));
      position = end;
    }
  }
  return Buffer.concat(parts);
}

function readWord(line: string, start: number): { word: Word; end: number } {
  const parts: Buffer[] = [];
  let position = start;
  let quote: string | null = null;
  let isQuoted = false;
  while (position < line.length) {
    const character = String.fromCodePoint(line.codePointAt(position) ?? 0);
    if (quote === null && /\s/.test(character)) break;
    if (character === quote) {
      quote = null;
      position += 1;
    } else if (quote === null && (character === '"' || character === "'")) {
      quote = character;
      isQuoted = true;
      position += 1;
    } else if (character === '\\' && quote !== "'") {
      const { bytes, end } = readEscape(line, position);
      parts.push(bytes);
      position = end;
    } else {
      parts.push(Buffer.from(character));
      position += character.length;
    }
  }
  if (quote !== null) throw usageError(`the quote ${quote} is not closed`);
  const bytes = Buffer.concat(parts);
  return { word: { bytes, text: bytes.toString(), isQuoted, start }, end: position };
}

function readEscape(line: string, position: number): { bytes: Buffer; end: number } {
  const next = line[position + 1];
  if (next === undefined) throw usageError('a backslash stands at the end');
  if (next === 'x') {
    const digits = line.slice(position + 2, position + 4);
    if (!/^[0-9a-f]{2}$/i.test(digits)) throw usageError('\\x must be followed by two hexadecimal digits');
    return { bytes: Buffer.from(digits, 'hex'), end: position + 4 };
  }
  const character = String.fromCodePoint(line.codePointAt(position + 1) ?? 0);
  return { bytes: Buffer.from(simpleEscapes[next] ?? character), end: position + 1 + character.length };
}
