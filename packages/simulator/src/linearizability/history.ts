/**
 * One call of a client, as the client saw it.
 *
 * `invoke` and `return` are points on one clock that all clients share. Two calls are ordered only if the one
 * returned strictly before the other was invoked; equal times count as overlap, which can hide a violation but
 * never invents one. A recorder that numbers its events one by one loses nothing.
 */
export type OperationRecord<Operation, Result> = {
  readonly client: number;
  readonly invoke: number;
  /**
   * Null if the client never learnt the outcome (time-out, lost connection): the operation may take effect at
   * any time after `invoke`, even after the end of the history, or never, but not twice. A call that is known
   * to have had no effect has no place in a history.
   */
  readonly return: number | null;
  readonly operation: Operation;
  /** Null exactly if `return` is. */
  readonly result: Result | null;
};

export type History<Operation, Result> = readonly OperationRecord<Operation, Result>[];
