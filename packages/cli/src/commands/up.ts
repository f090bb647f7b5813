import { relative, resolve } from 'node:path';
import { options as serverOptions } from '@quorate/server';
import type { Command } from 'commander';
import { usageError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { counted, parseCount } from '../format/units.ts';
import { portsOf, settleShape, writeClusterFiles } from '../up/cluster-plan.ts';
import { LocalCluster } from '../up/local-cluster.ts';
import { checkPortFree } from '../up/port-check.ts';
import { StopSignals } from '../up/stop-signals.ts';
import { readVersion } from '../version.ts';

type UpOptions = {
  readonly members?: string;
  readonly dataDir: string;
  readonly engine?: string;
  readonly replication?: string;
  readonly basePort?: string;
};

const description = `Runs a cluster on this machine, each member a process of its own, until Ctrl-C or SIGTERM.

Members serve clients on 127.0.0.1, ports 2379, 22379, 32379, 42379 and 52379, and each other on the next port. The data stays when the cluster stops; started again in the same directory, it goes on as it was. A member that dies is reported, and stays down until it is started again. Environment variables such as QUORATE_LOG_LEVEL or QUORATE_ELECTION_TIMEOUT are passed on to the members.`;

/** `quorate up` */
export function addUp(program: Command, context: Context): void {
  program
    .command('up')
    .summary('run a cluster on this machine')
    .description(description)
    .option('-m, --members <n>', 'how many members: 1, 3 or 5 (default: as before, at first 3)')
    .option('-d, --data-dir <dir>', 'where data and logs are kept', './quorate-data')
    .option('--engine <engine>', `${choices(serverOptions.engine)} (default: as before, at first sqlite)`)
    .option(
      '--replication <mode>',
      `${choices(serverOptions.replication)} (default: as before, at first pipelined)`,
    )
    .option('--base-port <port>', 'use the ports from this one on instead, two for each member')
    .action(async (options: UpOptions) => up(options, context));
}

async function up(options: UpOptions, context: Context): Promise<void> {
  const directory = resolve(context.directory, options.dataDir);
  const shape = await settleShape(directory, {
    members: parseMembers(options.members),
    basePort: options.basePort === undefined ? undefined : parseCount('--base-port', options.basePort, 1),
    engine: options.engine,
    replication: options.replication,
  });
  // Before anything is written: a cluster cannot change its ports once it has data.
  for (const { client, peer } of portsOf(shape)) {
    await checkPortFree(client);
    await checkPortFree(peer);
  }
  const plans = await writeClusterFiles(directory, shape);
  const data = relative(context.directory, directory) || directory;
  const size = counted(shape.members, 'member');
  context.stdout.write(
    `quorate ${readVersion()}: ${size}, engine ${shape.engine}, replication ${shape.replication}, data in ${data}\n\n`,
  );
  using signals = new StopSignals();
  await new LocalCluster({ plans, directory, signals, context }).run();
}

function parseMembers(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (text === '1' || text === '3' || text === '5') return Number(text);
  throw usageError(`--members must be 1, 3 or 5, not ${JSON.stringify(text)}`);
}

/** The values that an option of the server takes, without the marks of Markdown. */
function choices(option: { readonly type: { readonly description: string } }): string {
  return option.type.description.replaceAll('`', '');
}
