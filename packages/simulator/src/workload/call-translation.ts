import type { StoreOperation, StoreRefusal, StoreResult } from '../linearizability/store-operation.ts';
import {
  type StoreRequest,
  type StoreResponse,
  toStoreOperation,
  toStoreResult,
} from '../linearizability/store-protocol.ts';
import type { Answer, Call } from './call.ts';

/** A call in the words of the checker. */
export function toOperation(call: Call): StoreOperation {
  return toStoreOperation(requestOf(call));
}

/** An answer in the words of the checker; null for a refusal that depends on the request alone, which proves nothing. */
export function toResult(answer: Answer): StoreResult | null {
  switch (answer.kind) {
    case 'range':
      return toStoreResult({ $case: 'range', range: answer.response });
    case 'command':
      return toStoreResult(responseOf(answer));
    case 'refused':
      return isStateDependent(answer.code) ? { type: 'refused', code: answer.code } : null;
  }
}

function requestOf(call: Call): StoreRequest {
  if (call.kind === 'range') {
    return { $case: 'range', range: call.request };
  }
  const { body } = call;
  if (!isModelled(body)) {
    throw new RangeError(`the model of the store knows nothing of ${body.$case}`);
  }
  return body;
}

function responseOf({ response }: Answer & { kind: 'command' }): StoreResponse {
  if (!isModelled(response)) {
    throw new RangeError(`the model of the store knows nothing of ${response.$case}`);
  }
  return response;
}

type Modelled = Exclude<StoreRequest['$case'], 'range'>;

const MODELLED: ReadonlySet<string> = new Set([
  'put',
  'deleteRange',
  'txn',
  'compaction',
] satisfies Modelled[]);

function isModelled<Union extends { readonly $case: string }>(
  union: Union,
): union is Extract<Union, { readonly $case: Modelled }> {
  return MODELLED.has(union.$case);
}

const STATE_DEPENDENT: ReadonlySet<string> = new Set([
  'compacted',
  'future-revision',
  'key-not-found',
] satisfies StoreRefusal[]);

/** Whether a refusal with this code says something about the state of the store. */
export function isStateDependent(code: string): code is StoreRefusal {
  return STATE_DEPENDENT.has(code);
}
