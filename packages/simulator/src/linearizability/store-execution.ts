import {
  findRecord,
  positionOf,
  recordsIn,
  stateAt,
  withCompaction,
  withRecords,
  type StoreState,
} from './store-state.ts';
import type {
  Comparison,
  DeleteOperation,
  KeyRecord,
  PutOperation,
  RangeOperation,
  StoreOperation,
  StoreRefusal,
  StoreResult,
  Transaction,
  TransactionOperation,
} from './store-operation.ts';

/** The outcome of an operation that runs alone. `state` is the same object if nothing changed. */
export type Execution = { readonly state: StoreState; readonly result: StoreResult };

/**
 * Executes the API's rules in the plainest way, on sorted lists: the measure that the real state machine is held
 * against. It knows no leases: a put names one that exists. Serializable ranges are answered from `state` like all others.
 */
export function execute(state: StoreState, operation: StoreOperation): Execution {
  if (operation.type === 'compaction') return compact(state, operation.revision);
  const draft = new Draft(state);
  try {
    const result = draft.run(operation);
    const next = draft.changed ? withRecords(state, draft.records) : state;
    return { state: next, result: { ...result, revision: next.revision } };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { state, result: { type: 'refused', code: error.code } };
  }
}

function compact(state: StoreState, revision: number): Execution {
  if (revision <= state.compactedRevision) return { state, result: { type: 'refused', code: 'compacted' } };
  if (revision > state.revision) return { state, result: { type: 'refused', code: 'future-revision' } };
  return { state: withCompaction(state, revision), result: { type: 'compaction', revision: state.revision } };
}

/** Ends an operation without an effect. */
class Refusal extends Error {
  readonly code: StoreRefusal;

  constructor(code: StoreRefusal) {
    super(code);
    this.code = code;
  }
}

type Answer = Exclude<StoreResult, { type: 'refused' | 'compaction' }>;

/** An operation at work: all its changes belong to one revision and become visible together. */
class Draft {
  readonly #before: StoreState;
  records: readonly KeyRecord[];
  changed = false;

  constructor(before: StoreState) {
    this.#before = before;
    this.records = before.records;
  }

  run(operation: TransactionOperation): Answer {
    switch (operation.type) {
      case 'put':
        return this.#put(operation);
      case 'delete':
        return this.#delete(operation);
      case 'range':
        return this.#range(operation);
      case 'transaction': {
        const succeeded = holdsAll(this.#before.records, operation);
        const chosen = succeeded ? operation.success : operation.failure;
        const results = chosen.map((part) => this.run(part));
        return { type: 'transaction', revision: null, succeeded, results };
      }
    }
  }

  #put(operation: PutOperation): Answer {
    const { key } = operation;
    const previous = findRecord(this.records, key);
    if ((operation.ignoreValue || operation.ignoreLease) && previous === null)
      throw new Refusal('key-not-found');
    const modRevision = this.#before.revision + 1;
    const record: KeyRecord = {
      key,
      value: operation.ignoreValue && previous !== null ? previous.value : operation.value,
      createRevision: previous?.createRevision ?? modRevision,
      modRevision,
      version: (previous?.version ?? 0) + 1,
      lease: operation.ignoreLease && previous !== null ? previous.lease : operation.lease,
    };
    this.records = this.records.toSpliced(positionOf(this.records, key), previous === null ? 0 : 1, record);
    this.changed = true;
    return { type: 'put', revision: null, previous: operation.previous ? previous : null };
  }

  #delete(operation: DeleteOperation): Answer {
    const gone = recordsIn(this.records, operation.range);
    if (gone[0] !== undefined) {
      this.records = this.records.toSpliced(positionOf(this.records, gone[0].key), gone.length);
      this.changed = true;
    }
    return {
      type: 'delete',
      revision: null,
      deleted: gone.length,
      previous: operation.previous ? gone : [],
    };
  }

  #range(operation: RangeOperation): Answer {
    const found = recordsIn(this.#recordsAt(operation.revision), operation.range);
    if (operation.countOnly) {
      return { type: 'range', revision: null, records: [], count: found.length, more: false };
    }
    const kept = sortRecords(
      found.filter((record) => isWithinBounds(record, operation)),
      operation,
    );
    const more = operation.limit > 0 && kept.length > operation.limit;
    const shown = more ? kept.slice(0, operation.limit) : kept;
    const records = operation.keysOnly ? shown.map((record) => ({ ...record, value: '' })) : shown;
    return { type: 'range', revision: null, records, count: found.length, more };
  }

  #recordsAt(revision: number): readonly KeyRecord[] {
    if (revision <= 0) return this.records;
    if (revision > this.#before.revision) throw new Refusal('future-revision');
    if (revision < this.#before.compactedRevision) throw new Refusal('compacted');
    return stateAt(this.#before, revision)?.records ?? [];
  }
}

function isWithinBounds(record: KeyRecord, operation: RangeOperation): boolean {
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = operation;
  return (
    (minModRevision === 0 || record.modRevision >= minModRevision) &&
    (maxModRevision === 0 || record.modRevision <= maxModRevision) &&
    (minCreateRevision === 0 || record.createRevision >= minCreateRevision) &&
    (maxCreateRevision === 0 || record.createRevision <= maxCreateRevision)
  );
}

function sortRecords(records: readonly KeyRecord[], { sort }: RangeOperation): readonly KeyRecord[] {
  if (sort === null) return records;
  const sign = sort.descending ? -1 : 1;
  return records.toSorted((first, second) => sign * compareBy(sort.by, first, second));
}

function compareBy(
  by: NonNullable<RangeOperation['sort']>['by'],
  first: KeyRecord,
  second: KeyRecord,
): number {
  switch (by) {
    case 'key':
      return compareText(first.key, second.key);
    case 'value':
      return compareText(first.value, second.value);
    case 'version':
      return first.version - second.version;
    case 'create':
      return first.createRevision - second.createRevision;
    case 'mod':
      return first.modRevision - second.modRevision;
  }
}

function compareText(first: string, second: string): number {
  if (first === second) return 0;
  return first < second ? -1 : 1;
}

/** All conditions are judged on the state before the transaction, also those of transactions inside of it. */
function holdsAll(records: readonly KeyRecord[], transaction: Transaction): boolean {
  return transaction.compares.every((comparison) => {
    const found = recordsIn(records, comparison.range);
    // Where there is no key the condition is judged on one whose properties are all zero.
    return found.length === 0 ? holds(null, comparison) : found.every((record) => holds(record, comparison));
  });
}

function holds(record: KeyRecord | null, comparison: Comparison): boolean {
  switch (comparison.target) {
    case 'value':
      return record !== null && relates(compareText(record.value, comparison.operand), comparison);
    case 'lease':
      return relates(Number((record?.lease ?? 0n) - comparison.operand), comparison);
    case 'version':
      return relates((record?.version ?? 0) - comparison.operand, comparison);
    case 'create':
      return relates((record?.createRevision ?? 0) - comparison.operand, comparison);
    case 'mod':
      return relates((record?.modRevision ?? 0) - comparison.operand, comparison);
  }
}

function relates(difference: number, { relation }: Comparison): boolean {
  switch (relation) {
    case 'equal':
      return difference === 0;
    case 'not-equal':
      return difference !== 0;
    case 'greater':
      return difference > 0;
    case 'less':
      return difference < 0;
  }
}
