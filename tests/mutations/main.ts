import { Command } from 'commander';
import { describeDetector, detect, type Detection } from './detect.ts';
import type { Mutation } from './mutation.ts';
import { mutations } from './mutations.ts';
import { type Attempt, isCaught, pageOf, tableOf, type Trial } from './trial.ts';

type Options = {
  readonly only?: readonly string[];
  readonly all?: true;
  readonly json?: true;
  readonly page?: true;
};

const command = new Command('mutations')
  .description('Puts deliberate faults into the packages, one at a time, and reports who notices.')
  .option('--only <names...>', 'these mutations')
  .option('--all', 'ask every detector, not only until the first one notices')
  .option('--page', 'print a page for the docs instead of the table')
  .option('--json', 'print one JSON object for each mutation')
  .action(async (options: Options) => {
    process.exitCode = await run(options);
  });
await command.parseAsync();

async function run(options: Options): Promise<0 | 1> {
  const chosen = choose(options.only);
  const trials: Trial[] = [];
  for (const [index, mutation] of chosen.entries()) {
    process.stderr.write(`[${index + 1}/${chosen.length}] ${mutation.name}: ${mutation.fault}\n`);
    const trial = await tryOut(mutation, options.all === true);
    trials.push(trial);
    if (options.json === true) process.stdout.write(`${JSON.stringify(trial)}\n`);
  }
  if (options.page === true) process.stdout.write(pageOf(trials));
  else if (options.json !== true) process.stdout.write(`${tableOf(trials)}\n`);
  const survivors = trials.filter((trial) => !isCaught(trial)).map(({ mutation }) => mutation.name);
  process.stderr.write(
    survivors.length === 0
      ? `all ${trials.length} mutations were caught\n`
      : `SURVIVED: ${survivors.join(', ')}\n`,
  );
  const isSound = trials.every(({ attempts }) =>
    attempts.every(({ detection }) => detection.type !== 'broken'),
  );
  return survivors.length === 0 && isSound ? 0 : 1;
}

function choose(names: readonly string[] | undefined): readonly Mutation[] {
  if (names === undefined) return mutations;
  return names.map((name) => {
    const found = mutations.find((mutation) => mutation.name === name);
    return found ?? command.error(`error: there is no mutation called ${name}: see tests/mutations`);
  });
}

async function tryOut(mutation: Mutation, all: boolean): Promise<Trial> {
  const attempts: Attempt[] = [];
  for (const detector of mutation.detectors) {
    const detection = await detect(mutation, detector);
    attempts.push({ detector, detection });
    process.stderr.write(`    ${describeDetector(detector)}: ${describeDetection(detection)}\n`);
    if (detection.type === 'caught' && !all) break;
  }
  return { mutation, attempts };
}

function describeDetection(detection: Detection): string {
  const took = `${detection.seconds.toFixed(1)} s`;
  switch (detection.type) {
    case 'caught':
      return `caught after ${detection.after}, ${took}: ${oneLine(detection.finding)}`;
    case 'missed':
      return `missed in ${detection.after}, ${took}`;
    case 'broken':
      return `BROKEN, ${took}: ${detection.reason}`;
  }
}

function oneLine(text: string): string {
  const [first = ''] = text.split('\n');
  return first.length > 160 ? `${first.slice(0, 160)}...` : first;
}
