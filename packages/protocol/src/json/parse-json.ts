import { JsonFormatError } from './json-format-error.ts';

/** What JSON can say. Integers that `number` cannot carry exactly are bigint. */
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** What `JSON.parse` tells about where a value came from. */
type Context = { readonly source?: string };

/** Reads one JSON value and keeps all digits of integers. Throws a JsonFormatError. */
export function parseJson(text: string): JsonValue {
  try {
    return JSON.parse(text, exactInteger as (key: string, value: unknown) => unknown) as JsonValue;
  } catch (error) {
    // A syntax error; or a range error, for values that are nested too deeply to be anything sensible.
    throw new JsonFormatError(
      error instanceof SyntaxError ? withoutText(error.message) : 'nested too deeply',
    );
  }
}

function exactInteger(_key: string, value: unknown, { source }: Context): unknown {
  const isInexact = typeof value === 'number' && !Number.isSafeInteger(value);
  return isInexact && source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

/** The parser quotes what it could not read, which may be long, or somebody's secret. */
function withoutText(message: string): string {
  return message.replace(/, (\.\.\.)?".*$/s, '');
}
