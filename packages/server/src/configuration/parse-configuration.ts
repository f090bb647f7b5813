import { readCommandLine } from './command-line.ts';
import { ConfigurationError, type ConfigurationProblem, MalformedValue } from './configuration-error.ts';
import {
  configurationFileMaxBytes,
  readConfigurationFile,
  type ConfigurationFile,
} from './configuration-file.ts';
import { nearestName } from './nearest-name.ts';
import { environmentVariableOf, flagOf } from './option.ts';
import { configFileOption, options, type OptionKey, quotaWarnBytes, type StatedOptions } from './options.ts';
import { completeConfiguration, type ServerConfiguration } from './server-configuration.ts';
import type { ValueType } from './value-type.ts';

/** Where a configuration comes from. */
export type ConfigurationSources = {
  /** The arguments after the command: `['--name', 'n1']`. */
  readonly flags: readonly string[];
  /** The environment; variables that do not start with `QUORATE_` are left alone. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Reads the file that `config-file` names. */
  readonly readFile: (path: string) => Buffer;
};

export type ParsedConfiguration = {
  readonly configuration: ServerConfiguration;
  /** What is probably a mistake but stops nobody, one line each: a `QUORATE_` variable that looks misspelt, a very large quota. */
  readonly warnings: readonly string[];
};

const optionNames = Object.values(options).map((option) => option.name);

/**
 * Reads the configuration of one member. A flag goes before an environment variable, that before the file,
 * and that before the default. Throws `ConfigurationError` with everything that is wrong.
 */
export function parseConfiguration(sources: ConfigurationSources): ParsedConfiguration {
  const commandLine = readCommandLine(sources.flags, [...optionNames, configFileOption.name]);
  const problems: ConfigurationProblem[] = [...commandLine.problems];
  const path =
    commandLine.values.get(configFileOption.name) ??
    sources.environment[environmentVariableOf(configFileOption)];
  const file = path === undefined ? emptyFile : readFile(path, sources.readFile);
  problems.push(...file.problems);

  const stated: Partial<Record<OptionKey, unknown>> = {};
  for (const [key, option] of Object.entries(options) as [OptionKey, (typeof options)[OptionKey]][]) {
    const type: ValueType<unknown> = option.type;
    const flag = commandLine.values.get(option.name);
    const variable = sources.environment[environmentVariableOf(option)];
    const entry = file.values.get(option.name);
    if (flag !== undefined) {
      stated[key] = parse(flagOf(option), () => type.parseText(flag), problems);
    } else if (variable !== undefined) {
      stated[key] = parse(environmentVariableOf(option), () => type.parseText(variable), problems);
    } else if (entry !== undefined) {
      stated[key] = parse(entry.source, () => type.parseFileValue(entry.value), problems);
    }
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  const configuration = completeConfiguration(stated as StatedOptions);
  return {
    configuration,
    warnings: [...misspeltVariables(sources.environment), ...boldChoices(configuration)],
  };
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
  return readConfigurationFile(path, content.toString('utf8'), optionNames);
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
