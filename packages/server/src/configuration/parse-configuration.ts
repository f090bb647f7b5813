import { readCommandLine } from './command-line.ts';
import { ConfigurationError, type ConfigurationProblem, MalformedValue } from './configuration-error.ts';
import {
  configurationFileMaxBytes,
  readConfigurationFile,
  type ConfigurationFile,
} from './configuration-file.ts';
import { etcdFlags, findEtcdFlag } from './etcd-flags.ts';
import { nearestName } from './nearest-name.ts';
import { environmentVariableOf, etcdVariableOf, flagOf } from './option.ts';
import { configFileOption, options, type OptionKey, quotaWarnBytes, type StatedOptions } from './options.ts';
import { completeConfiguration, type ServerConfiguration } from './server-configuration.ts';
import { anyText, type ValueType } from './value-type.ts';

/** Where a configuration comes from. */
export type ConfigurationSources = {
  /** The arguments after the command: `['--name', 'n1']`. */
  readonly flags: readonly string[];
  /** The environment; variables that do not start with `QUORATE_` or `ETCD_` are left alone. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Reads the file that `config-file` names. */
  readonly readFile: (path: string) => Buffer;
};

export type ParsedConfiguration = {
  readonly configuration: ServerConfiguration;
  /**
   * What is probably a mistake but stops nobody, one line each: a `QUORATE_` variable that looks misspelt, a flag
   * of etcd that changes nothing, a very large quota.
   */
  readonly warnings: readonly string[];
};

const optionNames = Object.values(options).map((option) => option.name);
const etcdOnly = etcdFlags.map((flag) => flag.name).filter((name) => !optionNames.includes(name));

/**
 * Reads the configuration of one member. A flag goes before an environment variable, `QUORATE_` before `ETCD_`,
 * that before the file, and that before the default. Throws `ConfigurationError` with everything that is wrong.
 */
export function parseConfiguration(sources: ConfigurationSources): ParsedConfiguration {
  const { environment } = sources;
  const commandLine = readCommandLine(sources.flags, [...optionNames, configFileOption.name]);
  const problems: ConfigurationProblem[] = [...commandLine.problems];
  const path =
    commandLine.values.get(configFileOption.name) ??
    environment[environmentVariableOf(configFileOption)] ??
    etcdVariable(configFileOption.name, environment)?.value;
  const file = path === undefined ? emptyFile : readFile(path, sources.readFile);
  problems.push(...file.problems);

  const said = { flags: commandLine.values, environment, file };
  const stated: Partial<Record<OptionKey, unknown>> = {};
  for (const [key, option] of Object.entries(options) as [OptionKey, (typeof options)[OptionKey]][]) {
    const statement = findStatement(option.name, said);
    if (statement === null) continue;
    stated[key] = parse(statement.source, () => statement.read(option.type), problems);
  }
  const idleFlags = checkEtcdFlags(said, problems);
  if (problems.length > 0) throw new ConfigurationError(problems);
  const configuration = completeConfiguration(stated as StatedOptions);
  return {
    configuration,
    warnings: [...misspeltVariables(environment), ...idleFlags, ...boldChoices(configuration)],
  };
}

/** Everything that was said, by whom. */
type Said = {
  readonly flags: ReadonlyMap<string, string>;
  readonly environment: ConfigurationSources['environment'];
  readonly file: ConfigurationFile;
};

/** What was said about one option, and where. */
type Statement = { readonly source: string; readonly read: (type: ValueType<unknown>) => unknown };

/** The statement about an option, or a flag of etcd, that counts; null if there is none. */
function findStatement(name: string, { flags, environment, file }: Said): Statement | null {
  const flag = flags.get(name);
  if (flag !== undefined) return { source: flagOf({ name }), read: (type) => type.parseText(flag) };
  const variable = environmentVariableOf({ name });
  const value = environment[variable];
  if (value !== undefined) return { source: variable, read: (type) => type.parseText(value) };
  const etcds = etcdVariable(name, environment);
  if (etcds !== null) return { source: etcds.variable, read: (type) => type.parseText(etcds.value) };
  const entry = file.values.get(name);
  if (entry !== undefined) return { source: entry.source, read: (type) => type.parseFileValue(entry.value) };
  return null;
}

/** What etcd's variable for a flag says. Empty ones say nothing to etcd, and others are none of etcd's. */
function etcdVariable(
  name: string,
  environment: ConfigurationSources['environment'],
): { readonly variable: string; readonly value: string } | null {
  if (findEtcdFlag(name) === null && name !== configFileOption.name) return null;
  for (const spelling of [name, `experimental-${name}`]) {
    const variable = etcdVariableOf(spelling);
    const value = environment[variable];
    if (value !== undefined && value !== '') return { variable, value };
  }
  return null;
}

/** Flags of etcd that are no options: what cannot be done is a problem; the rest changes nothing, which is returned. */
function checkEtcdFlags(said: Said, problems: ConfigurationProblem[]): readonly string[] {
  const warnings: string[] = [];
  for (const flag of etcdFlags) {
    if (flag.kind === 'same' || flag.kind === 'differs') continue;
    const statement = findStatement(flag.name, said);
    if (statement === null) continue;
    const value = parse(statement.source, () => statement.read(anyText), problems);
    if (value === undefined || value === '' || value === flag.default) continue;
    if (flag.kind === 'idle') {
      warnings.push(`${statement.source} changes nothing: ${flag.note}`);
    } else {
      const only = flag.default === '' ? 'leave it out' : `it can only be ${flag.default}`;
      problems.push({ source: statement.source, message: `is not supported: ${flag.note}; ${only}` });
    }
  }
  return warnings;
}

/** What is allowed, and yet worth a second thought. */
function boldChoices({ quotaBackendBytes }: ServerConfiguration): readonly string[] {
  if (quotaBackendBytes <= quotaWarnBytes) return [];
  const { name } = options.quotaBackendBytes;
  return [
    `${name} is above 8GiB: the index of all keys is in memory, and starting and joining read everything`,
  ];
}

const emptyFile: ConfigurationFile = { values: new Map(), problems: [] };

function readFile(path: string, read: (path: string) => Buffer): ConfigurationFile {
  let content: Buffer;
  try {
    content = read(path);
  } catch (error) {
    const message = `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    return { values: new Map(), problems: [{ source: `configuration file ${path}`, message }] };
  }
  if (content.byteLength > configurationFileMaxBytes) {
    const message = `has ${content.byteLength} bytes; a configuration file has at most ${configurationFileMaxBytes}`;
    return { values: new Map(), problems: [{ source: path, message }] };
  }
  return readConfigurationFile(path, content.toString('utf8'), [...optionNames, ...etcdOnly]);
}

function parse(source: string, read: () => unknown, problems: ConfigurationProblem[]): unknown {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof MalformedValue)) throw error;
    problems.push({ source, message: error.message });
    return undefined;
  }
}

/**
 * Variables that differ from an option's in a letter or two. Others are left alone: Kubernetes, for one,
 * sets `QUORATE_SERVICE_HOST` for a service called quorate, and the client has variables of its own.
 */
function misspeltVariables(environment: ConfigurationSources['environment']): readonly string[] {
  const known = new Set(
    [...optionNames, configFileOption.name].map((name) => environmentVariableOf({ name })),
  );
  const warnings: string[] = [];
  for (const variable of Object.keys(environment)) {
    if (!variable.startsWith('QUORATE_') || known.has(variable)) continue;
    const nearest = nearestName(variable.slice('QUORATE_'.length), optionNames);
    if (nearest === null) continue;
    warnings.push(`${variable} is no option; did you mean ${environmentVariableOf({ name: nearest })}?`);
  }
  return warnings;
}
