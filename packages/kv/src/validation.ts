import {
  RangeRequest_SortOrder as SortOrder,
  RangeRequest_SortTarget as SortTarget,
  type DeleteRangeRequest,
  PutRequest,
  type RangeRequest,
  type RequestOp,
  type TxnRequest,
} from '@quorate/protocol';
import { validateAlarm } from './alarm-table.ts';
import type { CommandBody } from './command.ts';
import { checkDuplicateKeys } from './duplicate-keys.ts';
import { leaseTtlMaxSeconds } from './lease-table.ts';
import { StoreError } from './store-error.ts';

const sortOrders: ReadonlySet<number> = new Set(Object.values(SortOrder));
const sortTargets: ReadonlySet<number> = new Set(Object.values(SortTarget));

/**
 * Refuses what is wrong with a command whatever the store holds. The outcome depends on the command alone, so
 * members may check it again when they apply it.
 */
export function validateCommand(body: CommandBody): void {
  switch (body.$case) {
    case 'put':
      validatePut(body.put);
      return;
    case 'deleteRange':
      validateDeleteRange(body.deleteRange);
      return;
    case 'txn':
      validateTransaction(body.txn);
      return;
    case 'leaseGrant':
      validateTtl(body.leaseGrant.TTL);
      return;
    case 'putWithTtl':
      validatePut(body.putWithTtl.put ?? PutRequest.create({}));
      validateTtl(body.putWithTtl.ttl);
      return;
    case 'alarm':
      validateAlarm(body.alarm);
      return;
    case 'compaction':
    case 'publishMember':
    case 'leaseRevoke':
    case 'leaseCheckpoint':
      return;
  }
}

/** Whether executing the command may take space that was not taken before: what a full member refuses. */
export function takesSpace(body: CommandBody): boolean {
  switch (body.$case) {
    case 'put':
    case 'putWithTtl':
    case 'leaseGrant':
      return true;
    case 'txn':
      return transactionPuts(body.txn);
    case 'deleteRange':
    case 'compaction':
    case 'publishMember':
    case 'leaseRevoke':
    case 'leaseCheckpoint':
    case 'alarm':
      return false;
  }
}

/** Whether one of its branches puts a key, as etcd counts: whichever of them will be executed. */
function transactionPuts(request: TxnRequest): boolean {
  return !everyOperation(
    request,
    (operation) =>
      operation?.$case !== 'requestPut' &&
      !(operation?.$case === 'requestTxn' && transactionPuts(operation.requestTxn)),
  );
}

/** Throws `key-not-provided`, `invalid-sort-option`. */
export function validateRange(request: RangeRequest): void {
  requireKey(request.key);
  if (!sortOrders.has(request.sortOrder) || !sortTargets.has(request.sortTarget)) {
    throw new StoreError('invalid-sort-option');
  }
}

/** Throws `key-not-provided`, `key-not-found`, `value-provided`, `lease-provided`, `invalid-sort-option`, `duplicate-key`. */
export function validateTransaction(request: TxnRequest): void {
  validateOperations(request);
  // Only now that every key is known to be there.
  checkDuplicateKeys(request.success);
  checkDuplicateKeys(request.failure);
}

/**
 * Transactions may be nested this deep, whatever the limit of operations. What is accepted must be readable
 * when it comes out of the log, where it is one level deeper, and the codecs read 512 levels of messages.
 */
const transactionMaxDepth = 128;

/**
 * Throws `too-many-operations` if a transaction has more than `max` comparisons, or operations in either list,
 * or is nested too deep. A transaction within it may have only as many as are left. What the limit is may
 * differ between members, so it counts when a transaction is proposed, not when it is applied.
 */
export function limitOperations(request: TxnRequest, max: number, maxDepth = transactionMaxDepth): void {
  const count = Math.max(request.compare.length, request.success.length, request.failure.length);
  if (count > max || maxDepth === 0) {
    throw new StoreError('too-many-operations');
  }
  for (const { request: operation } of [...request.success, ...request.failure]) {
    if (operation?.$case === 'requestTxn') {
      limitOperations(operation.requestTxn, max - count, maxDepth - 1);
    }
  }
}

/** Whether the transaction can change nothing, whichever way its comparisons turn out. */
export function isReadOnlyTransaction(request: TxnRequest): boolean {
  return everyOperation(
    request,
    (operation) =>
      operation?.$case === 'requestRange' ||
      (operation?.$case === 'requestTxn' && isReadOnlyTransaction(operation.requestTxn)),
  );
}

/** Whether all of the transaction's ranges are serializable: then it may be answered from local state. */
export function isSerializableTransaction(request: TxnRequest): boolean {
  return everyOperation(
    request,
    (operation) =>
      (operation?.$case === 'requestRange' && operation.requestRange.serializable) ||
      (operation?.$case === 'requestTxn' && isSerializableTransaction(operation.requestTxn)),
  );
}

function everyOperation(request: TxnRequest, holds: (operation: RequestOp['request']) => boolean): boolean {
  const test = (operation: RequestOp): boolean => holds(operation.request);
  return request.success.every(test) && request.failure.every(test);
}

function validateOperations(request: TxnRequest): void {
  for (const { key } of request.compare) {
    requireKey(key);
  }
  request.success.forEach(validateOperation);
  request.failure.forEach(validateOperation);
}

function validateOperation({ request }: RequestOp): void {
  switch (request?.$case) {
    case 'requestRange':
      validateRange(request.requestRange);
      return;
    case 'requestPut':
      validatePut(request.requestPut);
      return;
    case 'requestDeleteRange':
      validateDeleteRange(request.requestDeleteRange);
      return;
    case 'requestTxn':
      validateOperations(request.requestTxn);
      return;
    case undefined:
      throw new StoreError('key-not-found');
  }
}

function validatePut(request: PutRequest): void {
  requireKey(request.key);
  if (request.ignoreValue && request.value.length > 0) {
    throw new StoreError('value-provided');
  }
  if (request.ignoreLease && request.lease !== 0n) {
    throw new StoreError('lease-provided');
  }
}

function validateTtl(seconds: number): void {
  if (seconds > leaseTtlMaxSeconds) {
    throw new StoreError('lease-ttl-too-large');
  }
}

function validateDeleteRange(request: DeleteRangeRequest): void {
  requireKey(request.key);
}

function requireKey(key: Uint8Array): void {
  if (key.length === 0) {
    throw new StoreError('key-not-provided');
  }
}
