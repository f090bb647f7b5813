import {
  type Compare,
  Compare_CompareResult as CompareResult,
  type CompactionRequest,
  type DeleteRangeRequest,
  type DeleteRangeResponse,
  type KeyValue,
  type LeaseGrantRequest,
  type LeaseGrantResponse,
  type LeaseRevokeRequest,
  type PutRequest,
  type PutResponse,
  type RangeRequest,
  RangeRequest_SortOrder as SortOrder,
  RangeRequest_SortTarget as SortTarget,
  type RangeResponse,
  type RequestOp,
  type ResponseHeader,
  type ResponseOp,
  type TxnRequest,
  type TxnResponse,
} from '@quorate/protocol';

/** A refusal with etcd's code and words. */
export class FakeRefusal extends Error {
  readonly grpcCode: number;

  constructor(grpcCode: number, message: string) {
    super(message);
    this.grpcCode = grpcCode;
  }
}

const invalidArgument = 3;
const outOfRange = 11;

/**
 * A small store in memory with etcd's semantics, so that the client and the command line can be tested without
 * a cluster. It keeps every revision and makes no attempt to be quick.
 */
export class FakeStore {
  /** The states of each key, oldest first; a deletion is a state with version 0. Keys are latin1. */
  readonly #history = new Map<string, KeyValue[]>();
  revision = 1;
  compactedRevision = 0;
  /** How many leases were granted. They last until they are revoked. */
  leases = 0;

  range(request: RangeRequest): RangeResponse {
    if (request.key.length === 0) throw new FakeRefusal(invalidArgument, 'etcdserver: key is not provided');
    this.#checkRevision(request.revision);
    const all = this.#select(request.key, request.rangeEnd, request.revision || this.revision);
    const bounded = all.filter((each) => isWithin(each, request));
    const sorted = bounded.sort(order(request));
    const limited = request.limit > 0 ? sorted.slice(0, request.limit) : sorted;
    const kvs = limited.map((each) => (request.keysOnly ? { ...each, value: new Uint8Array(0) } : each));
    return {
      header: this.header(),
      kvs: request.countOnly ? [] : kvs,
      more: limited.length < sorted.length,
      count: all.length,
    };
  }

  put(request: PutRequest): PutResponse {
    checkPut(request);
    this.revision += 1;
    return this.#put(request, this.revision);
  }

  deleteRange(request: DeleteRangeRequest): DeleteRangeResponse {
    if (request.key.length === 0) throw new FakeRefusal(invalidArgument, 'etcdserver: key is not provided');
    const response = this.#delete(request, this.revision + 1);
    if (response.deleted > 0) this.revision += 1;
    return { ...response, header: this.header() };
  }

  txn(request: TxnRequest): TxnResponse {
    checkTransaction(request);
    const revision = this.revision + 1;
    const response = this.#txn(request, revision, (compare) => this.#holds(compare));
    if (this.#changedAt(revision)) this.revision = revision;
    return { ...response, header: this.header() };
  }

  compact(request: CompactionRequest): { header: ResponseHeader } {
    if (request.revision <= this.compactedRevision) throw compacted();
    if (request.revision > this.revision) throw future();
    this.compactedRevision = request.revision;
    return { header: this.header() };
  }

  grantLease({ ID, TTL }: LeaseGrantRequest): LeaseGrantResponse {
    this.leases += 1;
    return { header: this.header(), ID: ID === 0n ? BigInt(this.leases) : ID, TTL, error: '' };
  }

  revokeLease({ ID }: LeaseRevokeRequest): { header: ResponseHeader } {
    const attached = [...this.#history.values()].flatMap((states) => {
      const last = states.at(-1);
      return last !== undefined && last.version > 0 && last.lease === ID ? [last.key] : [];
    });
    for (const key of attached) this.deleteRange({ key, rangeEnd: new Uint8Array(0), prevKv: false });
    return { header: this.header() };
  }

  header(): ResponseHeader {
    return { clusterId: 0xc1n, memberId: 0n, revision: this.revision, raftTerm: 0 };
  }

  #put(request: PutRequest, revision: number): PutResponse {
    const name = latin1(request.key);
    const states = this.#history.get(name) ?? [];
    const last = states.at(-1);
    const before = last !== undefined && last.version > 0 ? last : undefined;
    states.push({
      key: request.key,
      value: request.value,
      createRevision: before?.createRevision ?? revision,
      modRevision: revision,
      version: (before?.version ?? 0) + 1,
      lease: request.lease,
    });
    this.#history.set(name, states);
    return { header: { ...this.header(), revision }, prevKv: request.prevKv ? before : undefined };
  }

  #delete(request: DeleteRangeRequest, revision: number): DeleteRangeResponse {
    const found = this.#select(request.key, request.rangeEnd, revision);
    for (const { key } of found) {
      const tombstone = { key, value: new Uint8Array(0), createRevision: 0, version: 0, lease: 0n };
      this.#history.get(latin1(key))?.push({ ...tombstone, modRevision: revision });
    }
    return { header: this.header(), deleted: found.length, prevKvs: request.prevKv ? found : [] };
  }

  #txn(request: TxnRequest, revision: number, holds: (compare: Compare) => boolean): TxnResponse {
    const succeeded = request.compare.every(holds);
    const responses = (succeeded ? request.success : request.failure).map((each): ResponseOp => {
      const operation = each.request;
      switch (operation?.$case) {
        case 'requestPut': {
          return {
            response: { $case: 'responsePut', responsePut: this.#put(operation.requestPut, revision) },
          };
        }
        case 'requestDeleteRange': {
          const responseDeleteRange = this.#delete(operation.requestDeleteRange, revision);
          return { response: { $case: 'responseDeleteRange', responseDeleteRange } };
        }
        case 'requestRange': {
          const responseRange = this.range(operation.requestRange);
          return { response: { $case: 'responseRange', responseRange } };
        }
        case 'requestTxn': {
          const responseTxn = this.#txn(operation.requestTxn, revision, holds);
          return { response: { $case: 'responseTxn', responseTxn } };
        }
        case undefined:
          throw new FakeRefusal(invalidArgument, 'etcdserver: key not found');
      }
    });
    return { header: this.header(), succeeded, responses };
  }

  #holds(compare: Compare): boolean {
    const found = this.#select(compare.key, compare.rangeEnd, this.revision);
    if (compare.rangeEnd.length > 0) return found.every((each) => meets(each, compare));
    return meets(found[0], compare);
  }

  /** The keys of a range that exist at a revision, in byte order. */
  #select(key: Uint8Array, rangeEnd: Uint8Array, revision: number): KeyValue[] {
    const from = latin1(key);
    const end = latin1(rangeEnd);
    const isWanted = (name: string): boolean => {
      if (end === '') return name === from;
      return name >= from && (end === '\0' || name < end);
    };
    const names = [...this.#history.keys()].filter(isWanted).sort();
    return names.flatMap((name) => {
      const state = this.#history.get(name)?.findLast((each) => each.modRevision <= revision);
      return state !== undefined && state.version > 0 ? [state] : [];
    });
  }

  #changedAt(revision: number): boolean {
    return [...this.#history.values()].some((states) => states.at(-1)?.modRevision === revision);
  }

  #checkRevision(revision: number): void {
    if (revision > this.revision) throw future();
    if (revision > 0 && revision < this.compactedRevision) throw compacted();
  }
}

function checkPut(request: PutRequest): void {
  if (request.key.length === 0) throw new FakeRefusal(invalidArgument, 'etcdserver: key is not provided');
}

/** Refuses what etcd refuses: too many operations, and keys put twice. */
function checkTransaction(request: TxnRequest): void {
  for (const list of [request.compare, request.success, request.failure]) {
    if (list.length > 128) {
      throw new FakeRefusal(invalidArgument, 'etcdserver: too many operations in txn request');
    }
  }
  for (const list of [request.success, request.failure]) checkOperations(list);
}

function checkOperations(operations: readonly RequestOp[]): void {
  const keys = new Set<string>();
  for (const { request } of operations) {
    if (request?.$case !== 'requestPut') continue;
    checkPut(request.requestPut);
    const name = latin1(request.requestPut.key);
    if (keys.has(name)) {
      throw new FakeRefusal(invalidArgument, 'etcdserver: duplicate key given in txn request');
    }
    keys.add(name);
  }
}

function meets(found: KeyValue | undefined, compare: Compare): boolean {
  const operand = compare.targetUnion;
  switch (operand?.$case) {
    case 'value':
      return found !== undefined && decide(Buffer.compare(found.value, operand.value), compare);
    case 'version':
      return decide((found?.version ?? 0) - operand.version, compare);
    case 'createRevision':
      return decide((found?.createRevision ?? 0) - operand.createRevision, compare);
    case 'modRevision':
      return decide((found?.modRevision ?? 0) - operand.modRevision, compare);
    case 'lease':
      return decide(Number((found?.lease ?? 0n) - operand.lease), compare);
    case undefined:
      return true;
  }
}

function decide(difference: number, compare: Compare): boolean {
  switch (compare.result) {
    case CompareResult.EQUAL:
      return difference === 0;
    case CompareResult.NOT_EQUAL:
      return difference !== 0;
    case CompareResult.GREATER:
      return difference > 0;
    case CompareResult.LESS:
      return difference < 0;
  }
}

function isWithin(each: KeyValue, request: RangeRequest): boolean {
  return (
    (request.minModRevision === 0 || each.modRevision >= request.minModRevision) &&
    (request.maxModRevision === 0 || each.modRevision <= request.maxModRevision) &&
    (request.minCreateRevision === 0 || each.createRevision >= request.minCreateRevision) &&
    (request.maxCreateRevision === 0 || each.createRevision <= request.maxCreateRevision)
  );
}

function order(request: RangeRequest): (left: KeyValue, right: KeyValue) => number {
  const sign = request.sortOrder === SortOrder.DESCEND ? -1 : 1;
  return (left, right) => sign * difference(request.sortTarget, left, right);
}

function difference(target: SortTarget, left: KeyValue, right: KeyValue): number {
  switch (target) {
    case SortTarget.KEY:
      return Buffer.compare(left.key, right.key);
    case SortTarget.VALUE:
      return Buffer.compare(left.value, right.value);
    case SortTarget.VERSION:
      return left.version - right.version;
    case SortTarget.CREATE:
      return left.createRevision - right.createRevision;
    case SortTarget.MOD:
      return left.modRevision - right.modRevision;
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function compacted(): FakeRefusal {
  return new FakeRefusal(outOfRange, 'etcdserver: mvcc: required revision has been compacted');
}

function future(): FakeRefusal {
  return new FakeRefusal(outOfRange, 'etcdserver: mvcc: required revision is a future revision');
}
