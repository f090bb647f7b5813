import {
  compare,
  type CompareOperator,
  type CompareProperty,
  type Comparison as ClientComparison,
  type KeyRange as ClientRange,
  type KeyValue,
  operation as clientOperation,
  type Operation,
  type OperationResult,
  type PageOptions,
  type QuorateClient,
} from '@quorate/client';
import type {
  Comparison,
  KeyRange,
  KeyRecord,
  RangeOperation,
  StoreOperation,
  StoreResult,
  Transaction,
  TransactionOperation,
} from '@quorate/simulator';

/** Does an operation of the checker's vocabulary on a store. Rejects as the client does. */
export type StoreAccess = (operation: StoreOperation, signal?: AbortSignal) => Promise<StoreResult>;

/** A store behind a client, in the checker's words. */
export function accessThrough(client: QuorateClient): StoreAccess {
  return async (operation, signal) => {
    const call = { signal };
    switch (operation.type) {
      case 'put': {
        const { key, value, previous } = operation;
        const result = await client.put(toBytes(key), toBytes(value), { previous, ...call });
        return { type: 'put', revision: result.revision, previous: toRecordOrNull(result.previous) };
      }
      case 'delete': {
        const { range, previous } = operation;
        const result = await client.deleteRange(toRange(range), { previous, ...call });
        const { revision, deleted } = result;
        return { type: 'delete', revision, deleted, previous: result.previous.map(toRecord) };
      }
      case 'range': {
        const page = await client.rangePage(toRange(operation.range), {
          ...toPageOptions(operation),
          ...call,
        });
        return { ...fromPage(page), revision: page.revision };
      }
      case 'transaction': {
        const { revision, succeeded, results } = await client
          .transaction()
          .if(...operation.compares.map(toComparison))
          .then(...operation.success.map(toOperation))
          .else(...operation.failure.map(toOperation))
          .commit(call);
        return { type: 'transaction', revision, succeeded, results: results.map(fromOperationResult) };
      }
      case 'compaction':
        await client.compact(operation.revision, call);
        return { type: 'compaction', revision: null };
    }
  };
}

function toOperation(operation: TransactionOperation): Operation {
  switch (operation.type) {
    case 'put': {
      const { key, value, previous } = operation;
      return clientOperation.put(toBytes(key), toBytes(value), { previous });
    }
    case 'delete':
      return clientOperation.deleteRange(toRange(operation.range), { previous: operation.previous });
    case 'range':
      return clientOperation.range(toRange(operation.range), toPageOptions(operation));
    case 'transaction':
      return clientOperation.transaction(toTransactionParts(operation));
  }
}

function toTransactionParts({ compares, success, failure }: Transaction): {
  conditions: ClientComparison[];
  success: Operation[];
  failure: Operation[];
} {
  return {
    conditions: compares.map(toComparison),
    success: success.map(toOperation),
    failure: failure.map(toOperation),
  };
}

const operators: Readonly<Record<Comparison['relation'], CompareOperator>> = {
  equal: '=',
  'not-equal': '!=',
  greater: '>',
  less: '<',
};

const properties = {
  version: 'version',
  create: 'createRevision',
  mod: 'modRevision',
} as const satisfies Record<string, CompareProperty>;

function toComparison(comparison: Comparison): ClientComparison {
  const range = toRange(comparison.range);
  const operator = operators[comparison.relation];
  switch (comparison.target) {
    case 'value':
      return compare(range, 'value', operator, toBytes(comparison.operand));
    case 'lease':
      return compare(range, 'lease', operator, comparison.operand);
    case 'version':
    case 'create':
    case 'mod':
      return compare(range, properties[comparison.target], operator, comparison.operand);
  }
}

/** Only what clients of this suite ask for. */
function toPageOptions(operation: RangeOperation): PageOptions {
  const { limit, revision, serializable } = operation;
  return { limit, revision, serializable };
}

function toRange(range: KeyRange): ClientRange {
  if (range.type === 'key') {
    return { key: toBytes(range.key) };
  }
  const from = toBytes(range.first);
  return range.end === null ? { from } : { from, to: toBytes(range.end) };
}

function fromOperationResult(result: OperationResult): StoreResult {
  switch (result.kind) {
    case 'put':
      return { type: 'put', revision: null, previous: toRecordOrNull(result.previous) };
    case 'delete': {
      const { deleted, previous } = result;
      return { type: 'delete', revision: null, deleted, previous: previous.map(toRecord) };
    }
    case 'range':
      return fromPage(result);
    case 'transaction': {
      const { succeeded, results } = result;
      return { type: 'transaction', revision: null, succeeded, results: results.map(fromOperationResult) };
    }
  }
}

/** The header of a reply inside of a transaction repeats the outer one where it is filled at all. */
function fromPage(page: {
  readonly items: readonly KeyValue[];
  readonly count: number;
  readonly more: boolean;
}): StoreResult & { readonly type: 'range' } {
  const { items, count, more } = page;
  return { type: 'range', revision: null, records: items.map(toRecord), count, more };
}

function toRecordOrNull(entry: KeyValue | null): KeyRecord | null {
  return entry === null ? null : toRecord(entry);
}

function toRecord(entry: KeyValue): KeyRecord {
  const { createRevision, modRevision, version, lease } = entry;
  return { key: toText(entry.key), value: toText(entry.value), createRevision, modRevision, version, lease };
}

/** The checker's texts have one code unit a byte. */
function toBytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
