import assert from 'node:assert/strict';
import test from 'node:test';
import { checkLinearizable } from '../check-linearizable.ts';
import type { OperationRecord } from '../history.ts';
import {
  checkRegisters,
  registerModel,
  type RegisterOperation,
  type RegisterResult,
} from './register-model.ts';

type Record = OperationRecord<RegisterOperation, RegisterResult>;

function write(client: number, invoke: number, returned: number | null, value: string, key = 'x'): Record {
  const result = returned === null ? null : { type: 'write' as const };
  return { client, invoke, return: returned, operation: { type: 'write', key, value }, result };
}

function read(client: number, invoke: number, returned: number, value: string | null, key = 'x'): Record {
  return {
    client,
    invoke,
    return: returned,
    operation: { type: 'read', key },
    result: { type: 'read', value },
  };
}

function swap(
  client: number,
  invoke: number,
  returned: number,
  from: string,
  to: string,
  done: boolean,
): Record {
  const operation = { type: 'compare-and-set' as const, key: 'x', expected: from, value: to };
  return {
    client,
    invoke,
    return: returned,
    operation,
    result: { type: 'compare-and-set', succeeded: done },
  };
}

const linearizable: { name: string; history: Record[] }[] = [
  { name: 'nothing happened', history: [] },
  { name: 'a read of what was written before', history: [write(1, 0, 1, 'a'), read(2, 2, 3, 'a')] },
  {
    name: 'reads during a write see the old value, then the new one',
    history: [write(1, 0, 9, 'a'), read(2, 1, 2, null), read(2, 3, 4, 'a')],
  },
  {
    name: 'concurrent writes in the order that the reads ask for',
    history: [write(1, 0, 9, 'a'), write(2, 0, 9, 'b'), read(3, 1, 2, 'b'), read(3, 3, 4, 'a')],
  },
  {
    name: 'an unanswered write that appears much later',
    history: [write(1, 0, null, 'a'), read(2, 5, 6, null), read(2, 7, 8, null), read(2, 9, 10, 'a')],
  },
  { name: 'an unanswered write that never appears', history: [write(1, 0, null, 'a'), read(2, 5, 6, null)] },
  {
    name: 'an unanswered write that only the failure of a compare-and-set shows',
    history: [write(1, 0, 1, 'a'), write(2, 2, null, 'b'), swap(3, 3, 4, 'a', 'c', false)],
  },
  {
    name: 'a return at the very time of an invocation counts as overlap',
    history: [write(1, 0, 5, 'a'), read(2, 5, 6, null)],
  },
  { name: 'keys are judged apart', history: [write(1, 0, 1, 'a', 'x'), read(2, 2, 3, null, 'y')] },
];

const violations: { name: string; history: Record[]; failing: number }[] = [
  {
    name: 'a stale read',
    history: [write(1, 0, 1, 'a'), write(1, 2, 3, 'b'), read(2, 4, 5, 'a')],
    failing: 2,
  },
  { name: 'a lost write', history: [write(1, 0, 1, 'a'), read(2, 2, 3, null)], failing: 1 },
  { name: 'a value from the future', history: [read(2, 0, 1, 'a'), write(1, 2, 3, 'a')], failing: 0 },
  { name: 'a value that nobody wrote', history: [write(1, 0, 1, 'a'), read(2, 2, 3, 'z')], failing: 1 },
  {
    name: 'reads that go back during one write',
    history: [write(1, 0, 9, 'a'), read(2, 1, 2, 'a'), read(3, 3, 4, null)],
    failing: 2,
  },
  {
    name: 'an unanswered write that takes effect twice',
    history: [
      write(1, 0, null, 'a'),
      read(2, 1, 2, 'a'),
      write(2, 3, 4, 'b'),
      read(2, 5, 6, 'b'),
      read(2, 7, 8, 'a'),
    ],
    failing: 4,
  },
  {
    name: 'two compare-and-sets that both win',
    history: [write(1, 0, 1, 'a'), swap(2, 2, 9, 'a', 'b', true), swap(3, 2, 8, 'a', 'c', true)],
    failing: 1,
  },
];

for (const { name, history } of linearizable) {
  test(`linearizable: ${name}`, () => {
    assert.equal(checkRegisters(history).kind, 'linearizable');
    assert.equal(
      checkRegisters(history.toReversed()).kind,
      'linearizable',
      'whatever the order of the records',
    );
  });
}

for (const { name, history, failing } of violations) {
  test(`violation: ${name}`, () => {
    const verdict = checkRegisters(history);
    assert(verdict.kind === 'violation');
    assert.equal(verdict.violation.failing, history[failing]);
  });
}

test('the report names the failing operation, what led to it, the states and what was running', () => {
  const history = [
    write(1, 0, 1, 'a'),
    write(1, 2, 3, 'b'),
    write(3, 0, null, 'c'),
    read(4, 3.5, 9, 'c'),
    read(2, 4, 5, 'a'),
  ];
  const verdict = checkRegisters(history);
  assert(verdict.kind === 'violation');
  assert.equal(
    verdict.violation.text,
    [
      'No order of the operations explains the result of:',
      '  client 2: read x -> "a"  [invoked 4, returned 5]',
      'The 2 operations that returned before it can be ordered; the store is then one of 2:',
      '  "b"',
      '  "c"',
      'An order that leads there ends with:',
      '  client 1: write x = "a" -> done  [invoked 0, returned 1]',
      '  client 1: write x = "b" -> done  [invoked 2, returned 3]',
      'Running at the same time, so free to come before or after:',
      '  client 4: read x -> "c"  [invoked 3.5, returned 9]',
      '  client 3: write x = "c" -> ?  [invoked 0, never answered]',
    ].join('\n'),
  );
});

test('a search that reaches its limit says so instead of passing', () => {
  const history = Array.from({ length: 40 }, (_, index) => write(index, 0, 100, `v${index}`));
  const verdict = checkRegisters([...history, read(50, 1, 99, 'nobody wrote this')], {
    stepsMax: 10_000,
    configurationsMax: 1_000_000,
  });
  assert(verdict.kind === 'undecided');
  assert.equal(verdict.limit, 'stepsMax');
  assert.match(verdict.reason, /gave up at stepsMax 10000, after 0 of 41 returns/);
});

test('a record that breaks the rules of histories is refused', () => {
  const half = { ...write(1, 0, 1, 'a'), result: null };
  assert.throws(() => checkLinearizable(registerModel([half]), [half]), /a result without a return/);
  assert.throws(
    () => checkLinearizable(registerModel([]), [write(1, 5, 1, 'a')]),
    /returned before it was invoked/,
  );
});
