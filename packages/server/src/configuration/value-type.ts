import { MalformedValue } from './configuration-error.ts';

/** What values an option takes, and how they are written. Every parser throws `MalformedValue`. */
export type ValueType<T> = {
  /** How help and the reference page name it, such as `whole number of milliseconds, 10 to 10000`. */
  readonly description: string;
  /** What stands for the value in help, such as `MS`. */
  readonly placeholder: string;
  /** Reads what a flag or an environment variable says. */
  readonly parseText: (text: string) => T;
  /** Reads what a configuration file says: a text, null for nothing, a list (array) or a map (`Map`). */
  readonly parseFileValue: (value: unknown) => T;
  /** Writes a value as `parseText` reads it. */
  format(value: T): string;
};

/** Free text that is not empty, such as a path or a token. */
export function text(placeholder: string): ValueType<string> {
  return textual({
    description: 'text',
    placeholder,
    parseText: (value) => {
      if (value.trim() === '') throw new MalformedValue('is empty; give a text');
      return value;
    },
    format: (value) => value,
  });
}

/** Whatever is said. */
export const anyText: ValueType<string> = {
  description: 'text',
  placeholder: 'TEXT',
  parseText: (value) => value,
  parseFileValue: (value) =>
    Array.isArray(value) ? value.join(',') : typeof value === 'string' ? value : '',
  format: (value) => value,
};

/** Names one member. What `initial-cluster` and shells treat specially is left out. */
export const memberName: ValueType<string> = textual({
  description: 'letters, digits, `.`, `_` and `-`; at most 64 characters',
  placeholder: 'NAME',
  parseText: (value) => {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value)) {
      throw new MalformedValue(
        `"${value}" is no member name; use up to 64 letters, digits, ".", "_" and "-", such as n1`,
      );
    }
    return value;
  },
  format: (value) => value,
});

/** A domain, or a part of a name in DNS. Empty for none, as etcd has it. */
export function dnsName(pattern: RegExp, placeholder: string, example: string): ValueType<string> {
  return textual({
    description: `a name in DNS, such as \`${example}\``,
    placeholder,
    parseText: (value) => {
      if (value === '' || (value.length <= 200 && pattern.test(value))) return value.toLowerCase();
      throw new MalformedValue(`"${value}" cannot be a name in DNS; write it as ${example}`);
    },
    format: (value) => value,
  });
}

/** A whole number in a range, in the unit that the name of the option ends with. */
export function wholeNumber(range: {
  min: number;
  max: number;
  unit: string;
  placeholder: string;
}): ValueType<number> {
  const { min, max, unit, placeholder } = range;
  const parseText = (value: string): number => {
    const number = /^[0-9]+$/.test(value.trim()) ? Number(value) : Number.NaN;
    if (!Number.isSafeInteger(number) || number < min || number > max) {
      throw new MalformedValue(`"${value}" is not a whole number of ${unit} from ${min} to ${max}`);
    }
    return number;
  };
  return {
    description: `whole number of ${unit}, ${min} to ${max}`,
    placeholder,
    parseText,
    parseFileValue: (value) => parseText(scalarText(value)),
    format: String,
  };
}

const byteUnits: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['B', 1],
  ['KiB', 1024],
  ['MiB', 1024 * 1024],
  ['GiB', 1024 * 1024 * 1024],
]);

/** A size in bytes, written plainly or with a binary unit: `1572864`, `1.5MiB`. */
export function byteSize(range: { min: number; max: number }): ValueType<number> {
  const { min, max } = range;
  const limits = `${formatBytes(min)} to ${formatBytes(max)}`;
  const parseText = (value: string): number => {
    const match = /^([0-9]+(?:\.[0-9]+)?) ?([KMG]iB|B|)$/.exec(value.trim());
    const bytes =
      match === null ? Number.NaN : Number(match[1]) * (byteUnits.get(match[2] ?? '') ?? Number.NaN);
    if (!Number.isSafeInteger(bytes) || bytes < min || bytes > max) {
      throw new MalformedValue(`"${value}" is no size of ${limits}; write it as 1572864 or 1.5MiB`);
    }
    return bytes;
  };
  return {
    description: `bytes, plainly or with KiB, MiB or GiB, ${limits}`,
    placeholder: 'BYTES',
    parseText,
    parseFileValue: (value) => parseText(scalarText(value)),
    format: formatBytes,
  };
}

const durationUnitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A time in milliseconds, written as in etcd's flags: `500ms`, `10m`, `1h30m`. */
export function duration(range: { minMs: number; maxMs: number }): ValueType<number> {
  const { minMs, maxMs } = range;
  const limits = `${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  return textual({
    description: `time with units \`ms\`, \`s\`, \`m\` or \`h\`, ${limits}`,
    placeholder: 'TIME',
    parseText: (value) => {
      const isDuration = /^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$/.test(value.trim());
      let ms = isDuration ? 0 : Number.NaN;
      for (const [, number, unit = ''] of value.matchAll(/([0-9.]+)(ms|s|m|h)/g)) {
        ms += Number(number) * (durationUnitsMs[unit] ?? Number.NaN);
      }
      if (!Number.isSafeInteger(ms) || ms < minMs || ms > maxMs) {
        throw new MalformedValue(`"${value}" is no time of ${limits}; write it as 500ms, 10m or 1h30m`);
      }
      return ms;
    },
    format: formatDuration,
  });
}

/** How much of the past to keep, as in etcd's flags: a number whose meaning depends on the mode, or a time. */
export type Retention =
  | { readonly kind: 'number'; readonly number: number }
  | { readonly kind: 'time'; readonly ms: number };

/** A century, and more revisions than there are in one. */
const retentionTime = duration({ minMs: 1000, maxMs: 100 * 365 * 24 * 3_600_000 });

export const retention: ValueType<Retention> = textual({
  description: 'whole number, or time with units `s`, `m` or `h`',
  placeholder: 'NUMBER|TIME',
  parseText: (value) => {
    const text = value.trim();
    if (text.startsWith('-')) throw new MalformedValue(`"${value}" is negative; give 0 to keep everything`);
    if (!/^[0-9]+$/.test(text)) {
      // Nothing is kept for no time, as etcd has it.
      if (/^(0+(ms|s|m|h))+$/.test(text)) return { kind: 'number', number: 0 };
      return { kind: 'time', ms: retentionTime.parseText(text) };
    }
    if (!Number.isSafeInteger(Number(text))) throw new MalformedValue(`"${value}" is too large`);
    return { kind: 'number', number: Number(text) };
  },
  format: (value) => (value.kind === 'number' ? String(value.number) : formatDuration(value.ms)),
});

/** One of a few words. `notBuilt` are words that will mean something later, each with what to say about it now. */
export function choice<const Word extends string>(
  words: readonly Word[],
  notBuilt: Readonly<Record<string, string>> = {},
): ValueType<Word> {
  return textual({
    description: words.map((word) => `\`${word}\``).join(' or '),
    placeholder: words.join('|'),
    parseText: (value) => {
      const word = words.find((candidate) => candidate === value);
      if (word !== undefined) return word;
      const explanation = Object.hasOwn(notBuilt, value) ? notBuilt[value] : undefined;
      throw new MalformedValue(explanation ?? `"${value}" is none of ${words.join(', ')}`);
    },
    format: (value) => value,
  });
}

/** Completes a type whose file values are written exactly as on the command line. */
export function textual<T>(type: Omit<ValueType<T>, 'parseFileValue'>): ValueType<T> {
  return { ...type, parseFileValue: (value) => type.parseText(scalarText(value)) };
}

/** What a scalar of a configuration file would be as text. Throws `MalformedValue` for lists, maps and nothing. */
export function scalarText(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new MalformedValue(value === null ? 'has no value' : 'must be a single value, not a list or a map');
}

function formatDuration(ms: number): string {
  for (const unit of ['h', 'm', 's']) {
    const size = durationUnitsMs[unit] ?? 1;
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

function formatBytes(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB']) {
    const size = byteUnits.get(unit) ?? 1;
    if (bytes >= size && Number.isInteger((bytes * 2) / size)) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}
