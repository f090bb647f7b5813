import type { PlanChoices } from '../plan/draw-plan.ts';
import { drawPlan } from '../plan/draw-plan.ts';
import type { Fault } from '../plan/fault.ts';
import type { RunPlan } from '../plan/plan.ts';

/** A situation in which a store has failed before: a plan for any seed, which leads into it again and again. */
export type Scenario = {
  readonly name: string;
  readonly plan: (seed: number) => RunPlan;
  /** Each must match a line of some run's detailed trace: otherwise the situation did not arise. */
  readonly signs: readonly RegExp[];
};

/** A drawn plan on quick hosts, with these faults instead of drawn ones. */
export function planWith(
  seed: number,
  choices: PlanChoices,
  changes: Partial<Omit<RunPlan, 'seed' | 'faults'>>,
  faults: readonly Fault[],
): RunPlan {
  const drawn = drawPlan(seed, { ...choices, faults: [] });
  const lastFaultMs = Math.max(0, ...faults.map((fault) => fault.atMs));
  return {
    ...drawn,
    durationMs: lastFaultMs + 2000,
    tickMs: 20,
    network: { ...drawn.network, delayMeanUs: 1000 },
    workload: { ...drawn.workload, thinkMeanMs: 20, deadlineMs: 1000 },
    ...changes,
    faults: faults.toSorted((one, other) => one.atMs - other.atMs),
  };
}

/** The same fault every `everyMs`, `count` times. */
export function repeat(
  count: number,
  everyMs: number,
  faultAt: (atMs: number, round: number) => Fault,
): Fault[] {
  return Array.from({ length: count }, (_, round) => faultAt((round + 1) * everyMs, round));
}
