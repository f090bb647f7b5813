import { usageError } from '../cli-error.ts';

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Reads a duration, such as `5s` or `500ms`, as milliseconds. A bare number means seconds. */
export function parseDuration(text: string): number {
  const [, amount, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const milliseconds = Math.round(Number(amount) * (unitsMs[unit] ?? Number.NaN));
  if (milliseconds >= 1 && milliseconds <= 86_400_000) return milliseconds;
  throw usageError(`not a duration: ${JSON.stringify(text)}`, 'Write for example 500ms, 5s or 1m.');
}

/** Reads a whole number from `min` on. `what` names it in the error. */
export function parseCount(what: string, text: string, min = 0): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw usageError(`${what} must be a whole number of at least ${min}, not ${JSON.stringify(text)}`);
}

/** A number of bytes as people like to read it. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** An id of a member, as etcd's tools print it. */
export function formatId(id: bigint): string {
  return id.toString(16);
}

/** `1 key`, `2 keys`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
