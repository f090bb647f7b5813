import type { ConfigurationProblem } from './configuration-error.ts';
import { findEtcdFlag, isSwitch } from './etcd-flags.ts';
import { flagOf } from './option.ts';
import { nearestName } from './nearest-name.ts';

/** What the arguments of a command say: the text of each flag by its name, and what is wrong with them. */
export type CommandLine = {
  readonly values: ReadonlyMap<string, string>;
  readonly problems: readonly ConfigurationProblem[];
};

/**
 * Reads `--name value` and `--name=value`, with one dash as well, as etcd does. Every option takes a value and
 * may be given once; etcd's switches may stand alone. `names` are those of the options that exist; etcd's flags
 * are taken beside them.
 */
export function readCommandLine(flags: readonly string[], names: readonly string[]): CommandLine {
  const values = new Map<string, string>();
  const problems: ConfigurationProblem[] = [];
  for (let position = 0; position < flags.length; position += 1) {
    const argument = flags[position] ?? '';
    const [, stated, assigned] = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argument) ?? [];
    if (stated === undefined) {
      problems.push({
        source: null,
        message: `"${argument}" is unexpected; options are written as --name n1`,
      });
      continue;
    }
    const etcdFlag = findEtcdFlag(stated);
    const stands = etcdFlag !== null && isSwitch(etcdFlag) && !names.includes(etcdFlag.name);
    const next = flags[position + 1];
    const takesNext = assigned === undefined && !stands && next !== undefined && !next.startsWith('--');
    if (takesNext) position += 1;
    const name = names.includes(stated) ? stated : etcdFlag?.name;
    if (name === undefined) {
      problems.push({
        source: null,
        message: unknownName(`--${stated}`, nearestName(stated, names), flagOf),
      });
      continue;
    }
    const value = assigned ?? (takesNext ? next : stands ? 'true' : undefined);
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
