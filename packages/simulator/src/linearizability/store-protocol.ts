import {
  Compare_CompareResult,
  RangeRequest_SortOrder,
  RangeRequest_SortTarget,
  type Command,
  type CompactionResponse,
  type Compare,
  type DeleteRangeRequest,
  type DeleteRangeResponse,
  type KeyValue,
  type PutRequest,
  type PutResponse,
  type RangeRequest,
  type RangeResponse,
  type RequestOp,
  type ResponseHeader,
  type ResponseOp,
  type TxnRequest,
  type TxnResponse,
} from '@quorate/protocol';
import type {
  Comparison,
  DeleteOperation,
  KeyRange,
  KeyRecord,
  PutOperation,
  RangeOperation,
  SortTarget,
  StoreOperation,
  StoreResult,
  Transaction,
  TransactionOperation,
} from './store-operation.ts';

/** What clients ask of the store: the bodies of commands, and reads. */
export type StoreRequest =
  | Extract<NonNullable<Command['body']>, { $case: 'put' | 'deleteRange' | 'txn' | 'compaction' }>
  | { readonly $case: 'range'; readonly range: RangeRequest };

export type StoreResponse =
  | { readonly $case: 'put'; readonly put: PutResponse }
  | { readonly $case: 'deleteRange'; readonly deleteRange: DeleteRangeResponse }
  | { readonly $case: 'txn'; readonly txn: TxnResponse }
  | { readonly $case: 'compaction'; readonly compaction: CompactionResponse }
  | { readonly $case: 'range'; readonly range: RangeResponse };

/** Translates a request of the API into the checker's words. Throws a RangeError for one that the API refuses as malformed. */
export function toStoreOperation(request: StoreRequest): StoreOperation {
  switch (request.$case) {
    case 'put':
      return toPut(request.put);
    case 'deleteRange':
      return toDelete(request.deleteRange);
    case 'txn':
      return toTransaction(request.txn);
    case 'compaction':
      return { type: 'compaction', revision: request.compaction.revision };
    case 'range':
      return toRange(request.range);
  }
}

export function toStoreResult(response: StoreResponse): StoreResult {
  switch (response.$case) {
    case 'put':
      return fromPut(response.put, revisionOf(response.put.header));
    case 'deleteRange':
      return fromDelete(response.deleteRange, revisionOf(response.deleteRange.header));
    case 'txn':
      return fromTransaction(response.txn, revisionOf(response.txn.header));
    case 'compaction':
      return { type: 'compaction', revision: revisionOf(response.compaction.header) };
    case 'range':
      return fromRange(response.range, revisionOf(response.range.header));
  }
}

function toPut(request: PutRequest): PutOperation {
  const { lease, prevKv: previous, ignoreValue, ignoreLease } = request;
  const key = text(request.key);
  return { type: 'put', key, value: text(request.value), lease, previous, ignoreValue, ignoreLease };
}

function toDelete(request: DeleteRangeRequest): DeleteOperation {
  return { type: 'delete', range: toKeyRange(request.key, request.rangeEnd), previous: request.prevKv };
}

function toRange(request: RangeRequest): RangeOperation {
  const { limit, revision, serializable, keysOnly, countOnly } = request;
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  return {
    type: 'range',
    range: toKeyRange(request.key, request.rangeEnd),
    limit,
    revision,
    sort: toSort(request),
    serializable,
    keysOnly,
    countOnly,
    minModRevision,
    maxModRevision,
    minCreateRevision,
    maxCreateRevision,
  };
}

function toSort({ sortTarget, sortOrder }: RangeRequest): RangeOperation['sort'] {
  const descending = sortOrder === RangeRequest_SortOrder.DESCEND;
  const by = toSortTarget(sortTarget);
  return by === 'key' && !descending ? null : { by, descending };
}

function toSortTarget(target: RangeRequest['sortTarget']): SortTarget {
  switch (target) {
    case RangeRequest_SortTarget.KEY:
      return 'key';
    case RangeRequest_SortTarget.VERSION:
      return 'version';
    case RangeRequest_SortTarget.CREATE:
      return 'create';
    case RangeRequest_SortTarget.MOD:
      return 'mod';
    case RangeRequest_SortTarget.VALUE:
      return 'value';
  }
}

function toTransaction(request: TxnRequest): Transaction {
  return {
    type: 'transaction',
    compares: request.compare.map(toComparison),
    success: request.success.map(toTransactionOperation),
    failure: request.failure.map(toTransactionOperation),
  };
}

function toTransactionOperation({ request }: RequestOp): TransactionOperation {
  switch (request?.$case) {
    case 'requestRange':
      return toRange(request.requestRange);
    case 'requestPut':
      return toPut(request.requestPut);
    case 'requestDeleteRange':
      return toDelete(request.requestDeleteRange);
    case 'requestTxn':
      return toTransaction(request.requestTxn);
    case undefined:
      throw new RangeError('an operation of a transaction says nothing');
  }
}

function toComparison(compare: Compare): Comparison {
  const range = toKeyRange(compare.key, compare.rangeEnd);
  const relation = toRelation(compare.result);
  const operand = compare.targetUnion;
  switch (operand?.$case) {
    case 'version':
      return { range, relation, target: 'version', operand: operand.version };
    case 'createRevision':
      return { range, relation, target: 'create', operand: operand.createRevision };
    case 'modRevision':
      return { range, relation, target: 'mod', operand: operand.modRevision };
    case 'value':
      return { range, relation, target: 'value', operand: text(operand.value) };
    case 'lease':
      return { range, relation, target: 'lease', operand: operand.lease };
    case undefined:
      throw new RangeError('a comparison without its other side');
  }
}

function toRelation(result: Compare['result']): Comparison['relation'] {
  switch (result) {
    case Compare_CompareResult.EQUAL:
      return 'equal';
    case Compare_CompareResult.GREATER:
      return 'greater';
    case Compare_CompareResult.LESS:
      return 'less';
    case Compare_CompareResult.NOT_EQUAL:
      return 'not-equal';
  }
}

/** An empty end means the one key; a single zero byte, "everything from here on". */
function toKeyRange(key: Uint8Array, rangeEnd: Uint8Array): KeyRange {
  if (rangeEnd.length === 0) return { type: 'key', key: text(key) };
  const end = rangeEnd.length === 1 && rangeEnd[0] === 0 ? null : text(rangeEnd);
  return { type: 'from', first: text(key), end };
}

function fromPut(response: PutResponse, revision: number | null): StoreResult {
  return {
    type: 'put',
    revision,
    previous: response.prevKv === undefined ? null : toRecord(response.prevKv),
  };
}

function fromDelete(response: DeleteRangeResponse, revision: number | null): StoreResult {
  return { type: 'delete', revision, deleted: response.deleted, previous: response.prevKvs.map(toRecord) };
}

function fromRange(response: RangeResponse, revision: number | null): StoreResult {
  const { count, more } = response;
  return { type: 'range', revision, records: response.kvs.map(toRecord), count, more };
}

function fromTransaction(response: TxnResponse, revision: number | null): StoreResult {
  const results = response.responses.map(fromTransactionResponse);
  return { type: 'transaction', revision, succeeded: response.succeeded, results };
}

/** The headers of inner replies repeat the outer one where they are filled at all. */
function fromTransactionResponse({ response }: ResponseOp): StoreResult {
  switch (response?.$case) {
    case 'responseRange':
      return fromRange(response.responseRange, null);
    case 'responsePut':
      return fromPut(response.responsePut, null);
    case 'responseDeleteRange':
      return fromDelete(response.responseDeleteRange, null);
    case 'responseTxn':
      return fromTransaction(response.responseTxn, null);
    case undefined:
      throw new RangeError('a reply inside of a transaction says nothing');
  }
}

function toRecord(kv: KeyValue): KeyRecord {
  const { createRevision, modRevision, version, lease } = kv;
  return { key: text(kv.key), value: text(kv.value), createRevision, modRevision, version, lease };
}

function revisionOf(header: ResponseHeader | undefined): number | null {
  return header?.revision ?? null;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
