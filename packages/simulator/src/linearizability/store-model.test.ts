import assert from 'node:assert/strict';
import test from 'node:test';
import type { OperationRecord } from './history.ts';
import { checkStore } from './store-model.ts';
import type { KeyRecord, StoreOperation, StoreResult } from './store-operation.ts';
import { putOf, rangeOver } from './testing/atomic-objects.ts';

type Record = OperationRecord<StoreOperation, StoreResult>;

/** Each call gets two units of time for itself unless it says otherwise. */
function call(at: number, operation: StoreOperation, result: StoreResult | null, until = at + 1): Record {
  return { client: 1, invoke: at, return: result === null ? null : until, operation, result };
}

function record(
  key: string,
  value: string,
  modRevision: number,
  version = 1,
  createRevision = modRevision,
): KeyRecord {
  return { key, value, createRevision, modRevision, version, lease: 0n };
}

function put(at: number, key: string, value: string, revision: number | null, until = at + 1): Record {
  return call(at, putOf(key, value), { type: 'put', revision, previous: null }, until);
}

function lostPut(at: number, key: string, value: string): Record {
  return call(at, putOf(key, value), null);
}

function getAll(at: number, revision: number | null, records: KeyRecord[], until = at + 1): Record {
  return call(
    at,
    rangeOver('a', null),
    { type: 'range', revision, records, count: records.length, more: false },
    until,
  );
}

function putBoth(at: number, value: string, revision: number, until = at + 1): Record {
  const operation = {
    type: 'transaction' as const,
    compares: [],
    success: [putOf('a', value), putOf('b', value)],
    failure: [],
  };
  const part = { type: 'put' as const, revision: null, previous: null };
  return call(
    at,
    operation,
    { type: 'transaction', revision, succeeded: true, results: [part, part] },
    until,
  );
}

function kindOf(...history: Record[]): string {
  return checkStore(history).kind;
}

test('revisions count the changes from two on', () => {
  assert.equal(
    kindOf(
      put(0, 'a', '1', 2),
      put(2, 'b', '1', 3),
      getAll(4, 3, [record('a', '1', 2), record('b', '1', 3)]),
    ),
    'linearizable',
  );
  assert.equal(kindOf(put(0, 'a', '1', 2), put(2, 'b', '1', 4)), 'violation');
  assert.equal(kindOf(put(0, 'a', '1', 1)), 'violation');
  assert.equal(kindOf(put(0, 'a', '1', 2, 9), put(1, 'b', '1', 2)), 'violation');
});

test('a get of many keys is not torn', () => {
  const history = [putBoth(0, 'old', 2), putBoth(2, 'new', 3, 9)];
  const both = (value: string, revision: number): KeyRecord[] => [
    record('a', value, revision, revision - 1, 2),
    record('b', value, revision, revision - 1, 2),
  ];
  assert.equal(kindOf(...history, getAll(3, 2, both('old', 2))), 'linearizable');
  assert.equal(kindOf(...history, getAll(3, 3, both('new', 3))), 'linearizable');
  const torn = [both('new', 3).slice(0, 1), both('old', 2).slice(1)].flat();
  assert.equal(kindOf(...history, getAll(3, 3, torn)), 'violation');
  assert.equal(kindOf(...history, getAll(3, null, torn)), 'violation');
});

test('a stale read is caught, by revision and without', () => {
  const history = [put(0, 'a', '1', 2), put(2, 'a', '2', 3)];
  assert.equal(kindOf(...history, getAll(4, 2, [record('a', '1', 2)])), 'violation');
  assert.equal(kindOf(...history, getAll(4, null, [record('a', '1', 2)])), 'violation');
  assert.equal(kindOf(...history, getAll(4, 3, [record('a', '2', 3, 2, 2)])), 'linearizable');
});

test('a serializable range may be behind, but shows a state that was', () => {
  const serializable = (at: number, revision: number, records: KeyRecord[]): Record => {
    const range = { ...getAll(at, revision, records) };
    return { ...range, operation: { ...rangeOver('a', null), serializable: true } };
  };
  const history = [put(0, 'a', '1', 2), put(2, 'a', '2', 3)];
  assert.equal(kindOf(...history, serializable(4, 2, [record('a', '1', 2)])), 'linearizable');
  assert.equal(kindOf(...history, serializable(4, 2, [record('a', '2', 2)])), 'violation');
  assert.equal(kindOf(...history, serializable(4, 4, [record('a', '2', 3, 2, 2)])), 'violation');
});

test('an unanswered put may fill a gap between revisions, once', () => {
  const history = [put(0, 'a', '1', 2), lostPut(0, 'b', 'x'), put(4, 'a', '2', 4)];
  assert.equal(kindOf(...history), 'linearizable');
  assert.equal(kindOf(...history, put(6, 'a', '3', 6)), 'violation');
  assert.equal(
    kindOf(...history, getAll(8, 4, [record('a', '2', 4, 2, 2), record('b', 'x', 3)])),
    'linearizable',
  );
  assert.equal(kindOf(...history, getAll(8, 4, [record('a', '2', 4, 2, 2)])), 'violation');
});

test('what later replies show decides between many unanswered puts at once', () => {
  const lost = Array.from({ length: 60 }, (_, index) => lostPut(0, `k${index}`, `v${index}`));
  const shown = [record('k7', 'v7', 3), record('k8', 'v8', 2), record('k9', 'v9', 4)];
  const verdict = checkStore([
    ...lost,
    getAll(5, 4, shown),
    getAll(
      7,
      5,
      [...shown, record('k0', 'v0', 5)].sort((one, other) => (one.key < other.key ? -1 : 1)),
    ),
  ]);
  assert.equal(verdict.kind, 'linearizable');
  assert(verdict.steps < 1_000, `the replies leave one choice, but it took ${verdict.steps} steps`);
});

test('a read of everything at a revision decides between unanswered deletes at once', () => {
  const rounds = 12;
  const history: Record[] = [];
  const nothing: StoreResult = {
    type: 'range',
    revision: rounds * 3 + 1,
    records: [],
    count: 0,
    more: false,
  };
  const remove = (end: string | null): StoreOperation => ({
    type: 'delete',
    range: end === null ? { type: 'from', first: 'a', end: null } : { type: 'from', first: 'a', end },
    previous: false,
  });
  for (let round = 0; round < rounds; round += 1) {
    const at = round * 10;
    const revision = round * 3 + 2;
    history.push(put(at, 'a', `${round}`, revision), put(at + 2, 'b', `${round}`, revision + 1));
    history.push(...['a1', 'a2', 'a3', null].map((end) => call(at + 4, remove(end), null)));
    history.push(call(1_000 + at, rangeOver('', null, revision + 2), nothing));
  }
  const verdict = checkStore(history);
  assert.equal(verdict.kind, 'linearizable');
  assert(verdict.steps < 5_000, `the reads leave one choice, but it took ${verdict.steps} steps`);
  const wrong = { ...nothing, records: [record('b', '0', 3)], count: 1 };
  history.push(call(2_000, rangeOver('', null, 4), wrong));
  assert.equal(checkStore(history).kind, 'violation');
});

test('deletes, and transactions that change nothing, are tied to the present revision', () => {
  const remove = (at: number, deleted: number, revision: number): Record =>
    call(
      at,
      { type: 'delete', range: { type: 'key', key: 'a' }, previous: false },
      { type: 'delete', revision, deleted, previous: [] },
    );
  assert.equal(
    kindOf(remove(0, 0, 1), put(2, 'a', '1', 2), remove(4, 1, 3), getAll(6, 3, [])),
    'linearizable',
  );
  assert.equal(kindOf(put(0, 'a', '1', 2), remove(2, 0, 2)), 'violation');
  assert.equal(kindOf(remove(0, 0, 2)), 'violation');
});

test('reads of the past and compaction', () => {
  const at = (when: number, revision: number, result: StoreResult): Record =>
    call(when, rangeOver('a', null, revision), result);
  const history = [put(0, 'a', '1', 2), put(2, 'a', '2', 3)];
  const old: StoreResult = {
    type: 'range',
    revision: 3,
    records: [record('a', '1', 2)],
    count: 1,
    more: false,
  };
  assert.equal(kindOf(...history, at(4, 2, old)), 'linearizable');
  assert.equal(kindOf(...history, at(4, 2, { ...old, records: [record('a', '9', 2)] })), 'violation');
  assert.equal(kindOf(...history, at(4, 9, { type: 'refused', code: 'future-revision' })), 'linearizable');
  const compact = call(4, { type: 'compaction', revision: 3 }, { type: 'compaction', revision: 3 });
  assert.equal(kindOf(...history, compact, at(6, 2, { type: 'refused', code: 'compacted' })), 'linearizable');
  assert.equal(kindOf(...history, compact, at(6, 2, old)), 'violation');
  assert.equal(kindOf(...history, at(6, 2, { type: 'refused', code: 'compacted' })), 'violation');
});

test('where among the writes a compaction came is forgotten once it is done', () => {
  const rounds = 12;
  const history: Record[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const at = round * 10;
    const revision = round * 3 + 2;
    const compact: StoreOperation = { type: 'compaction', revision: Math.max(1, revision - 3) };
    history.push(call(at, compact, { type: 'compaction', revision: null }, at + 9));
    for (const [step, key] of ['a', 'b', 'c'].entries()) {
      history.push(put(at + 1 + step * 2, key, `${round}`, revision + step));
    }
  }
  const past: StoreResult = {
    type: 'range',
    revision: rounds * 3 + 1,
    records: [record('a', 'never', 35)],
    count: 1,
    more: false,
  };
  const verdict = checkStore([...history, call(1_000, rangeOver('a', null, rounds * 3), past)]);
  assert.equal(verdict.kind, 'violation');
  assert(verdict.steps < 5_000, `each compaction has four places, but it took ${verdict.steps} steps`);
});

test('two ways to one present state with different pasts are told apart', () => {
  const history = [
    lostPut(0, 'a', '1'),
    lostPut(0, 'a', '2'),
    put(4, 'a', '3', 4),
    call(6, rangeOver('a', null, 2), {
      type: 'range',
      revision: 4,
      records: [record('a', '2', 2)],
      count: 1,
      more: false,
    }),
    call(8, rangeOver('a', null, 3), {
      type: 'range',
      revision: 4,
      records: [record('a', '1', 3, 2, 2)],
      count: 1,
      more: false,
    }),
  ];
  assert.equal(kindOf(...history), 'linearizable');
});

test('conditions are judged on the state before the transaction', () => {
  const operation: StoreOperation = {
    type: 'transaction',
    compares: [{ range: { type: 'key', key: 'a' }, relation: 'equal', target: 'version', operand: 0 }],
    success: [
      putOf('a', '1'),
      {
        type: 'transaction',
        compares: [{ range: { type: 'key', key: 'a' }, relation: 'greater', target: 'version', operand: 0 }],
        success: [putOf('b', 'wrong')],
        failure: [putOf('b', 'right')],
      },
    ],
    failure: [],
  };
  const inner = (succeeded: boolean): StoreResult => ({
    type: 'transaction',
    revision: null,
    succeeded,
    results: [{ type: 'put', revision: null, previous: null }],
  });
  const result = (succeeded: boolean): StoreResult => ({
    type: 'transaction',
    revision: 2,
    succeeded: true,
    results: [{ type: 'put', revision: null, previous: null }, inner(succeeded)],
  });
  assert.equal(kindOf(call(0, operation, result(false))), 'linearizable');
  assert.equal(kindOf(call(0, operation, result(true))), 'violation');
});
