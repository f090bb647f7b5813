import assert from 'node:assert/strict';
import {
  type Compare,
  CompactionRequest,
  DeleteRangeRequest,
  type DeleteRangeResponse,
  type KeyValue,
  type LeaseRevokeResponse,
  PutRequest,
  type PutResponse,
  RangeRequest,
  type RangeResponse,
  type RequestOp,
  TxnRequest,
  type TxnResponse,
} from '@quorate/protocol';
import { type CommandBody, type CommandResponse, encodeCommand } from '../command.ts';
import { MemoryEngine } from '../engine/memory-engine.ts';
import { Store, type StoreOptions } from '../store.ts';

/** Text with one byte for each character, so that tests can write any byte as `\x00` to `\xff`. */
export function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function text(data: Uint8Array): string {
  return String.fromCharCode(...data);
}

type Partially<Request> = Partial<Omit<Request, 'key' | 'rangeEnd' | 'value'>>;

/** Gives a store one command after the other, as a log would, and makes requests easy to write. */
export class StoreDriver {
  readonly store: Store;
  private lastIndex: number;

  constructor(store: Store = Store.open(new MemoryEngine())) {
    this.store = store;
    this.lastIndex = store.appliedIndex;
  }

  static withOptions(options: StoreOptions): StoreDriver {
    return new StoreDriver(Store.open(new MemoryEngine(), options));
  }

  /** Validates and applies a command. Throws the StoreError with which it is refused. */
  execute(body: CommandBody): CommandResponse {
    this.store.validate(body);
    return this.apply(body);
  }

  /** Applies a command that nobody has validated. */
  apply(body: CommandBody): CommandResponse {
    this.lastIndex += 1;
    const data = encodeCommand({ requestId: { member: 1n, sequence: this.lastIndex }, body });
    const [result] = this.store.apply([{ index: this.lastIndex, term: 1, data }]);
    assert.equal(result?.index, this.lastIndex);
    if (!result.outcome.ok) throw result.outcome.error;
    return result.outcome.response;
  }

  put(key: string, value = '', options: Partially<PutRequest> = {}): PutResponse {
    const response = this.execute({ $case: 'put', put: putRequest(key, value, options) });
    assert.equal(response.$case, 'put');
    return response.put;
  }

  delete(key: string, rangeEnd = '', options: Partially<DeleteRangeRequest> = {}): DeleteRangeResponse {
    const response = this.execute({
      $case: 'deleteRange',
      deleteRange: deleteRequest(key, rangeEnd, options),
    });
    assert.equal(response.$case, 'deleteRange');
    return response.deleteRange;
  }

  txn(request: Partial<TxnRequest>): TxnResponse {
    const response = this.execute({ $case: 'txn', txn: TxnRequest.create(request) });
    assert.equal(response.$case, 'txn');
    return response.txn;
  }

  compact(revision: number): void {
    this.execute({ $case: 'compaction', compaction: CompactionRequest.create({ revision }) });
  }

  grant(ID: bigint, TTL = 60): void {
    this.execute({ $case: 'leaseGrant', leaseGrant: { ID, TTL } });
  }

  revoke(id: bigint): LeaseRevokeResponse {
    const response = this.execute({ $case: 'leaseRevoke', leaseRevoke: { id, expiredInTerm: 0 } });
    assert.equal(response.$case, 'leaseRevoke');
    return response.leaseRevoke;
  }

  range(key: string, rangeEnd = '', options: Partially<RangeRequest> = {}): RangeResponse {
    return this.store.range(rangeRequest(key, rangeEnd, options));
  }

  /** The keys in a range, in the order of the answer. */
  keys(key: string, rangeEnd = '', options: Partially<RangeRequest> = {}): string[] {
    return this.range(key, rangeEnd, options).kvs.map((kv) => text(kv.key));
  }

  /** The value of a key, or null if it does not exist. */
  value(key: string, revision = 0): string | null {
    const [kv] = this.range(key, '', { revision }).kvs;
    return kv === undefined ? null : text(kv.value);
  }

  /** The one key, which must exist. */
  get(key: string, revision = 0): KeyValue {
    const [kv] = this.range(key, '', { revision }).kvs;
    assert.ok(kv !== undefined, `${key} exists`);
    return kv;
  }
}

export function rangeRequest(
  key: string,
  rangeEnd = '',
  options: Partially<RangeRequest> = {},
): RangeRequest {
  return RangeRequest.create({ key: bytes(key), rangeEnd: bytes(rangeEnd), ...options });
}

export function putRequest(key: string, value = '', options: Partially<PutRequest> = {}): PutRequest {
  return PutRequest.create({ key: bytes(key), value: bytes(value), ...options });
}

export function deleteRequest(
  key: string,
  rangeEnd = '',
  options: Partially<DeleteRangeRequest> = {},
): DeleteRangeRequest {
  return DeleteRangeRequest.create({ key: bytes(key), rangeEnd: bytes(rangeEnd), ...options });
}

/** Operations of transactions. */
export const operation = {
  range: (...request: Parameters<typeof rangeRequest>): RequestOp => ({
    request: { $case: 'requestRange', requestRange: rangeRequest(...request) },
  }),
  put: (...request: Parameters<typeof putRequest>): RequestOp => ({
    request: { $case: 'requestPut', requestPut: putRequest(...request) },
  }),
  delete: (...request: Parameters<typeof deleteRequest>): RequestOp => ({
    request: { $case: 'requestDeleteRange', requestDeleteRange: deleteRequest(...request) },
  }),
  txn: (request: Partial<TxnRequest>): RequestOp => ({
    request: { $case: 'requestTxn', requestTxn: TxnRequest.create(request) },
  }),
};

/** A comparison, with the key and the range's end as text. */
export function compare(
  key: string,
  result: Compare['result'],
  target: Compare['target'],
  targetUnion: Compare['targetUnion'],
  rangeEnd = '',
): Compare {
  return { key: bytes(key), result, target, targetUnion, rangeEnd: bytes(rangeEnd) };
}
