import type { History } from '../history.ts';
import type { Model } from '../model.ts';

/**
 * The definition of linearizability, word for word: tries every order of every choice of unanswered operations.
 * For histories of eight operations or so; the measure of the real checker.
 */
export function isLinearizableByDefinition<State, Operation, Result>(
  model: Model<State, Operation, Result>,
  history: History<Operation, Result>,
): boolean {
  const extend = (state: State, rest: History<Operation, Result>): boolean => {
    if (rest.every((record) => record.return === null)) return true;
    return rest.some((record, position) => {
      const mayComeFirst = rest.every((other) => other.return === null || other.return >= record.invoke);
      if (!mayComeFirst) return false;
      const next = model.step(state, record.operation, record.result);
      return next !== null && extend(next, rest.toSpliced(position, 1));
    });
  };
  return extend(model.initial, history);
}
