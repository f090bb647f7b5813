import type { RegisterOperation, RegisterResult, RegisterValue } from './register-model.ts';
import { execute } from '../store-execution.ts';
import { emptyStore, type StoreState } from '../store-state.ts';
import type { StoreOperation, StoreResult, TransactionOperation } from '../store-operation.ts';
import type { AtomicObject, Draw } from './atomic-histories.ts';

/** Registers `a`, `b`, ... with few values, so that confusions are likely; `unique` values make them impossible. */
export function atomicRegisters(
  keys: number,
  values: number | 'unique',
): AtomicObject<ReadonlyMap<string, RegisterValue>, RegisterOperation, RegisterResult> {
  return {
    initial: new Map(),
    draw(draw, _client, sequence) {
      const key = drawKey(draw, keys);
      const value = values === 'unique' ? `v${sequence}` : `v${draw(values)}`;
      const expected = values === 'unique' ? `v${draw(sequence + 1)}` : `v${draw(values)}`;
      switch (draw(5)) {
        case 0:
          return { type: 'write', key, value };
        case 1:
          return { type: 'compare-and-set', key, expected: draw(4) === 0 ? null : expected, value };
        case 2:
          return { type: 'write', key, value: draw(3) === 0 ? null : value };
        default:
          return { type: 'read', key };
      }
    },
    execute(state, operation) {
      const present = state.get(operation.key) ?? null;
      switch (operation.type) {
        case 'read':
          return { state, result: { type: 'read', value: present } };
        case 'write':
          return { state: new Map(state).set(operation.key, operation.value), result: { type: 'write' } };
        case 'compare-and-set': {
          const succeeded = present === operation.expected;
          const next = succeeded ? new Map(state).set(operation.key, operation.value) : state;
          return { state: next, result: { type: 'compare-and-set', succeeded } };
        }
      }
    },
  };
}

/** The whole store: puts, deletes of one and many, ranges now and then, multi-key transactions, compactions. */
export function atomicStore(keys: number): AtomicObject<StoreState, StoreOperation, StoreResult> {
  return {
    initial: emptyStore,
    draw: (draw, _client, sequence) => drawStoreOperation(draw, keys, `v${sequence}`),
    execute,
  };
}

export function rangeOver(
  first: string,
  end: string | null,
  revision = 0,
): StoreOperation & { type: 'range' } {
  return {
    type: 'range',
    range: { type: 'from', first, end },
    limit: 0,
    revision,
    sort: null,
    serializable: false,
    keysOnly: false,
    countOnly: false,
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
  };
}

export function putOf(key: string, value: string): StoreOperation & { type: 'put' } {
  return { type: 'put', key, value, lease: 0n, previous: false, ignoreValue: false, ignoreLease: false };
}

function drawStoreOperation(draw: Draw, keys: number, value: string): StoreOperation {
  const key = drawKey(draw, keys);
  switch (draw(10)) {
    case 0:
    case 1:
    case 2:
      return { ...putOf(key, value), previous: draw(2) === 0 };
    case 3:
      return { type: 'delete', range: { type: 'key', key }, previous: draw(2) === 0 };
    case 4:
      return { type: 'delete', range: { type: 'from', first: key, end: null }, previous: draw(2) === 0 };
    case 5:
    case 6:
      return drawTransaction(draw, keys, value);
    case 7:
      return draw(10) === 0 ? { type: 'compaction', revision: draw(20) } : rangeOver(key, null, draw(10));
    case 8:
      return { ...rangeOver('a', null), limit: draw(3), sort: { by: 'mod', descending: draw(2) === 0 } };
    default:
      return { ...rangeOver(key, null), range: { type: 'key', key }, serializable: draw(5) === 0 };
  }
}

function drawTransaction(draw: Draw, keys: number, value: string): StoreOperation {
  const key = drawKey(draw, keys);
  const puts: TransactionOperation[] = Array.from({ length: keys }, (_, index) =>
    putOf(keyName(index), value),
  );
  return {
    type: 'transaction',
    compares: [{ range: { type: 'key', key }, relation: 'less', target: 'version', operand: draw(4) }],
    success: [...puts.slice(0, draw(keys) + 1), rangeOver('a', null)],
    failure: [{ type: 'delete', range: { type: 'key', key }, previous: true }],
  };
}

function drawKey(draw: Draw, keys: number): string {
  return keyName(draw(keys));
}

function keyName(index: number): string {
  return String.fromCharCode(97 + index);
}
