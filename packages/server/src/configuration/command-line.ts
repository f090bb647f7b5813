import type { ConfigurationProblem } from './configuration-error.ts';
import { flagOf } from './option.ts';
import { nearestName } from './nearest-name.ts';

/** What the arguments of a command say: the text of each flag by its name, and what is wrong with them. */
export type CommandLine = {
  readonly values: ReadonlyMap<string, string>;
  readonly problems: readonly ConfigurationProblem[];
};

/**
 * Reads `--name value` and `--name=value`. Every option takes a value and may be given once. `names` are
 * those of the options that exist.
 */
export function readCommandLine(flags: readonly string[], names: readonly string[]): CommandLine {
  const values = new Map<string, string>();
  const problems: ConfigurationProblem[] = [];
  for (let position = 0; position < flags.length; position += 1) {
    const argument = flags[position] ?? '';
    if (!argument.startsWith('--') || argument === '--') {
      problems.push({
        source: null,
        message: `"${argument}" is unexpected; options are written as --name n1`,
      });
      continue;
    }
    const equals = argument.indexOf('=');
    const name = argument.slice(2, equals < 0 ? undefined : equals);
    const next = flags[position + 1];
    const takesNext = equals < 0 && next !== undefined && !next.startsWith('--');
    if (takesNext) position += 1;
    if (!names.includes(name)) {
      problems.push({ source: null, message: unknownName(`--${name}`, nearestName(name, names), flagOf) });
      continue;
    }
    const value = equals >= 0 ? argument.slice(equals + 1) : takesNext ? next : undefined;
    if (value === undefined) {
      problems.push({ source: `--${name}`, message: 'has no value; write it as --NAME VALUE' });
    } else if (values.has(name)) {
      problems.push({ source: `--${name}`, message: 'is given twice; give it once' });
    } else {
      values.set(name, value);
    }
  }
  return { values, problems };
}

/** Says that a name means nothing, and which one may have been meant. */
export function unknownName(
  name: string,
  nearest: string | null,
  write: (declaration: { readonly name: string }) => string,
): string {
  const hint =
    nearest === null
      ? 'see quorate serve --help for those that exist'
      : `did you mean ${write({ name: nearest })}?`;
  return `${name} is no option; ${hint}`;
}
