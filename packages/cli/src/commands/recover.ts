import { createInterface } from 'node:readline/promises';
import { resolve } from 'node:path';
import { forceNewCluster, type LostQuorum } from '@quorate/server';
import { StorageError } from '@quorate/storage';
import { NodeFileSystem } from '@quorate/storage/node';
import type { Command } from 'commander';
import { CliError, usageError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { formatId } from '../format/units.ts';
import { write, writeJson } from '../output.ts';

type RecoverOptions = {
  readonly forceNewCluster?: boolean;
  readonly dataDir: string;
  readonly yes?: boolean;
  readonly json?: boolean;
};

const description = `Makes one member of a cluster that has lost its majority for good the only member of a new cluster.

For the case that nothing else helps: if enough members can be started again, do that; if there is a backup that is new enough, restoring it may lose less. Writes that were acknowledged by members that are lost, and that this member does not have, are lost; writes that nobody was told about may take effect. Choose the member with the highest APPLIED and COMMITTED in "quorate status", or the longest log.

Works on the data directory of a member that does not run, and asks before it changes anything. The member keeps its name, its keys and its revisions; the cluster gets another id, so that members of the old one are refused if they come back. Start the member as before, then remove the data of the others and add them with "quorate member add".`;

/** `quorate recover` */
export function addRecover(program: Command, context: Context): void {
  program
    .command('recover')
    .summary('begin anew with one member, when the majority is lost for good')
    .description(description)
    .requiredOption('--force-new-cluster', 'do it: there is nothing else that this command does')
    .requiredOption('--data-dir <dir>', 'the data directory of the member that goes on')
    .option('--yes', 'do not ask')
    .option('--json', 'print JSON')
    .action(async (options: RecoverOptions) => recover(options, context));
}

async function recover(options: RecoverOptions, context: Context): Promise<void> {
  const path = resolve(context.directory, options.dataDir);
  try {
    const forced = await forceNewCluster({
      fileSystem: new NodeFileSystem(),
      path,
      random: { integer: (bound) => Math.floor(Math.random() * bound) },
      confirm: async (lost) => {
        await write(context.stderr, warning(lost));
        return options.yes === true || ask(context);
      },
    });
    if (forced === null) throw new CliError('nothing was changed');
    const clusterId = formatId(forced.clusterId);
    if (options.json === true) {
      await writeJson(context.stdout, { ...forced, memberId: formatId(forced.memberId), clusterId });
      return;
    }
    const text = `${forced.name} is the only member of the new cluster ${clusterId}: start it as before, then add the others as new members\n`;
    await write(context.stdout, text);
  } catch (error) {
    if (error instanceof StorageError) throw new CliError(error.message, { cause: error });
    throw error;
  }
}

function warning({ name, members, lastIndex, commitIndex }: LostQuorum): string {
  const others = members.filter((member) => member !== name);
  return [
    `${name} becomes the only member of a new cluster. Before you agree:`,
    `- ${others.length === 0 ? 'It had no other members.' : `${others.join(' and ')} must never run with the data that they have again.`}`,
    `- Its log ends with entry ${lastIndex}. Later writes are lost, also those that clients were told are done.`,
    `- ${uncertainty(lastIndex - commitIndex)}`,
    '',
  ].join('\n');
}

function uncertainty(uncertain: number): string {
  if (uncertain === 0) return 'All of its entries are known to be committed.';
  const entries = uncertain === 1 ? 'its last entry was' : `its last ${uncertain} entries were`;
  return `Whether ${entries} committed is not known: writes that nobody was told about may take effect.`;
}

async function ask({ stdin, stderr }: Context): Promise<boolean> {
  if (stdin.isTTY !== true) throw usageError('there is nobody to ask: --yes says that you agree');
  const prompt = createInterface({ input: stdin, output: stderr });
  try {
    return (await prompt.question('Type "yes" to go on: ')).trim() === 'yes';
  } finally {
    prompt.close();
  }
}
