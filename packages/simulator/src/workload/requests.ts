import type { Call } from './call.ts';
import type { Compare, PutRequest, RangeRequest, RequestOp } from '@quorate/protocol';
import { Compare_CompareResult, Compare_CompareTarget, RangeRequest as Range } from '@quorate/protocol';

const NOTHING = new Uint8Array(0);

/** Keys and values are short ASCII texts in simulations. */
export function toBytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

export function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

export function rangeRequest(fields: Partial<RangeRequest> & { readonly key: Uint8Array }): RangeRequest {
  return Range.fromPartial(fields);
}

export function putRequest(key: string, value: string, prevKv = false): PutRequest {
  return {
    key: toBytes(key),
    value: toBytes(value),
    lease: 0n,
    prevKv,
    ignoreValue: false,
    ignoreLease: false,
  };
}

export function put(key: string, value: string, prevKv = false): Call {
  return { kind: 'command', body: { $case: 'put', put: putRequest(key, value, prevKv) } };
}

export function get(key: string): Call {
  return { kind: 'range', request: rangeRequest({ key: toBytes(key) }) };
}

/** Deletes one key, or with `end` the keys from `key` up to it. */
export function deleteRange(key: string, end: string | null, prevKv: boolean): Call {
  const deleteRange = { key: toBytes(key), rangeEnd: end === null ? NOTHING : toBytes(end), prevKv };
  return { kind: 'command', body: { $case: 'deleteRange', deleteRange } };
}

export function compact(revision: number): Call {
  return { kind: 'command', body: { $case: 'compaction', compaction: { revision, physical: false } } };
}

export function transaction(
  compare: readonly Compare[],
  success: readonly RequestOp[],
  failure: readonly RequestOp[],
): Call {
  const txn = { compare: [...compare], success: [...success], failure: [...failure] };
  return { kind: 'command', body: { $case: 'txn', txn } };
}

/** True if the key was last changed at this revision; 0 means that it does not exist. */
export function modifiedAt(key: string, revision: number): Compare {
  return {
    result: Compare_CompareResult.EQUAL,
    target: Compare_CompareTarget.MOD,
    key: toBytes(key),
    rangeEnd: NOTHING,
    targetUnion: { $case: 'modRevision', modRevision: revision },
  };
}

/** Always true, of a key that nobody ever creates: makes a transaction unlike all others. */
export function isUnused(key: string): Compare {
  return {
    result: Compare_CompareResult.EQUAL,
    target: Compare_CompareTarget.VERSION,
    key: toBytes(key),
    rangeEnd: NOTHING,
    targetUnion: { $case: 'version', version: 0 },
  };
}

export function hasValue(key: string, value: string): Compare {
  return {
    result: Compare_CompareResult.EQUAL,
    target: Compare_CompareTarget.VALUE,
    key: toBytes(key),
    rangeEnd: NOTHING,
    targetUnion: { $case: 'value', value: toBytes(value) },
  };
}

export function putOperation(key: string, value: string): RequestOp {
  return { request: { $case: 'requestPut', requestPut: putRequest(key, value) } };
}

export function getOperation(key: string): RequestOp {
  return { request: { $case: 'requestRange', requestRange: rangeRequest({ key: toBytes(key) }) } };
}

export function deleteOperation(key: string): RequestOp {
  const requestDeleteRange = { key: toBytes(key), rangeEnd: NOTHING, prevKv: false };
  return { request: { $case: 'requestDeleteRange', requestDeleteRange } };
}
