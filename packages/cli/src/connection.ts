import { QuorateClient, QuorateError } from '@quorate/client';
import type { Command } from 'commander';
import { usageError } from './cli-error.ts';
import type { Context } from './context.ts';
import { parseDuration } from './format/units.ts';

/** What every command that talks to a cluster takes. */
export type ConnectionOptions = {
  readonly endpoints?: string;
  readonly timeout?: string;
};

export const defaultEndpoints = '127.0.0.1:2379';

/** How often a command tries again after a pause: it should tell soon that nobody is there. */
const retriesMax = 3;

/** Gives commands their clients. The shell keeps one open over many commands. */
export type ClientSource = {
  /** Runs `work` with a client for these options; closes the client afterwards unless it is kept. */
  use<Result>(
    options: ConnectionOptions,
    context: Context,
    work: (client: QuorateClient) => Promise<Result>,
  ): Promise<Result>;
};

/** Adds the options that say which cluster is meant. */
export function withConnection(command: Command): Command {
  return command
    .option('-e, --endpoints <list>', endpointsHelp)
    .option('--timeout <duration>', 'give up after this time: 500ms, 5s, 1m (default: 5s)');
}

/** Lets the same options stand before the command's name as well, as etcdctl does. Behind it they count more. */
export function takeConnectionFromProgram(program: Command): void {
  withConnection(program.enablePositionalOptions()).hook('preAction', (_program, command) => {
    for (const name of ['endpoints', 'timeout']) {
      const value: unknown = program.getOptionValue(name);
      if (value !== undefined && command.getOptionValue(name) === undefined) {
        command.setOptionValue(name, value);
      }
    }
  });
}

const endpointsHelp = `members to talk to: host:port, separated by commas (default: $QUORATE_ENDPOINTS, or ${defaultEndpoints})`;

/** The endpoints that are meant, as the option, the environment or the default has them. */
export function endpointsOf(options: ConnectionOptions, context: Context): string {
  return options.endpoints ?? (context.environment['QUORATE_ENDPOINTS'] || defaultEndpoints);
}

/** Makes a client. An endpoint that makes no sense is a usage error. */
export function openClient(options: ConnectionOptions, context: Context): QuorateClient {
  const timeoutMs = parseDuration(options.timeout ?? '5s');
  try {
    return new QuorateClient({ endpoints: endpointsOf(options, context), timeoutMs, retry: { retriesMax } });
  } catch (error) {
    if (error instanceof QuorateError) throw usageError(error.message, error.hint ?? undefined);
    throw error;
  }
}

/** A client for each command. */
export const clientPerCommand: ClientSource = {
  async use(options, context, work) {
    await using client = openClient(options, context);
    return await work(client);
  },
};

/** What commands are made from. */
export type CommandParts = { readonly context: Context; readonly clients: ClientSource };
