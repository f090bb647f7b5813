import { styleText } from 'node:util';

/** One line of the JSON log, as far as it is looked at here. */
type LogRecord = {
  readonly time: string;
  readonly level: string;
  readonly msg: string;
  readonly member?: string;
  readonly component?: string;
  readonly err?: { readonly type?: string; readonly message?: string; readonly stack?: string };
};

/** Errors that a programmer has to look at: for them, and only for them, a person wants to see the stack. */
const faults: ReadonlySet<string> = new Set([
  'AssertionError',
  'Error',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
]);

const colours = { trace: 'gray', debug: 'gray', info: 'cyan', warn: 'yellow', error: 'red' } as const;

/**
 * Makes one line for people out of one line of JSON: the time of day, the level, who says it, and what. The
 * other fields are left to those who read the JSON. A line that is no JSON is passed on as it is.
 */
export function prettyLine(jsonLine: string, colour: boolean): string {
  const record = parse(jsonLine);
  if (record === null) return jsonLine;
  const time = record.time.slice(11, 23);
  const label = record.level.padEnd(5);
  const level =
    colour && isLevel(record.level)
      ? styleText(colours[record.level], label, { validateStream: false })
      : label;
  const who = [record.member, record.component].filter((part) => part !== undefined).join(' ');
  const { err } = record;
  const repeated = err?.message === undefined || record.msg.includes(err.message);
  const reason = repeated ? '' : ` (${err.message})`;
  const stack = err?.stack !== undefined && faults.has(err.type ?? '') ? `\n${err.stack}` : '';
  return `${time} ${level} ${who === '' ? '' : `${who}: `}${record.msg}${reason}${stack}\n`;
}

function parse(line: string): LogRecord | null {
  try {
    const value: unknown = JSON.parse(line);
    if (
      typeof value !== 'object' ||
      value === null ||
      !('msg' in value && 'time' in value && 'level' in value)
    ) {
      return null;
    }
    return { ...value, msg: String(value.msg), time: String(value.time), level: String(value.level) };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function isLevel(level: string): level is keyof typeof colours {
  return Object.hasOwn(colours, level);
}
