import type { CommandBody } from '@quorate/kv';
import {
  Compare,
  Compare_CompareResult as Result,
  Compare_CompareTarget as Target,
  PutRequest,
  type RangeRequest,
  RangeRequest_SortOrder as SortOrder,
  RangeRequest_SortTarget as SortTarget,
  type RequestOp,
} from '@quorate/protocol';
import { deleteOperation, getOperation, putOperation, rangeRequest, toBytes } from './requests.ts';

/** Every client that wants the lock has a key with this prefix, as with etcd's recipe. */
const QUEUE = 'locks/one/';
const QUEUE_END = 'locks/one0';
/** What the lock guards: its value names the key of the lock, the token, and the act. */
export const GUARDED_KEY = 'locks/guarded';

export function lockKey(lease: bigint): string {
  return `${QUEUE}${lease.toString(16)}`;
}

/** All keys of the queue. */
export function wholeQueue(): RangeRequest {
  return rangeRequest({ key: toBytes(QUEUE), rangeEnd: toBytes(QUEUE_END) });
}

/** A client's own key first, and the one before it, if there is one. */
export function queueUpTo(token: number): RangeRequest {
  return {
    ...wholeQueue(),
    maxCreateRevision: token,
    sortTarget: SortTarget.CREATE,
    sortOrder: SortOrder.DESCEND,
    limit: 2,
  };
}

/** Who is the first: who has the lock, or leads. */
export function firstInQueue(): RangeRequest {
  return { ...wholeQueue(), sortTarget: SortTarget.CREATE, sortOrder: SortOrder.ASCEND, limit: 1 };
}

/** Takes a place at the end of the queue, or finds the one that the lease has. */
export function enterQueue(lease: bigint): CommandBody {
  const key = lockKey(lease);
  const put = PutRequest.create({ key: toBytes(key), lease });
  return ifCreatedAt(key, 0, { request: { $case: 'requestPut', requestPut: put } }, [getOperation(key)]);
}

/** Gives a place up. */
export function leaveQueue(lease: bigint, token: number): CommandBody {
  const key = lockKey(lease);
  return ifCreatedAt(key, token, deleteOperation(key), []);
}

/** Gives the own key another value, for those who ask who leads. */
export function proclaim(lease: bigint, token: number, value: string): CommandBody {
  const key = lockKey(lease);
  const put = PutRequest.create({ key: toBytes(key), value: toBytes(value), lease });
  return ifCreatedAt(key, token, { request: { $case: 'requestPut', requestPut: put } }, []);
}

/** Acts on the guarded key, if the lock is held under this token still. */
export function actFenced(lease: bigint, token: number, value: string): CommandBody {
  return ifCreatedAt(lockKey(lease), token, putOperation(GUARDED_KEY, value), []);
}

/** What a value of the guarded key says: under which key and token it was written. */
export function readGuarded(value: string): { readonly key: string; readonly token: number } {
  const [key = '', token = ''] = value.split(' ');
  return { key, token: Number(token) };
}

export function guardedValue(lease: bigint, token: number, act: string): string {
  return `${lockKey(lease)} ${token} ${act}`;
}

function ifCreatedAt(
  key: string,
  createRevision: number,
  success: RequestOp,
  failure: readonly RequestOp[],
): CommandBody {
  const compare = Compare.create({
    key: toBytes(key),
    target: Target.CREATE,
    result: Result.EQUAL,
    targetUnion: { $case: 'createRevision', createRevision },
  });
  return { $case: 'txn', txn: { compare: [compare], success: [success], failure: [...failure] } };
}
