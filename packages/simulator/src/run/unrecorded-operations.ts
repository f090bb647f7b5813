import { type CommandBody, type Store, toKey } from '@quorate/kv';
import type { PutWithTtl, RequestOp } from '@quorate/protocol';
import { hasChanged } from '../linearizability/store-model.ts';
import type { StoreOperation, StoreResult } from '../linearizability/store-operation.ts';
import type { Answer } from '../workload/call.ts';
import { toOperation, toResult } from '../workload/call-translation.ts';

/** Something that changed the store, and that no history of a client has. */
export type UnrecordedOperation = { readonly operation: StoreOperation; readonly result: StoreResult };

/** Keys of clients with leases and of locks, who keep other records than histories. Nobody else puts them. */
const UNRECORDED_PREFIXES: readonly string[] = ['leased/', 'locks/'];

/** The keys of the lease that a command is to end. */
export function keysAtStake(store: Store, body: CommandBody): readonly string[] {
  if (body.$case !== 'leaseRevoke') return [];
  return [...(store.lease(body.leaseRevoke.id)?.keys ?? [])].toSorted();
}

/**
 * What a command from the log did beside the histories: a write by a client who records none, or the end of a lease,
 * which deletes its keys in one revision. Null for what the histories have, and for what changed nothing.
 */
export function unrecordedOperation(
  body: CommandBody,
  answer: Answer,
  endedKeys: readonly string[],
): UnrecordedOperation | null {
  switch (body.$case) {
    case 'leaseRevoke': {
      if (answer.kind !== 'command' || answer.response.$case !== 'leaseRevoke' || endedKeys.length === 0)
        return null;
      const revision = answer.response.leaseRevoke.header?.revision ?? 0;
      return endOfLease(endedKeys, revision);
    }
    case 'put':
      return isUnrecorded(body.put.key) ? changing(body, answer) : null;
    case 'putWithTtl':
      return putUnderNewLease(body.putWithTtl, answer);
    case 'txn': {
      const keys = [...body.txn.success, ...body.txn.failure].flatMap(keyChangedBy);
      return keys.length > 0 && keys.every(isUnrecorded) ? changing(body, answer) : null;
    }
    case 'deleteRange':
    case 'compaction':
    case 'leaseGrant':
    case 'leaseCheckpoint':
    case 'publishMember':
    case 'alarm':
      return null;
  }
}

function changing(body: CommandBody, answer: Answer): UnrecordedOperation | null {
  const result = toResult(answer);
  return result !== null && hasChanged(result)
    ? { operation: toOperation({ kind: 'command', body }), result }
    : null;
}

/** For who looks at keys it is a put: leases are not part of the model. */
function putUnderNewLease({ put }: PutWithTtl, answer: Answer): UnrecordedOperation | null {
  if (put === undefined || !isUnrecorded(put.key)) return null;
  if (answer.kind !== 'command' || answer.response.$case !== 'putWithTtl') return null;
  const { putWithTtl: response } = answer.response;
  return changing({ $case: 'put', put }, { kind: 'command', response: { $case: 'put', put: response } });
}

function endOfLease(keys: readonly string[], revision: number): UnrecordedOperation {
  const success = keys.map((key) => ({
    type: 'delete' as const,
    range: { type: 'key' as const, key },
    previous: false,
  }));
  const results = keys.map(() => ({ type: 'delete' as const, revision: null, deleted: 1, previous: [] }));
  return {
    operation: { type: 'transaction', compares: [], success, failure: [] },
    result: { type: 'transaction', revision, succeeded: true, results },
  };
}

function keyChangedBy({ request }: RequestOp): readonly Uint8Array[] {
  switch (request?.$case) {
    case 'requestPut':
      return [request.requestPut.key];
    case 'requestDeleteRange':
      return [request.requestDeleteRange.key];
    case 'requestTxn':
      return [...request.requestTxn.success, ...request.requestTxn.failure].flatMap(keyChangedBy);
    case 'requestRange':
    case undefined:
      return [];
  }
}

function isUnrecorded(key: Uint8Array): boolean {
  return UNRECORDED_PREFIXES.some((prefix) => toKey(key).startsWith(prefix));
}
