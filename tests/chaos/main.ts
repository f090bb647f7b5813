import { checkoutCommit, ProgressBar } from '@quorate/simulator';
import { type ChaosOptions, commandOf, parseChaosOptions } from './chaos-options.ts';
import { type ChaosFigures, type ChaosOutcome, ChaosRun } from './chaos-run.ts';
import { drawSchedule, type Fault, faultText } from './schedule.ts';

// Whoever reads the output may stop early, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') {
    throw error;
  }
  process.exit(0);
});
// Members end with this process, but only if it ends itself.
process.once('SIGINT', () => process.exit(130));

const options = parseChaosOptions(process.argv.slice(2));
const faults = drawSchedule({
  seed: options.seed,
  members: options.members,
  durationMs: options.minutes * 60_000,
  kinds: options.faults,
});
process.exitCode = options.dryRun ? printSchedule(faults) : await chaos(options, faults);

function printSchedule(schedule: readonly Fault[]): 0 {
  process.stdout.write(`${schedule.map(faultText).join('\n')}\nseed ${options.seed}\n`);
  return 0;
}

async function chaos(chosen: ChaosOptions, schedule: readonly Fault[]): Promise<0 | 1> {
  const startedMs = performance.now();
  const elapsedMs = (): number => performance.now() - startedMs;
  const bar = new ProgressBar(process.stderr, () => elapsedMs() / (chosen.minutes * 60_000));
  const print = (line: string): void => {
    bar.clear();
    process.stdout.write(`${line}\n`);
  };
  print(`${commandOf(chosen)}  (commit ${checkoutCommit()})`);
  await using run = await ChaosRun.start(chosen, (line) => print(`  ${line}`));
  const ticker = setInterval(() => bar.update(run.progress(), elapsedMs()), 200);
  let outcome: ChaosOutcome;
  try {
    outcome = await run.run(schedule);
  } finally {
    clearInterval(ticker);
  }
  print('');
  print(describe(outcome.figures, elapsedMs()));
  const failed = outcome.checks.filter(({ problem }) => problem !== null);
  for (const { property, problem } of outcome.checks) {
    print(problem === null ? `ok: ${property}` : `VIOLATED: ${property}\n${problem}`);
  }
  if (failed.length > 0 || chosen.keep) {
    run.cluster.keepDirectory();
    print(`data, logs and history.jsonl are in ${run.cluster.directory}`);
  }
  if (failed.length > 0) {
    print(`the same faults and calls once more: ${commandOf(chosen)} --keep`);
  }
  // The last line, which `.ci/run` reads, so the cluster ends before it.
  await run[Symbol.asyncDispose]();
  print(`${outcome.checks.length - failed.length} passed, ${failed.length} failed`);
  return failed.length === 0 ? 0 : 1;
}

function describe(figures: ChaosFigures, elapsedMs: number): string {
  const kinds = [...figures.faults].map(([kind, count]) => `${kind} ${count}`);
  const failures = [...figures.failures].map(([code, count]) => `${code} ${count}`);
  const recovery = figures.recoveryMs === null ? 'never' : `${(figures.recoveryMs / 1000).toFixed(1)} s`;
  return [
    `${(elapsedMs / 1000).toFixed(0)} s, ${figures.revision} revisions, term ${figures.term}`,
    `calls: ${figures.answered} answered, ${figures.unknown} with unknown outcome, ${figures.failed} failed without effect (${failures.join(', ')})`,
    `faults: ${kinds.join(', ') || 'none'}`,
    `processes: ${figures.killed} killed, ${figures.restarted} restarted, ${figures.skipped} left alone as others dealt with them; ${figures.snapshots} snapshots fetched; ${figures.chunks} pieces of data through proxies`,
    `live again after ${recovery}, history judged in ${(figures.judgeMs / 1000).toFixed(1)} s`,
  ].join('\n');
}
