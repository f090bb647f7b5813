import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  ConfigurationError,
  isStateDamage,
  configFileOption,
  configurationHelp,
  createLogger,
  etcdVersion,
  flagOf,
  options as serverOptions,
  type ParsedConfiguration,
  parseConfiguration,
  type RunningServer,
  type ServerConfiguration,
  ServerError,
  startServer,
} from '@quorate/server';
import { type Command, Option } from 'commander';
import { CliError } from '../cli-error.ts';
import { helpWidth } from '../command-setup.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import {
  leaveSupervisor,
  type MemberReport,
  reportToSupervisor,
  superviseMember,
} from '../up/supervision.ts';
import { StopSignals } from '../up/stop-signals.ts';
import { readVersion } from '../version.ts';

type ServeOptions = Readonly<Record<string, string | boolean | undefined>>;

const description = `Runs one member of a cluster until it is told to stop by SIGINT (Ctrl-C) or SIGTERM.

Every option is also an environment variable and a key of the configuration file; a flag goes before the variable, and the variable before the file. All members of a new cluster are started with the same --initial-cluster.`;

/** `quorate serve` */
export function addServe(program: Command, context: Context): void {
  const command = program.command('serve').summary('run one member').description(description);
  // The options are declared by the server; their help is its own, so that it is the same everywhere.
  for (const each of [...Object.values(serverOptions), configFileOption]) {
    const flag = `${flagOf(each)} <${each.type.placeholder}>`;
    command.addOption(new Option(flag, each.summary).hideHelp());
  }
  command
    .option('--version', 'print versions as etcd does, and exit')
    .addOption(new Option('--supervised', 'end with the process that started this one').hideHelp())
    .addHelpText('after', () => `\nMember options:\n${configurationHelp(helpWidth(context))}`)
    // The server says what is wrong with options that it does not know.
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async () => {
      const given = command.opts<ServeOptions>();
      if (given['version'] === true) {
        context.stdout.write(versionText());
        return;
      }
      const flags = command.options.flatMap((option) => {
        const value = given[option.attributeName()];
        return typeof value === 'string' ? [`${option.long ?? ''}=${value}`] : [];
      });
      await serve([...flags, ...command.args], given['supervised'] === true, context);
    });
}

/** In the form of `etcd --version`: the first line is what programs read. */
function versionText(): string {
  const { version, platform, arch } = process;
  return `etcd Version: ${etcdVersion}
Quorate Version: ${readVersion()}
Node.js Version: ${version}
OS/Arch: ${platform}/${arch}
`;
}

async function serve(flags: readonly string[], isSupervised: boolean, context: Context): Promise<void> {
  const { configuration, warnings } = configure(flags, context);
  const logger = createLogger(configuration, context.stderr);
  for (const warning of warnings) logger.warn({}, warning);
  using signals = new StopSignals();
  // Someone who asks twice does not want to wait. Nothing is lost: the log is durable.
  void signals.second.then(() => process.exit(1));
  if (!isSupervised) {
    await runMember(configuration, logger, signals.first, null);
    return;
  }
  const stopWanted = superviseMember(signals);
  try {
    await runMember(configuration, logger, stopWanted, reportToSupervisor);
  } finally {
    leaveSupervisor();
  }
}

function configure(flags: readonly string[], context: Context): ParsedConfiguration {
  try {
    return parseConfiguration({
      flags,
      environment: context.environment,
      readFile: (path) => readFileSync(resolve(context.directory, path)),
    });
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new CliError(error.message, { exitCode: exitCodes.usage.code, cause: error });
  }
}

type Report = (report: MemberReport) => void;

/** A state machine that is damaged again after so few milliseconds is not mended by building it once more. */
const repairPauseMs = 60_000;
const repairsMax = 3;

/**
 * Runs a member until `stopWanted` resolves. One whose state machine was damaged is started again, and builds it
 * anew. Rejects if it cannot start, or had to stop itself.
 */
async function runMember(
  configuration: ServerConfiguration,
  logger: ReturnType<typeof createLogger>,
  stopWanted: Promise<void>,
  report: Report | null,
): Promise<void> {
  for (let repairs = 0; ; repairs += 1) {
    const startedMs = performance.now();
    try {
      await runMemberOnce(configuration, logger, stopWanted, report);
      return;
    } catch (error) {
      const cause = error instanceof CliError ? error.cause : error;
      if (performance.now() - startedMs > repairPauseMs) repairs = 0;
      if (!isStateDamage(cause) || repairs >= repairsMax) throw error;
      logger.warn({}, 'starts again, to repair its state machine');
    }
  }
}

async function runMemberOnce(
  configuration: ServerConfiguration,
  logger: ReturnType<typeof createLogger>,
  stopWanted: Promise<void>,
  report: Report | null,
): Promise<void> {
  const starting = new AbortController();
  void stopWanted.then(() => starting.abort());
  let server: RunningServer;
  try {
    server = await startServer(configuration, {
      logger,
      version: readVersion(),
      signal: starting.signal,
    });
  } catch (error) {
    if (starting.signal.aborted) return;
    report?.({ kind: 'refused', message: messageOf(error) });
    throw error instanceof ServerError
      ? new CliError(error.message, { cause: error, exitCode: exitCodeFor(error) })
      : error;
  }
  report?.({ kind: 'up' });
  const watch = report === null ? null : watchLeader(server, report);
  const failure = await Promise.race([server.failed, stopWanted.then(() => null)]);
  if (failure !== null && !isStateDamage(failure)) report?.({ kind: 'failed', message: messageOf(failure) });
  if (watch !== null) clearInterval(watch);
  const closeFailure = await closeServer(server);
  if (failure !== null && closeFailure !== null) {
    // What made the member stop, a full disk say, often keeps it from closing as well: people need the first cause.
    logger.warn({ err: closeFailure }, `could not close everything: ${closeFailure.message}`);
  }
  const cause = failure ?? closeFailure;
  if (cause === null) return;
  throw new CliError(`the member had to stop: ${messageOf(cause)}`, { cause, exitCode: exitCodeFor(cause) });
}

/** Resolves with what went wrong, or null. */
async function closeServer(server: RunningServer): Promise<Error | null> {
  try {
    await server.close();
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** How often it is looked whether the member knows another leader. */
const watchIntervalMs = 100;

/** Reports whom the member takes for the leader, now and whenever that changes. */
function watchLeader(server: RunningServer, report: Report): NodeJS.Timeout {
  let last = '';
  const look = (): void => {
    const { leader, term } = server.status();
    const now = `${leader} ${term}`;
    if (now === last) return;
    last = now;
    report({ kind: 'leader', leader: leader === null ? null : leader.toString(16), term });
  };
  look();
  return setInterval(look, watchIntervalMs);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A service manager can tell by it that starting the member again is of no use. */
function exitCodeFor(error: Error): ExitCode {
  const mustNotRun = 'code' in error && (error.code === 'removed' || error.code === 'data-lost');
  return mustNotRun ? exitCodes.mustNotRun.code : exitCodes.error.code;
}
