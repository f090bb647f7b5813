import assert from 'node:assert/strict';
import type { History } from './history.ts';

/**
 * A history arranged for the search: what was running at each return.
 *
 * The search walks from return to return. At return number i these operations may be ordered next: the answered
 * ones that were invoked before it and return at or after it (`open[i]`, in the order of their returns, so that
 * the first is the one that returns now) and the first `unknownCount[i]` of the unanswered ones (`unknown`, in
 * the order of their invocations). Operations are named by their position in the history.
 */
export type Timeline = {
  readonly returns: readonly number[];
  readonly open: readonly (readonly number[])[];
  readonly unknown: readonly number[];
  readonly unknownCount: readonly number[];
  /**
   * A bit for each operation, so that a set of running operations is a short bit set. Answered operations share
   * the bits of the first `answeredWords` words: they give theirs back when they return. Each unanswered one has
   * a bit of its own in the words that follow.
   */
  readonly slots: readonly number[];
  readonly answeredWords: number;
  readonly words: number;
};

/** Throws an AssertionError if a record breaks the rules of `OperationRecord`. */
export function arrange(history: History<unknown, unknown>): Timeline {
  const answered: number[] = [];
  const unknown: number[] = [];
  for (const [position, record] of history.entries()) {
    assert.equal(record.return === null, record.result === null, 'a result without a return, or the reverse');
    if (record.return === null) {
      unknown.push(position);
    } else {
      assert(record.invoke <= record.return, 'an operation returned before it was invoked');
      answered.push(position);
    }
  }
  const invoked = (position: number): number => history[position]?.invoke ?? 0;
  const returned = (position: number): number => history[position]?.return ?? Infinity;
  unknown.sort((first, second) => invoked(first) - invoked(second));
  const returns = answered.toSorted((first, second) => returned(first) - returned(second));
  const invocations = answered.toSorted((first, second) => invoked(first) - invoked(second));

  const rank = new Map(returns.map((position, index) => [position, index]));
  const open: number[][] = [];
  const unknownCount: number[] = [];
  const slots = new Array<number>(history.length).fill(0);
  const freeSlots: number[] = [];
  let slotCount = 0;

  const running: number[] = [];
  let nextInvocation = 0;
  let unknownSoFar = 0;
  for (const position of returns) {
    const now = returned(position);
    for (; nextInvocation < invocations.length; nextInvocation++) {
      const candidate = invocations[nextInvocation] ?? 0;
      if (invoked(candidate) > now) break;
      slots[candidate] = freeSlots.pop() ?? slotCount++;
      insertByRank(running, candidate, rank);
    }
    while (unknownSoFar < unknown.length && invoked(unknown[unknownSoFar] ?? 0) <= now) unknownSoFar++;
    assert.equal(running[0], position);
    open.push([...running]);
    unknownCount.push(unknownSoFar);
    running.shift();
    freeSlots.push(slots[position] ?? 0);
  }
  const answeredWords = Math.ceil(slotCount / 32);
  for (const [index, position] of unknown.entries()) slots[position] = answeredWords * 32 + index;
  const words = answeredWords + Math.ceil(unknownSoFar / 32);
  return { returns, open, unknown, unknownCount, slots, answeredWords, words };
}

function insertByRank(running: number[], candidate: number, rank: ReadonlyMap<number, number>): void {
  const own = rank.get(candidate) ?? 0;
  let at = running.length;
  while (at > 0 && (rank.get(running[at - 1] ?? 0) ?? 0) > own) at--;
  running.splice(at, 0, candidate);
}
