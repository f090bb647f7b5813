import assert from 'node:assert/strict';
import test from 'node:test';
import type { Verdict } from './check-linearizable.ts';
import type { OperationRecord } from './history.ts';
import {
  checkRegisters,
  registerModel,
  type RegisterOperation,
  type RegisterResult,
} from './testing/register-model.ts';
import { checkStore, storeModel } from './store-model.ts';
import type { StoreResult } from './store-operation.ts';
import { drawAtomicHistory, drawFrom, type Draw } from './testing/atomic-histories.ts';
import { atomicRegisters, atomicStore } from './testing/atomic-objects.ts';
import { isLinearizableByDefinition } from './testing/brute-force.ts';

const many = { operations: 300, clients: 8, unansweredPercent: 10 };
const few = { operations: 7, clients: 3, unansweredPercent: 15 };

test('histories of an atomic register pass', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const history = drawAtomicHistory(atomicRegisters(3, 'unique'), many, drawFrom(seed));
    assertLinearizable(checkRegisters(history), seed);
  }
});

test('histories of an atomic store pass', () => {
  for (let seed = 1; seed <= 60; seed++) {
    assertLinearizable(checkStore(drawAtomicHistory(atomicStore(4), many, drawFrom(seed))), seed);
  }
});

test('histories of an atomic store pass when the recorder saw no revisions', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const shape = { ...many, operations: 60, unansweredPercent: 5 };
    const history = drawAtomicHistory(atomicStore(4), shape, drawFrom(seed)).map(withoutRevision);
    assertLinearizable(checkStore(history), seed);
  }
});

test('small register histories, some of them false, are judged as the definition judges them', () => {
  const seeds = 4_000;
  let violations = 0;
  for (let seed = 0; seed < seeds; seed++) {
    const draw = drawFrom(seed);
    const shape = { ...few, unansweredPercent: 15 + (seed % 4) * 10 };
    const history = damage(
      drawAtomicHistory(atomicRegisters(1, seed % 3 === 0 ? 'unique' : 3), shape, draw),
      draw,
    );
    // The measure must tell all values apart, so its model is one for a history that names all of them.
    const naming = history.map(
      (record): RegisterRecord => ({
        ...record,
        operation: { type: 'compare-and-set', key: 'a', expected: written(record), value: null },
      }),
    );
    const expected = isLinearizableByDefinition(registerModel(naming), history)
      ? 'linearizable'
      : 'violation';
    assert.equal(checkRegisters(history).kind, expected, `seed ${seed}`);
    if (expected === 'violation') violations++;
  }
  assert(violations > 300 && violations < seeds - 300, `${violations} violations of ${seeds}`);
});

test('small store histories, some of them false, are judged as the definition judges them', () => {
  let seed = 0;
  let violations = 0;
  for (; seed < 1_500; seed++) {
    const draw = drawFrom(seed);
    const history = damage(drawAtomicHistory(atomicStore(2), few, draw), draw);
    const shown = seed % 2 === 0 ? history : history.map(withoutRevision);
    // The measure uses a model without knowledge of the replies, so it also checks what the model concludes from them.
    const expected = isLinearizableByDefinition(storeModel([]), shown) ? 'linearizable' : 'violation';
    assert.equal(checkStore(shown).kind, expected, `seed ${seed}`);
    if (expected === 'violation') violations++;
  }
  assert(violations > 200 && violations < seed - 200, `${violations} violations of ${seed}`);
});

type RegisterRecord = OperationRecord<RegisterOperation, RegisterResult>;

function written({ operation }: RegisterRecord): string | null {
  return operation.type === 'read' ? null : operation.value;
}

/** In most histories swaps the answers of two operations of one kind, or shortens the time of one. */
function damage<Operation extends { type: string }, Result>(
  history: OperationRecord<Operation, Result>[],
  draw: Draw,
): OperationRecord<Operation, Result>[] {
  const damaged = [...history];
  const answered = history.flatMap((record, position) => (record.return === null ? [] : [position]));
  const at = answered[draw(answered.length)];
  const record = at === undefined ? undefined : history[at];
  if (at === undefined || record === undefined || record.return === null) return damaged;
  if (draw(2) === 0) {
    const length = record.return - record.invoke;
    const late = draw(2) === 0;
    damaged[at] = late
      ? { ...record, invoke: record.invoke + length * 3, return: record.return + length * 3 }
      : { ...record, return: record.invoke };
  } else if (draw(3) > 0) {
    const alike = answered.filter((other) => history[other]?.operation.type === record.operation.type);
    const otherAt = alike[draw(alike.length)] ?? at;
    const other = history[otherAt] ?? record;
    damaged[at] = { ...record, result: other.result };
    damaged[otherAt] = { ...other, result: record.result };
  }
  return damaged;
}

function withoutRevision<Operation>(
  record: OperationRecord<Operation, StoreResult>,
): OperationRecord<Operation, StoreResult> {
  const { result } = record;
  return result === null || result.type === 'refused'
    ? record
    : { ...record, result: { ...result, revision: null } };
}

function assertLinearizable<State, Operation, Result>(
  verdict: Verdict<State, Operation, Result>,
  seed: number,
): void {
  const why = verdict.kind === 'violation' ? verdict.violation.text : verdict.kind;
  assert.equal(verdict.kind, 'linearizable', `seed ${seed}: ${why}`);
}
