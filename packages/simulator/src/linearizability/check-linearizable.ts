import type { History } from './history.ts';
import type { Model } from './model.ts';
import { LinearizationSearch, type SearchLimits } from './search.ts';
import { arrange } from './timeline.ts';
import { describeViolation, type Violation } from './violation.ts';

/** What the checker found. Only `linearizable` is a pass. */
export type Verdict<State, Operation, Result> = CheckWork &
  (
    | { readonly kind: 'linearizable' }
    | { readonly kind: 'violation'; readonly violation: Violation<State, Operation, Result> }
    /** The search reached its limit first: nothing is known about the history. */
    | { readonly kind: 'undecided'; readonly limit: keyof SearchLimits; readonly reason: string }
  );

export type CheckWork = {
  readonly operations: number;
  readonly steps: number;
  readonly configurations: number;
};

/** About ten seconds and a gigabyte at worst. */
export const defaultSearchLimits: SearchLimits = { stepsMax: 20_000_000, configurationsMax: 2_000_000 };

/**
 * Judges whether the operations can have taken effect one after the other, each between its invocation and its
 * return (Herlihy and Wing, 1990). The work is bounded by `limits`; a search that hits them says so.
 */
export function checkLinearizable<State, Operation, Result>(
  model: Model<State, Operation, Result>,
  history: History<Operation, Result>,
  limits: SearchLimits = defaultSearchLimits,
): Verdict<State, Operation, Result> {
  const timeline = arrange(history);
  const outcome = new LinearizationSearch(model, history, timeline, limits).run();
  const work = { operations: history.length, steps: outcome.steps, configurations: outcome.configurations };
  switch (outcome.kind) {
    case 'linearizable':
      return { kind: 'linearizable', ...work };
    case 'violation':
      return { kind: 'violation', violation: describeViolation(model, history, timeline, outcome), ...work };
    case 'undecided':
      return {
        kind: 'undecided',
        limit: outcome.limit,
        reason: `gave up at ${outcome.limit} ${limits[outcome.limit]}, after ${outcome.position} of ${timeline.returns.length} returns`,
        ...work,
      };
  }
}

/**
 * Judges each object on its own. Sound and complete for objects that share no operation: a history is
 * linearizable exactly if its part about each object is (Herlihy and Wing, theorem 1). The first part that is
 * not decides; the limits hold for each part.
 */
export function checkEachPart<State, Operation, Result>(
  parts: Iterable<{ model: Model<State, Operation, Result>; history: History<Operation, Result> }>,
  limits: SearchLimits = defaultSearchLimits,
): Verdict<State, Operation, Result> {
  let work: CheckWork = { operations: 0, steps: 0, configurations: 0 };
  let undecided: Verdict<State, Operation, Result> | null = null;
  for (const part of parts) {
    const verdict = checkLinearizable(part.model, part.history, limits);
    work = {
      operations: work.operations + verdict.operations,
      steps: work.steps + verdict.steps,
      configurations: work.configurations + verdict.configurations,
    };
    if (verdict.kind === 'violation') return { ...verdict, ...work };
    if (verdict.kind === 'undecided') undecided ??= verdict;
  }
  return undecided === null ? { kind: 'linearizable', ...work } : { ...undecided, ...work };
}
