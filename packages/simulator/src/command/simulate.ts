import { drawPlan, type PlanChoices } from '../plan/draw-plan.ts';
import { faultText } from '../plan/fault.ts';
import type { RunPlan } from '../plan/plan.ts';
import { type RunResult, runPlan } from '../run/run-plan.ts';
import { findScenario } from '../scenarios/scenarios.ts';
import { shrink, type Shrunk } from '../shrink/shrink.ts';
import { checkoutCommit } from './checkout.ts';
import { ProgressBar } from './progress-bar.ts';
import { replayCommand } from './replay-command.ts';
import type { SimulateOptions } from './simulate-options.ts';
import { Tally } from './tally.ts';

/** How long to look for a smaller run. */
const SHRINK_MAX_MS = 60_000;
/** A violation is told in all detail if that takes no more lines than this. */
const DETAIL_MAX_LINES = 300;

/** Where the output goes. */
export type Streams = { readonly out: NodeJS.WriteStream; readonly progress: NodeJS.WriteStream };

/** Runs seed after seed. Resolves with the exit code: 0 if no run violated a property. */
export async function simulate(options: SimulateOptions, streams: Streams): Promise<0 | 1> {
  const startedMs = performance.now();
  const elapsedMs = (): number => performance.now() - startedMs;
  const limitMs = options.minutes === null ? Number.POSITIVE_INFINITY : options.minutes * 60_000;
  const tally = new Tally();
  const bar = new ProgressBar(streams.progress, () =>
    Math.max(tally.figures.runs / options.seeds, elapsedMs() / limitMs),
  );
  for (let count = 0; count < options.seeds && elapsedMs() < limitMs; count += 1) {
    const seed = options.start + count;
    const result = await runPlan(planOf(seed, options, options.choices), options.trace);
    tally.add(result);
    bar.update(tally.progress(elapsedMs()), elapsedMs());
    if (options.trace !== 'off' && !options.json) {
      bar.clear();
      streams.out.write(`${storyOf(result)}\n`);
    }
    if (result.violation !== null) {
      bar.clear();
      await reportViolation(result, options, tally, elapsedMs(), streams);
      return 1;
    }
  }
  bar.clear();
  streams.out.write(
    options.json
      ? `${JSON.stringify({ commit: checkoutCommit(), elapsedMs: elapsedMs(), ...tally.figures, violation: null })}\n`
      : `${tally.describe(elapsedMs())}\nno violation, at commit ${checkoutCommit()}\n`,
  );
  return 0;
}

function planOf(seed: number, { scenario }: SimulateOptions, choices: PlanChoices): RunPlan {
  return scenario === null ? drawPlan(seed, choices) : findScenario(scenario).plan(seed);
}

async function reportViolation(
  found: RunResult,
  options: SimulateOptions,
  tally: Tally,
  elapsedMs: number,
  streams: Streams,
): Promise<void> {
  const { seed } = found.plan;
  const shrunk =
    options.shrink && options.scenario === null ? await shrinkFound(found, options, streams) : null;
  const choices = shrunk?.choices ?? options.choices;
  const plan = planOf(seed, options, choices);
  const detailed = await runPlan(plan, 'detail');
  const told = detailed.trace.length <= DETAIL_MAX_LINES ? detailed : await runPlan(plan, 'story');
  const replay =
    options.scenario === null
      ? replayCommand(seed, choices)
      : `npm run simulate -- --scenario ${options.scenario} --start ${seed} --seeds 1 --trace`;
  if (options.json) {
    const { violation, trace } = told;
    streams.out.write(
      `${JSON.stringify({ commit: checkoutCommit(), elapsedMs, ...tally.figures, violation, plan, replay, trace })}\n`,
    );
    return;
  }
  const size = shrunk === null ? '' : `, after ${shrunk.attempts} attempts at a smaller run`;
  streams.out.write(
    [
      '',
      storyOf(told),
      '',
      told.violation === null
        ? `The run with seed ${seed} cannot be repeated: it depends on more than its seed. It had ended with ${found.violation?.explanation}`
        : `VIOLATION of ${told.violation.property} with seed ${seed} at commit ${checkoutCommit()}${size}`,
      '',
      tally.describe(elapsedMs),
      '',
      `replay: ${replay}`,
      '',
    ].join('\n'),
  );
}

async function shrinkFound(found: RunResult, options: SimulateOptions, streams: Streams): Promise<Shrunk> {
  const startedMs = performance.now();
  if (!options.json) {
    streams.out.write(
      `\n${found.violation?.property} is violated with seed ${found.plan.seed}: looking for a smaller run\n`,
    );
  }
  return shrink(
    { choices: options.choices, result: found },
    (choices) => runPlan(drawPlan(found.plan.seed, choices), 'off'),
    () => performance.now() - startedMs < SHRINK_MAX_MS,
  );
}

/** The plan in a few lines, and what happened. */
function storyOf({ plan, trace, figures }: RunResult): string {
  const { members, mode, reads, engine, workload, network, disk } = plan;
  return [
    `seed ${plan.seed}: ${members} members, ${mode}, ${reads} reads, ${engine} engine, ${plan.preVote ? '' : 'no '}pre-vote, election timeout ${plan.electionTimeoutTicks} x ${plan.tickMs} ms`,
    `  workload ${workload.name}: ${workload.clients} clients, ${workload.keys} keys, deadline ${workload.deadlineMs} ms`,
    `  network ${JSON.stringify(network)}`,
    `  disk ${JSON.stringify(disk)}, clock rates ${plan.clockRates.map((rate) => rate.toFixed(3)).join(' ')}`,
    ...plan.faults.map((fault) => `  at ${(fault.atMs / 1000).toFixed(3)} s: ${faultText(fault)}`),
    ...trace,
    `  ${figures.events} events, ${JSON.stringify(figures.operations)} operations, ${JSON.stringify(figures.messages)} messages`,
  ].join('\n');
}
