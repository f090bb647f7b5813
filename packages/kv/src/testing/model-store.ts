import {
  type AlarmMember,
  type AlarmRequest,
  AlarmRequest_AlarmAction as AlarmAction,
  AlarmType,
  type Compare,
  Compare_CompareResult as Result,
  Compare_CompareTarget as Target,
  type DeleteRangeRequest,
  type DeleteRangeResponse,
  KeyValue,
  PutRequest,
  type PutResponse,
  type RangeRequest,
  RangeRequest_SortOrder as Order,
  RangeRequest_SortTarget as SortTarget,
  type RangeResponse,
  type RequestOp,
  type ResponseHeader,
  type ResponseOp,
  type TxnRequest,
  type TxnResponse,
} from '@quorate/protocol';
import type { CommandBody, CommandResponse } from '../command.ts';
import { StoreError } from '../store-error.ts';
import { covers, type Hex, hex } from './model-keys.ts';
import { modelRefusesTransaction } from './model-transaction-rules.ts';

type State = ReadonlyMap<Hex, KeyValue>;

/**
 * The semantics of the store in the plainest way: a whole copy of the map for each revision, and every rule
 * applied by searching through everything. It shares no code with the store, so that they do not share
 * mistakes.
 */
export class ModelStore {
  revision = 1;
  compactedRevision = 0;
  readonly leases = new Map<bigint, { ttlSeconds: number; remainingMs: number }>();
  readonly members = new Map<bigint, { name: string; clientUrls: readonly string[] }>();
  private readonly alarms = new Set<string>();
  /** By revision. */
  private readonly states: State[] = [new Map(), new Map()];
  /** The state that the command under way works on, and whether it has changed it. */
  private working = new Map<Hex, KeyValue>();
  private changed = false;

  /** Executes a command, or throws the StoreError with which it is refused. */
  execute(body: CommandBody, term = 1): CommandResponse {
    this.working = new Map(this.states[this.revision]);
    this.changed = false;
    const response = this.dispatch(body, term);
    if (this.changed) {
      this.revision += 1;
      this.states[this.revision] = this.working;
    }
    this.changed = false;
    return response;
  }

  /**
   * The changes that a store must keep, as `revision key` or `revision key deleted`: those that some readable
   * revision shows, and those that were made at a readable revision.
   */
  neededChanges(): Set<string> {
    const needed = new Set<string>();
    for (let revision = 2; revision <= this.revision; revision++) {
      const before = this.states[revision - 1] ?? new Map<Hex, KeyValue>();
      const after = this.states[revision] ?? new Map<Hex, KeyValue>();
      if (revision >= this.compactedRevision) {
        const deleted = [...before.keys()].filter((key) => !after.has(key));
        deleted.forEach((key) => needed.add(`${revision} ${key} deleted`));
        after.forEach((kv, key) => needed.add(`${kv.modRevision} ${key}`));
      }
    }
    return needed;
  }

  range(request: RangeRequest): RangeResponse {
    this.working = new Map(this.states[this.revision]);
    checkRange(request);
    return this.executeRange(request);
  }

  readTransaction(request: TxnRequest): TxnResponse {
    this.working = new Map(this.states[this.revision]);
    return this.txn(request);
  }

  private dispatch(body: CommandBody, term: number): CommandResponse {
    switch (body.$case) {
      case 'put':
        checkPut(body.put);
        if (this.hasNoSpace()) throw new StoreError('no-space');
        this.checkLease(body.put);
        this.checkPutNow(body.put, this.working);
        return { $case: 'put', put: this.put(body.put) };
      case 'deleteRange':
        checkKey(body.deleteRange.key);
        return { $case: 'deleteRange', deleteRange: this.deleteRange(body.deleteRange) };
      case 'txn':
        return { $case: 'txn', txn: this.txn(body.txn) };
      case 'compaction': {
        const { revision } = body.compaction;
        if (revision <= this.compactedRevision) throw new StoreError('compacted');
        if (revision > this.revision) throw new StoreError('future-revision');
        this.compactedRevision = revision;
        return { $case: 'compaction', compaction: { header: this.header() } };
      }
      case 'publishMember': {
        const { memberId, name, clientUrls } = body.publishMember;
        this.members.set(memberId, { name, clientUrls });
        return { $case: 'publishMember' };
      }
      case 'leaseGrant': {
        const { ID, TTL } = body.leaseGrant;
        this.grant(ID, TTL);
        return { $case: 'leaseGrant', leaseGrant: { header: this.header(), ID, TTL, error: '' } };
      }
      case 'leaseRevoke': {
        const { id, expiredInTerm } = body.leaseRevoke;
        if (expiredInTerm === 0 || expiredInTerm === term) this.revoke(id);
        return { $case: 'leaseRevoke', leaseRevoke: { header: this.header() } };
      }
      case 'leaseCheckpoint':
        for (const { id, remainingMs } of body.leaseCheckpoint.leases) {
          const lease = this.leases.get(id);
          if (lease !== undefined && body.leaseCheckpoint.term === term) {
            lease.remainingMs = Math.min(remainingMs, lease.ttlSeconds * 1000);
          }
        }
        return { $case: 'leaseCheckpoint' };
      case 'putWithTtl': {
        const { put = PutRequest.create({}), ttl } = body.putWithTtl;
        checkPut(put);
        if (ttl > 9e9) throw new StoreError('lease-ttl-too-large');
        if (this.hasNoSpace()) throw new StoreError('no-space');
        this.checkPutNow(put, this.working);
        this.grant(put.lease, ttl);
        return { $case: 'putWithTtl', putWithTtl: this.put(put), lease: put.lease, ttl };
      }
      case 'alarm':
        return { $case: 'alarm', alarm: { header: this.header(), alarms: this.alarm(body.alarm) } };
    }
  }

  /** Alarms as texts `type member`, which are in order as texts. */
  private alarm({ action, memberID, alarm }: AlarmRequest): AlarmMember[] {
    const asked = [...this.alarms].sort().map((one) => {
      const [type = '', member = ''] = one.split(' ');
      return { alarm: Number(type) as AlarmType, memberID: BigInt(member) };
    });
    if (action === AlarmAction.GET) return asked.filter((one) => alarm === 0 || one.alarm === alarm);
    if (action === AlarmAction.ACTIVATE) {
      if (alarm === AlarmType.NONE) return [];
      this.alarms.add(`${alarm} ${memberID}`);
      return [{ memberID, alarm }];
    }
    const cleared = asked.filter(
      (one) => one.alarm === alarm && (memberID === 0n || one.memberID === memberID),
    );
    for (const one of cleared) this.alarms.delete(`${one.alarm} ${one.memberID}`);
    return cleared;
  }

  private hasNoSpace(): boolean {
    return [...this.alarms].some((one) => one.startsWith(`${AlarmType.NOSPACE} `));
  }

  private header(): ResponseHeader {
    return { clusterId: 0n, memberId: 0n, revision: this.currentRevision(), raftTerm: 0 };
  }

  private currentRevision(): number {
    return this.changed ? this.revision + 1 : this.revision;
  }

  private executeRange(request: RangeRequest): RangeResponse {
    const revision = request.revision <= 0 ? this.currentRevision() : request.revision;
    this.checkRevision(request.revision);
    const state = revision === this.currentRevision() ? this.working : this.states[revision];
    const all = [...(state ?? new Map<Hex, KeyValue>()).values()].filter((kv) => covers(request, kv.key));
    const count = all.length;
    if (request.countOnly) return { header: this.header(), kvs: [], more: false, count };
    let kvs = all.filter(
      (kv) =>
        kv.modRevision >= request.minModRevision &&
        kv.modRevision <= (request.maxModRevision || Infinity) &&
        kv.createRevision >= request.minCreateRevision &&
        kv.createRevision <= (request.maxCreateRevision || Infinity),
    );
    // JavaScript's sort is stable: keys that are otherwise equal stay in their order.
    kvs.sort((a, b) => order(hex(a.key), hex(b.key)));
    const sign = request.sortOrder === Order.DESCEND ? -1 : 1;
    kvs.sort((a, b) => sign * order(sortValue(a, request.sortTarget), sortValue(b, request.sortTarget)));
    const more = request.limit > 0 && kvs.length > request.limit;
    if (more) kvs = kvs.slice(0, request.limit);
    if (request.keysOnly) kvs = kvs.map((kv) => ({ ...kv, value: new Uint8Array(0), lease: 0n }));
    return { header: this.header(), kvs, more, count };
  }

  private checkRevision(revision: number): void {
    if (revision > this.currentRevision()) throw new StoreError('future-revision');
    if (revision > 0 && revision < this.compactedRevision) throw new StoreError('compacted');
  }

  /** The keys of a lease, in hexadecimal and in their order. */
  keysOf(id: bigint): string[] {
    const state = this.states[this.revision] ?? new Map<Hex, KeyValue>();
    return [...state].flatMap(([key, kv]) => (kv.lease === id ? [key] : [])).sort();
  }

  private grant(id: bigint, ttlSeconds: number): void {
    if (ttlSeconds > 9e9) throw new StoreError('lease-ttl-too-large');
    if (this.hasNoSpace()) throw new StoreError('no-space');
    if (this.leases.has(id)) throw new StoreError('lease-exists');
    this.leases.set(id, { ttlSeconds, remainingMs: ttlSeconds * 1000 });
  }

  private revoke(id: bigint): void {
    if (!this.leases.delete(id)) throw new StoreError('lease-not-found');
    const gone = [...this.working].filter(([, kv]) => kv.lease === id);
    for (const [key] of gone) this.working.delete(key);
    if (gone.length > 0) this.changed = true;
  }

  private checkLease(request: PutRequest): void {
    if (request.lease !== 0n && !this.leases.has(request.lease)) throw new StoreError('lease-not-found');
  }

  private checkPutNow(request: PutRequest, state: State): void {
    if ((request.ignoreValue || request.ignoreLease) && !state.has(hex(request.key))) {
      throw new StoreError('key-not-found');
    }
  }

  private put(request: PutRequest): PutResponse {
    const old = this.working.get(hex(request.key));
    const revision = this.revision + 1;
    const kv = KeyValue.create({
      key: request.key,
      createRevision: old?.createRevision ?? revision,
      modRevision: revision,
      version: (old?.version ?? 0) + 1,
      value: request.ignoreValue ? (old?.value ?? request.value) : request.value,
      lease: request.ignoreLease ? (old?.lease ?? 0n) : request.lease,
    });
    this.working.set(hex(request.key), kv);
    this.changed = true;
    return { header: this.header(), prevKv: request.prevKv ? old : undefined };
  }

  private deleteRange(request: DeleteRangeRequest): DeleteRangeResponse {
    const gone = [...this.working.values()]
      .filter((kv) => covers(request, kv.key))
      .sort((a, b) => order(hex(a.key), hex(b.key)));
    for (const kv of gone) this.working.delete(hex(kv.key));
    if (gone.length > 0) this.changed = true;
    return { header: this.header(), deleted: gone.length, prevKvs: request.prevKv ? gone : [] };
  }

  private txn(request: TxnRequest): TxnResponse {
    checkTxn(request);
    if (modelRefusesTransaction(request)) throw new StoreError('duplicate-key');
    if (this.hasNoSpace() && puts(request)) throw new StoreError('no-space');
    const before: State = new Map(this.working);
    this.checkTxnNow(request, before);
    const response = this.executeTxn(request, before);
    return { ...response, header: this.header() };
  }

  private branch(request: TxnRequest, before: State): readonly RequestOp[] {
    return request.compare.every((compare) => holds(compare, before)) ? request.success : request.failure;
  }

  private checkTxnNow(request: TxnRequest, before: State): void {
    for (const { request: op } of this.branch(request, before)) {
      if (op?.$case === 'requestRange') this.checkRevision(op.requestRange.revision);
      if (op?.$case === 'requestPut') {
        this.checkLease(op.requestPut);
        this.checkPutNow(op.requestPut, before);
      }
      if (op?.$case === 'requestTxn') this.checkTxnNow(op.requestTxn, before);
    }
  }

  private executeTxn(request: TxnRequest, before: State): TxnResponse {
    const responses: ResponseOp[] = [];
    for (const { request: op } of this.branch(request, before)) {
      if (op?.$case === 'requestRange') {
        const responseRange = this.executeRange(op.requestRange);
        responses.push({ response: { $case: 'responseRange', responseRange } });
      } else if (op?.$case === 'requestPut') {
        responses.push({ response: { $case: 'responsePut', responsePut: this.put(op.requestPut) } });
      } else if (op?.$case === 'requestDeleteRange') {
        const responseDeleteRange = this.deleteRange(op.requestDeleteRange);
        responses.push({ response: { $case: 'responseDeleteRange', responseDeleteRange } });
      } else if (op?.$case === 'requestTxn') {
        const responseTxn = this.executeTxn(op.requestTxn, before);
        responses.push({ response: { $case: 'responseTxn', responseTxn } });
      }
    }
    const succeeded = request.compare.every((compare) => holds(compare, before));
    return { header: { clusterId: 0n, memberId: 0n, revision: 0, raftTerm: 0 }, succeeded, responses };
  }
}

function order<Value extends string | number>(a: Value, b: Value): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sortValue(kv: KeyValue, target: SortTarget): string | number {
  switch (target) {
    case SortTarget.KEY:
      return hex(kv.key);
    case SortTarget.VALUE:
      return hex(kv.value);
    case SortTarget.VERSION:
      return kv.version;
    case SortTarget.CREATE:
      return kv.createRevision;
    case SortTarget.MOD:
      return kv.modRevision;
  }
}

function holds(compare: Compare, state: State): boolean {
  const found = [...state.values()].filter((kv) => covers(compare, kv.key));
  if (found.length > 0) return found.every((kv) => holdsFor(compare, kv));
  return compare.target !== Target.VALUE && holdsFor(compare, KeyValue.create({}));
}

function holdsFor({ result, target, targetUnion: union }: Compare, kv: KeyValue): boolean {
  const sides: Record<Target, [string | number, string | number]> = {
    [Target.VERSION]: [kv.version, union?.$case === 'version' ? union.version : 0],
    [Target.CREATE]: [kv.createRevision, union?.$case === 'createRevision' ? union.createRevision : 0],
    [Target.MOD]: [kv.modRevision, union?.$case === 'modRevision' ? union.modRevision : 0],
    [Target.VALUE]: [hex(kv.value), union?.$case === 'value' ? hex(union.value) : ''],
    [Target.LEASE]: [Number(kv.lease), union?.$case === 'lease' ? Number(union.lease) : 0],
  };
  const [left, right] = sides[target];
  if (result === Result.EQUAL) return left === right;
  if (result === Result.NOT_EQUAL) return left !== right;
  return result === Result.LESS ? left < right : left > right;
}

function checkKey(key: Uint8Array): void {
  if (key.length === 0) throw new StoreError('key-not-provided');
}

function checkPut(request: PutRequest): void {
  checkKey(request.key);
  if (request.ignoreValue && request.value.length > 0) throw new StoreError('value-provided');
  if (request.ignoreLease && request.lease !== 0n) throw new StoreError('lease-provided');
}

function checkRange(request: RangeRequest): void {
  checkKey(request.key);
  const { sortOrder, sortTarget }: { sortOrder: number; sortTarget: number } = request;
  if (sortOrder < 0 || sortOrder > 2 || sortTarget < 0 || sortTarget > 4) {
    throw new StoreError('invalid-sort-option');
  }
}

function puts(request: TxnRequest): boolean {
  return [...request.success, ...request.failure].some(
    ({ request: op }) => op?.$case === 'requestPut' || (op?.$case === 'requestTxn' && puts(op.requestTxn)),
  );
}

function checkTxn(request: TxnRequest): void {
  request.compare.forEach((compare) => checkKey(compare.key));
  for (const { request: op } of [...request.success, ...request.failure]) {
    if (op === undefined) throw new StoreError('key-not-found');
    if (op.$case === 'requestRange') checkRange(op.requestRange);
    if (op.$case === 'requestPut') checkPut(op.requestPut);
    if (op.$case === 'requestDeleteRange') checkKey(op.requestDeleteRange.key);
    if (op.$case === 'requestTxn') checkTxn(op.requestTxn);
  }
}
