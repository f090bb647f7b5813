import { DeleteRangeRequest, PutRequest, type RequestOp, type ResponseOp } from '@quorate/protocol';
import { type Bytes, toBytes } from './bytes.ts';
import type { Comparison } from './compare.ts';
import { type KeyRange, toWireRange } from './key-range.ts';
import { KeyValue } from './key-value.ts';
import {
  type PageOptions,
  type RangePage,
  type ReadOptions,
  toRangePage,
  toRangeRequest,
} from './read-options.ts';
import { QuorateError } from './quorate-error.ts';

/** How to put. */
export type PutOptions = {
  /** Attach the key to this lease. Default 0n: none. */
  readonly lease?: bigint;
  /** Answer with the key as it was before. */
  readonly previous?: boolean;
  /** Keep the key's lease; it must exist. */
  readonly keepLease?: boolean;
};

/** How to delete. */
export type DeleteOptions = {
  /** Answer with the keys as they were before. */
  readonly previous?: boolean;
};

/** One operation of a transaction. Made by the functions of `operation`. */
export type Operation = { readonly wire: RequestOp; readonly isRead: boolean };

/** What an operation did, of the same kind and in the same place. */
export type OperationResult =
  | { readonly kind: 'put'; readonly previous: KeyValue | null }
  | { readonly kind: 'delete'; readonly deleted: number; readonly previous: readonly KeyValue[] }
  | ({ readonly kind: 'range' } & RangePage)
  | {
      readonly kind: 'transaction';
      readonly succeeded: boolean;
      readonly results: readonly OperationResult[];
    };

/** A transaction as data; see `Transaction` for the meaning. */
export type TransactionParts = {
  readonly conditions?: readonly Comparison[];
  readonly success?: readonly Operation[];
  readonly failure?: readonly Operation[];
};

/** Makes the operations of a transaction. */
export const operation = {
  put(key: Bytes, value: Bytes, options: PutOptions = {}): Operation {
    return {
      wire: { request: { $case: 'requestPut', requestPut: toPutRequest(key, value, options) } },
      isRead: false,
    };
  },

  get(key: Bytes, options: ReadOptions = {}): Operation {
    return operation.range({ key }, options);
  },

  range(range: KeyRange, options: PageOptions = {}): Operation {
    const requestRange = toRangeRequest(range, options);
    return { wire: { request: { $case: 'requestRange', requestRange } }, isRead: true };
  },

  delete(key: Bytes, options: DeleteOptions = {}): Operation {
    return operation.deleteRange({ key }, options);
  },

  deleteRange(range: KeyRange, options: DeleteOptions = {}): Operation {
    const requestDeleteRange = toDeleteRequest(range, options);
    return { wire: { request: { $case: 'requestDeleteRange', requestDeleteRange } }, isRead: false };
  },

  /** A transaction inside the transaction. Its conditions see the state before the outer one. */
  transaction(parts: TransactionParts): Operation {
    const { conditions = [], success = [], failure = [] } = parts;
    const requestTxn = {
      compare: conditions.map((condition) => condition.wire),
      success: success.map((each) => each.wire),
      failure: failure.map((each) => each.wire),
    };
    return {
      wire: { request: { $case: 'requestTxn', requestTxn } },
      isRead: [...success, ...failure].every((each) => each.isRead),
    };
  },
} as const;

export function toPutRequest(key: Bytes, value: Bytes, options: PutOptions): PutRequest {
  return PutRequest.fromPartial({
    key: toBytes(key),
    value: toBytes(value),
    lease: options.lease ?? 0n,
    prevKv: options.previous ?? false,
    ignoreLease: options.keepLease ?? false,
  });
}

export function toDeleteRequest(range: KeyRange, options: DeleteOptions): DeleteRangeRequest {
  return DeleteRangeRequest.fromPartial({ ...toWireRange(range), prevKv: options.previous ?? false });
}

export function toOperationResult(wire: ResponseOp): OperationResult {
  const { response } = wire;
  switch (response?.$case) {
    case 'responsePut': {
      const { prevKv } = response.responsePut;
      return { kind: 'put', previous: prevKv === undefined ? null : new KeyValue(prevKv) };
    }
    case 'responseDeleteRange': {
      const { deleted, prevKvs } = response.responseDeleteRange;
      return { kind: 'delete', deleted, previous: prevKvs.map((each) => new KeyValue(each)) };
    }
    case 'responseRange':
      return { kind: 'range', ...toRangePage(response.responseRange) };
    case 'responseTxn': {
      const { succeeded, responses } = response.responseTxn;
      return { kind: 'transaction', succeeded, results: responses.map(toOperationResult) };
    }
    case undefined:
      throw new QuorateError('server-error', 'the answer to a transaction lacks the result of an operation', {
        outcome: 'unknown',
      });
  }
}
