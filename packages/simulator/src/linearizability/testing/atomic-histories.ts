import type { OperationRecord } from '../history.ts';

/** Draws an integer in [0, bound). */
export type Draw = (bound: number) => number;

/** A small fast generator with a full period (mulberry32): the same seed, the same history. */
export function drawFrom(seed: number): Draw {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
}

/** What a history is drawn from. */
export type AtomicObject<State, Operation, Result> = {
  readonly initial: State;
  draw(draw: Draw, client: number, sequence: number): Operation;
  execute(state: State, operation: Operation): { readonly state: State; readonly result: Result };
};

export type HistoryShape = {
  readonly operations: number;
  readonly clients: number;
  /** How many operations in a hundred lose their answer; half of those take effect, early or very late. */
  readonly unansweredPercent: number;
};

type Call<Operation, Result> = {
  readonly client: number;
  readonly invoke: number;
  readonly effect: number | null;
  readonly return: number | null;
  readonly operation: Operation;
  result: Result | null;
};

/**
 * A history of clients that call an object whose operations take effect at one drawn moment between call and
 * answer: linearizable by construction.
 */
export function drawAtomicHistory<State, Operation, Result>(
  object: AtomicObject<State, Operation, Result>,
  shape: HistoryShape,
  draw: Draw,
): OperationRecord<Operation, Result>[] {
  const calls: Call<Operation, Result>[] = [];
  const freeAt = Array.from({ length: shape.clients }, () => draw(10));
  for (let sequence = 0; sequence < shape.operations; sequence++) {
    const client = freeAt.indexOf(Math.min(...freeAt));
    const invoke = freeAt[client] ?? 0;
    const unanswered = draw(100) < shape.unansweredPercent;
    const effect = invoke + draw(10) + (unanswered && draw(2) === 0 ? draw(200) : 0) + 0.5;
    const returned = Math.ceil(effect) + draw(10);
    freeAt[client] = returned + 1 + draw(5);
    calls.push({
      client,
      invoke,
      effect: unanswered && draw(2) === 0 ? null : effect,
      return: unanswered ? null : returned,
      operation: object.draw(draw, client, sequence),
      result: null,
    });
  }
  let state = object.initial;
  const inOrder = calls.filter((call) => call.effect !== null);
  inOrder.sort((first, second) => (first.effect ?? 0) - (second.effect ?? 0));
  for (const call of inOrder) {
    const execution = object.execute(state, call.operation);
    state = execution.state;
    if (call.return !== null) call.result = execution.result;
  }
  return calls.map(({ client, invoke, return: returned, operation, result }) => ({
    client,
    invoke,
    return: returned,
    operation,
    result,
  }));
}
