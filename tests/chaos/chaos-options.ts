import { randomInt } from 'node:crypto';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type FaultKind, faultKinds } from './schedule.ts';

export type ChaosOptions = {
  /** How long faults go on. */
  readonly minutes: number;
  readonly members: number;
  readonly seed: number;
  readonly engine: 'sqlite' | 'lmdb' | 'memory';
  readonly replication: 'pipelined' | 'vanilla';
  readonly reads: 'read-index' | 'lease';
  readonly faults: readonly FaultKind[];
  /** Leave data, logs and history where they are, also if nothing was found. */
  readonly keep: boolean;
  /** Only print the schedule. */
  readonly dryRun: boolean;
};

/** Parses the arguments after the script's name. Prints help or what is wrong and exits, as commander does. */
export function parseChaosOptions(argv: readonly string[]): ChaosOptions {
  const command = new Command('chaos')
    .description(
      'Starts a cluster of real processes, does harm to them and to their network, and judges what clients saw.',
    )
    .option('--minutes <minutes>', 'how long faults go on', minutesOf, 1)
    .addOption(
      new Option('--members <count>').choices(['1', '3', '5', '7', '9']).default('3').argParser(String),
    )
    .option('--seed <seed>', 'draws faults and calls (default: a random one, which is printed)', integerOf)
    .addOption(new Option('--engine <engine>').choices(['sqlite', 'lmdb', 'memory']).default('sqlite'))
    .addOption(new Option('--replication <mode>').choices(['pipelined', 'vanilla']).default('pipelined'))
    .addOption(
      new Option('--reads <mode>', 'of linearizable reads')
        .choices(['read-index', 'lease'])
        .default('read-index'),
    )
    .option('--faults <kinds>', `"all", "none", or some of: ${faultKinds.join(', ')}`, faultsOf, faultKinds)
    .option('--keep', 'leave data, logs and history where they are', false)
    .option('--dry-run', 'only print the schedule of faults', false);
  command.parse([...argv], { from: 'user' });
  const { members, seed, ...rest } = command.opts<
    Omit<ChaosOptions, 'members' | 'seed'> & { members: string; seed?: number }
  >();
  return { ...rest, members: Number(members), seed: seed ?? randomInt(1, 1_000_000) };
}

/** The command that draws the same faults and calls once more. Timing is up to the machine. */
export function commandOf(options: ChaosOptions): string {
  const faults = options.faults.length === faultKinds.length ? 'all' : options.faults.join(',') || 'none';
  return [
    `npm run chaos -- --minutes ${options.minutes}`,
    `--members ${options.members}`,
    `--seed ${options.seed}`,
    `--engine ${options.engine}`,
    `--replication ${options.replication}`,
    `--reads ${options.reads}`,
    `--faults ${faults}`,
  ].join(' ');
}

function integerOf(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError('It must be an integer of 0 or more.');
  }
  return value;
}

function minutesOf(text: string): number {
  const value = Number(text);
  if (!(value > 0)) {
    throw new InvalidArgumentError('It must be a number above 0.');
  }
  return value;
}

function faultsOf(text: string): readonly FaultKind[] {
  if (text === 'all' || text === 'none') {
    return text === 'all' ? faultKinds : [];
  }
  return text.split(',').map((name) => {
    const kind = faultKinds.find((candidate) => candidate === name);
    if (kind === undefined) {
      throw new InvalidArgumentError(`There is no kind of fault "${name}".`);
    }
    return kind;
  });
}
