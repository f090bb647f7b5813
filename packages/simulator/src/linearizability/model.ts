/**
 * What the history is judged by: an object as it would behave if one operation ran after the other.
 *
 * States are immutable values. The search keeps many of them, so they should share structure.
 */
export type Model<State, Operation, Result> = {
  readonly initial: State;
  /**
   * The state after `operation`, or null if it cannot answer `result` in this state. With a null result (unknown
   * outcome) any answer will do. Returns the same state object if nothing changes.
   *
   * A model may also answer null where it knows from the rest of the history that this step cannot be part of
   * any valid order, but never otherwise.
   */
  step(state: State, operation: Operation, result: Result | null): State | null;
  /**
   * Whether an operation with this answer changes nothing in any state that gives the answer, as a read or a
   * compare-and-set that failed. The search places such an operation at the first state that answers so, instead
   * of trying every place for it. A write that finds its value there already is no such operation.
   */
  onlyReads(operation: Operation, result: Result): boolean;
  /**
   * Unanswered operations for which this is the same text are interchangeable: in every state they do the same.
   * Null says nothing.
   */
  effect(operation: Operation): string | null;
  /** A 32-bit integer; equal states have equal hashes. */
  hash(state: State): number;
  /** Whether no sequence of operations can tell the two states apart. */
  equals(first: State, second: State): boolean;
  /** One line for the report of a violation. */
  describeState(state: State): string;
  describeOperation(operation: Operation, result: Result | null): string;
};
