import type { History, OperationRecord } from './history.ts';
import type { Model } from './model.ts';
import type { SearchPoint } from './search-memory.ts';
import type { Timeline } from './timeline.ts';

/** Why a history is not linearizable: the shortest beginning of it that no order explains, and what surrounds its end. */
export type Violation<State, Operation, Result> = {
  /** The operation whose result no order explains; all that returned before it can be explained. */
  readonly failing: OperationRecord<Operation, Result>;
  /** What was running when it returned, itself left out. */
  readonly concurrent: History<Operation, Result>;
  /** One valid order of what was placed before it, oldest first. */
  readonly order: History<Operation, Result>;
  /** The states that the object can have had before the failing operation got stuck; some, if there are very many. */
  readonly states: readonly State[];
  /** All of this in words, for a person. */
  readonly text: string;
};

/** How much of each list the text shows. */
const shownMax = 12;
/** Of how many points the states are compared: there may be very many, and comparing their pasts takes long. */
const comparedMax = 1_000;

export function describeViolation<State, Operation, Result>(
  model: Model<State, Operation, Result>,
  history: History<Operation, Result>,
  timeline: Timeline,
  outcome: {
    readonly position: number;
    readonly reached: readonly SearchPoint<State>[];
    readonly order: readonly number[];
  },
): Violation<State, Operation, Result> {
  const pick = (positions: readonly number[]): History<Operation, Result> =>
    positions.flatMap((position) => history[position] ?? []);
  const { position } = outcome;
  const [failing] = pick(timeline.returns.slice(position, position + 1));
  if (failing === undefined) throw new RangeError('the search did not stop at a return');
  const unknown = timeline.unknown.slice(0, timeline.unknownCount[position] ?? 0);
  const concurrent = pick([...(timeline.open[position] ?? []).slice(1), ...unknown]);
  const order = pick(outcome.order);
  const states = distinct(
    model,
    outcome.reached.map((point) => point.state),
  );
  const line = (record: OperationRecord<Operation, Result>): string => `  ${describeRecord(model, record)}`;
  const text = [
    'No order of the operations explains the result of:',
    line(failing),
    `The ${position} operations that returned before it can be ordered; the store is then one of ${states.length}:`,
    // States that differ in their past alone look the same.
    ...shorten([...new Set(states.map((state) => `  ${model.describeState(state)}`))]),
    order.length === 0 ? 'Nothing was ordered before it.' : 'An order that leads there ends with:',
    ...(order.length > shownMax ? [`  ... ${order.length - shownMax} earlier`] : []),
    ...order.slice(-shownMax).map(line),
    concurrent.length === 0
      ? 'Nothing else was running.'
      : 'Running at the same time, so free to come before or after:',
    ...shorten(concurrent.map(line)),
  ].join('\n');
  return { failing, concurrent, order, states, text };
}

export function describeRecord<State, Operation, Result>(
  model: Model<State, Operation, Result>,
  record: OperationRecord<Operation, Result>,
): string {
  const what = model.describeOperation(record.operation, record.result);
  const until = record.return === null ? 'never answered' : `returned ${record.return}`;
  return `client ${record.client}: ${what}  [invoked ${record.invoke}, ${until}]`;
}

function shorten(lines: readonly string[]): readonly string[] {
  if (lines.length <= shownMax) return lines;
  return [...lines.slice(0, shownMax), `  ... ${lines.length - shownMax} more`];
}

function distinct<State>(model: Model<State, never, never>, states: readonly State[]): readonly State[] {
  const kept: State[] = [];
  for (const state of states.slice(0, comparedMax)) {
    if (!kept.some((known) => known === state || model.equals(known, state))) kept.push(state);
    if (kept.length > shownMax * 10) break;
  }
  return kept;
}
