import type {
  Comparison,
  KeyRange,
  KeyRecord,
  StoreOperation,
  StoreResult,
  Transaction,
} from './store-operation.ts';
import type { StoreState } from './store-state.ts';

/** How many records and how many characters of a value a line shows. */
const recordsMax = 16;
const valueMax = 24;

export function describeStoreState(state: StoreState): string {
  const compacted = state.compactedRevision === 0 ? '' : `, compacted at ${state.compactedRevision}`;
  return `revision ${state.revision}${compacted}: ${describeRecords(state.records)}`;
}

export function describeStoreOperation(operation: StoreOperation, result: StoreResult | null): string {
  return `${describeRequest(operation)} -> ${result === null ? '?' : describeResult(result)}`;
}

function describeRequest(operation: StoreOperation): string {
  switch (operation.type) {
    case 'put':
      return `put ${operation.key} = ${operation.ignoreValue ? 'as before' : show(operation.value)}`;
    case 'delete':
      return `delete ${describeRange(operation.range)}`;
    case 'range': {
      const at = operation.revision > 0 ? ` at ${operation.revision}` : '';
      const limit = operation.limit > 0 ? ` limit ${operation.limit}` : '';
      return `${operation.serializable ? 'serializable ' : ''}get ${describeRange(operation.range)}${at}${limit}`;
    }
    case 'transaction':
      return describeTransaction(operation);
    case 'compaction':
      return `compact ${operation.revision}`;
  }
}

function describeTransaction({ compares, success, failure }: Transaction): string {
  const list = (operations: readonly StoreOperation[]): string => operations.map(describeRequest).join('; ');
  const otherwise = failure.length === 0 ? '' : ` else { ${list(failure)} }`;
  return `if ${compares.map(describeComparison).join(' and ') || 'true'} then { ${list(success)} }${otherwise}`;
}

function describeComparison({ range, target, relation, operand }: Comparison): string {
  const sign = { equal: '=', 'not-equal': '!=', greater: '>', less: '<' }[relation];
  const right = typeof operand === 'string' ? show(operand) : String(operand);
  return `${target}(${describeRange(range)}) ${sign} ${right}`;
}

function describeRange(range: KeyRange): string {
  return range.type === 'key' ? range.key : `[${range.first}, ${range.end ?? 'end'})`;
}

function describeResult(result: StoreResult): string {
  if (result.type === 'refused') return `refused: ${result.code}`;
  const at = result.revision === null ? '' : ` (revision ${result.revision})`;
  switch (result.type) {
    case 'put':
      return `done${result.previous === null ? '' : `, was ${describeRecords([result.previous])}`}${at}`;
    case 'delete':
      return `${result.deleted} deleted${at}`;
    case 'range': {
      const count = result.records.length === result.count ? '' : `${result.count} keys: `;
      return `${count}${describeRecords(result.records)}${at}`;
    }
    case 'transaction':
      return `${result.succeeded ? 'then' : 'else'} [${result.results.map(describeResult).join('; ')}]${at}`;
    case 'compaction':
      return `done${at}`;
  }
}

function describeRecords(records: readonly KeyRecord[]): string {
  if (records.length === 0) return 'nothing';
  const shown = records
    .slice(0, recordsMax)
    .map(
      ({ key, value, modRevision, version }) =>
        `${key} = ${show(value)} (mod ${modRevision}, version ${version})`,
    );
  if (records.length > recordsMax) shown.push(`... ${records.length - recordsMax} more`);
  return shown.join(', ');
}

function show(value: string): string {
  return JSON.stringify(value.length > valueMax ? `${value.slice(0, valueMax)}...` : value);
}
