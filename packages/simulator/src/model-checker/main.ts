import { Command, InvalidArgumentError, Option } from 'commander';
import { boundsPresets, type Bounds, parseBounds } from './bounds.ts';
import { explore, type ExploreReport } from './explore.ts';
import { describeReport, ProgressLine } from './report.ts';

type Options = {
  readonly bounds: readonly NamedBounds[];
  readonly maxStates: number;
  readonly minutes: number;
  readonly symmetry: boolean;
  readonly json?: true;
};

type NamedBounds = { readonly name: string; readonly bounds: Bounds };

// Whoever reads the output may stop early, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const presets = Object.keys(boundsPresets).join(', ');
const command = new Command('model-check')
  .description('Searches every behaviour of the Raft core within bounds, and stops at the first violation.')
  .addOption(
    new Option(
      '--bounds <bounds>',
      `"all" or one of ${presets}, changed by name=value pairs: "durability,crashes=2"`,
    )
      .argParser(namedBoundsOf)
      .default(namedBoundsOf('all'), '"all"'),
  )
  .option('--max-states <count>', 'for each of the bounds', countOf, 1_000_000)
  .option('--minutes <minutes>', 'for each of the bounds', minutesOf, 10)
  .option('--no-symmetry', 'tell states apart that differ only in the names of the members')
  .option('--json', 'print one JSON object for each of the bounds');
command.parse();
process.exitCode = run(command.opts<Options>());

function run(options: Options): 0 | 1 {
  for (const { name, bounds } of options.bounds) {
    const line = new ProgressLine(process.stderr, name, options.maxStates);
    const report = explore({
      bounds,
      limits: { statesMax: options.maxStates, milliseconds: options.minutes * 60_000 },
      symmetric: options.symmetry,
      now: () => performance.now(),
      onProgress: (progress) => line.update(progress),
    });
    line.clear();
    process.stdout.write(options.json === true ? jsonOf(name, report) : `${describeReport(name, report)}\n`);
    if (report.ending.type === 'violation') return 1;
  }
  return 0;
}

function jsonOf(name: string, report: ExploreReport): string {
  return `${JSON.stringify({ name, ...report, memoryBytes: process.memoryUsage().rss })}\n`;
}

function namedBoundsOf(text: string): readonly NamedBounds[] {
  try {
    if (text === 'all') return Object.entries(boundsPresets).map(([name, bounds]) => ({ name, bounds }));
    return [{ name: text, bounds: parseBounds(text) }];
  } catch (error) {
    if (error instanceof RangeError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

function countOf(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be an integer of 1 or more.');
  return value;
}

function minutesOf(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}
