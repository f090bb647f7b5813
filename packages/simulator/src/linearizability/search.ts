import assert from 'node:assert/strict';
import type { History } from './history.ts';
import type { Model } from './model.ts';
import { SearchMemory, type SearchPoint } from './search-memory.ts';
import type { Timeline } from './timeline.ts';

/** How much work the search may do before it gives up. */
export type SearchLimits = {
  /** Steps of the model, about a microsecond each. */
  readonly stepsMax: number;
  /** Configurations remembered, about 300 bytes each and the states they hold. */
  readonly configurationsMax: number;
};

export type SearchOutcome<State> = { readonly steps: number; readonly configurations: number } & (
  | { readonly kind: 'linearizable' }
  /** Every order fails at return number `position` or before. */
  | {
      readonly kind: 'violation';
      readonly position: number;
      /** All points that were reached just before that return. */
      readonly reached: readonly SearchPoint<State>[];
      /** The order that led to the first of them, as positions in the history. */
      readonly order: readonly number[];
    }
  | { readonly kind: 'undecided'; readonly limit: keyof SearchLimits; readonly position: number }
);

/** A point together with where the search stands in trying its continuations. */
type Frame<State> = {
  readonly point: SearchPoint<State>;
  readonly parent: Frame<State> | null;
  /** The operations that were placed on the way from the parent. */
  readonly placed: readonly number[];
  /** The state before an unanswered operation that is the last one placed; null if it was an answered one. */
  readonly beforeUnanswered: State | null;
  tried: number;
};

/**
 * Searches for an order of the operations that respects time and that the model accepts.
 *
 * This is the search of Wing and Gong (1993) with Lowe's improvements ("Testing for linearizability", 2017):
 *
 * - *Just in time*: operations are placed only when one returns that has no place yet, and then only until that
 *   one has its place. Any valid order can be brought into this form, and most of the freedom never arises.
 * - *Memory*: two orders that placed the same operations and ended in equal states have the same future, so the
 *   second one is dropped.
 *
 * Further reductions come on top, each of which keeps a valid order if there is one:
 *
 * - A running operation that only reads and that the present state answers as recorded is placed at once. If it
 *   had a later place in some valid order, moving it here leaves all other operations with the states they had.
 * - An unanswered operation need not have a place. One whose effect is overwritten by the next operation as if it
 *   had not been there is left out, and of two orders that differ only in unanswered operations, the one with
 *   fewer of them is followed.
 * - Of interchangeable unanswered operations the first one invoked goes first.
 */
export class LinearizationSearch<State, Operation, Result> {
  readonly #model: Model<State, Operation, Result>;
  readonly #history: History<Operation, Result>;
  readonly #timeline: Timeline;
  readonly #limits: SearchLimits;
  readonly #onlyReads: readonly boolean[];
  /** For an unanswered operation, the interchangeable one that was invoked last before it. */
  readonly #predecessors: ReadonlyMap<number, number>;
  readonly #memory: SearchMemory<State>;
  #steps = 0;
  #deepest: Frame<State> | null = null;

  constructor(
    model: Model<State, Operation, Result>,
    history: History<Operation, Result>,
    timeline: Timeline,
    limits: SearchLimits,
  ) {
    this.#model = model;
    this.#history = history;
    this.#timeline = timeline;
    this.#limits = limits;
    this.#onlyReads = history.map(
      ({ operation, result }) => result !== null && model.onlyReads(operation, result),
    );
    this.#predecessors = findPredecessors(model, history, timeline);
    this.#memory = new SearchMemory(model, timeline.answeredWords);
  }

  run(): SearchOutcome<State> {
    const stack: Frame<State>[] = [];
    this.#enter(stack, 0, new Uint32Array(this.#timeline.words), this.#model.initial, null);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      if (top.point.position === this.#timeline.returns.length)
        return { kind: 'linearizable', ...this.#work() };
      const limit = this.#exhaustedLimit();
      const position = this.#deepest?.point.position ?? 0;
      if (limit !== null) return { kind: 'undecided', limit, position, ...this.#work() };
      if (!this.#tryNext(stack, top)) stack.pop();
    }
    const position = this.#deepest?.point.position ?? 0;
    const reached = this.#memory.pointsAt(position);
    return { kind: 'violation', position, reached, order: orderOf(this.#deepest), ...this.#work() };
  }

  #work(): { steps: number; configurations: number } {
    return { steps: this.#steps, configurations: this.#memory.size };
  }

  #exhaustedLimit(): keyof SearchLimits | null {
    if (this.#steps >= this.#limits.stepsMax) return 'stepsMax';
    if (this.#memory.size >= this.#limits.configurationsMax) return 'configurationsMax';
    return null;
  }

  /** Places one more operation after the topmost point. False if none is left to try. */
  #tryNext(stack: Frame<State>[], top: Frame<State>): boolean {
    const { position, ordered, state } = top.point;
    const open = this.#timeline.open[position] ?? [];
    const choices = open.length + (this.#timeline.unknownCount[position] ?? 0);
    while (top.tried < choices) {
      const choice = top.tried++;
      const answered = choice < open.length;
      const operation = (answered ? open[choice] : this.#timeline.unknown[choice - open.length]) ?? 0;
      if (this.#has(ordered, operation) || this.#onlyReads[operation] === true) continue;
      if (!answered && this.#isOutOfTurn(ordered, operation)) continue;
      const next = this.#step(state, operation);
      if (next === null || (next === state && !answered)) continue;
      if (top.beforeUnanswered !== null && this.#leadsTo(top.beforeUnanswered, operation, next)) continue;
      const nextOrdered = ordered.slice();
      this.#add(nextOrdered, operation);
      this.#enter(stack, position, nextOrdered, next, { operation, before: answered ? null : state });
      return true;
    }
    return false;
  }

  /** Whether the operation would lead to the same state without the unanswered one that came last. */
  #leadsTo(before: State, operation: number, after: State): boolean {
    const without = this.#step(before, operation);
    return without !== null && (without === after || this.#model.equals(without, after));
  }

  #isOutOfTurn(ordered: Uint32Array, operation: number): boolean {
    const predecessor = this.#predecessors.get(operation);
    return predecessor !== undefined && !this.#has(ordered, predecessor);
  }

  /** Goes as far as no choice is needed, and puts the point reached on the stack unless it is known. `ordered` is owned. */
  #enter(
    stack: Frame<State>[],
    start: number,
    ordered: Uint32Array,
    state: State,
    last: { readonly operation: number; readonly before: State | null } | null,
  ): void {
    const { returns } = this.#timeline;
    const placed = last === null ? [] : [last.operation];
    let position = start;
    for (;;) {
      this.#placeReads(position, ordered, state, placed);
      const before = position;
      for (; position < returns.length; position++) {
        const operation = returns[position] ?? 0;
        if (!this.#has(ordered, operation)) break;
        this.#remove(ordered, operation);
      }
      if (position === before || position === returns.length) break;
    }
    const point = { position, ordered, state };
    if (!this.#memory.add(point)) return;
    const beforeUnanswered = placed.length === 1 ? (last?.before ?? null) : null;
    const frame = { point, parent: stack.at(-1) ?? null, placed, beforeUnanswered, tried: 0 };
    stack.push(frame);
    if (this.#deepest === null || position > this.#deepest.point.position) this.#deepest = frame;
  }

  #placeReads(position: number, ordered: Uint32Array, state: State, placed: number[]): void {
    for (const operation of this.#timeline.open[position] ?? []) {
      if (this.#onlyReads[operation] !== true || this.#has(ordered, operation)) continue;
      if (this.#step(state, operation) === null) continue;
      this.#add(ordered, operation);
      placed.push(operation);
    }
  }

  #step(state: State, position: number): State | null {
    const record = this.#history[position];
    assert(record !== undefined);
    this.#steps++;
    return this.#model.step(state, record.operation, record.result);
  }

  #has(ordered: Uint32Array, operation: number): boolean {
    const slot = this.#timeline.slots[operation] ?? 0;
    return ((ordered[slot >>> 5] ?? 0) & (1 << (slot & 31))) !== 0;
  }

  #add(ordered: Uint32Array, operation: number): void {
    const slot = this.#timeline.slots[operation] ?? 0;
    ordered[slot >>> 5] = (ordered[slot >>> 5] ?? 0) | (1 << (slot & 31));
  }

  #remove(ordered: Uint32Array, operation: number): void {
    const slot = this.#timeline.slots[operation] ?? 0;
    ordered[slot >>> 5] = (ordered[slot >>> 5] ?? 0) & ~(1 << (slot & 31));
  }
}

function findPredecessors<State, Operation, Result>(
  model: Model<State, Operation, Result>,
  history: History<Operation, Result>,
  timeline: Timeline,
): ReadonlyMap<number, number> {
  const predecessors = new Map<number, number>();
  const latest = new Map<string, number>();
  for (const position of timeline.unknown) {
    const record = history[position];
    const effect = record === undefined ? null : model.effect(record.operation);
    if (effect === null) continue;
    const predecessor = latest.get(effect);
    if (predecessor !== undefined) predecessors.set(position, predecessor);
    latest.set(effect, position);
  }
  return predecessors;
}

function orderOf(last: Frame<unknown> | null): readonly number[] {
  const parts: (readonly number[])[] = [];
  for (let frame = last; frame !== null; frame = frame.parent) parts.push(frame.placed);
  return parts.reverse().flat();
}
