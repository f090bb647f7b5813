import {
  AlarmRequest_AlarmAction,
  AlarmType,
  clusterService,
  diagnosticsService,
  expiringService,
  health as healthProtocol,
  healthService,
  kvService,
  leaseService,
  maintenanceService,
} from '@quorate/protocol';
import { type Alarm, fromAlarm, toAlarm } from './alarm.ts';
import type { Bytes } from './bytes.ts';
import { Caller, type CallOptions, type UnaryMethod } from './caller.ts';
import { type QuorateClientOptions, toSettings } from './client-options.ts';
import {
  type AddedMember,
  type ClusterMember,
  type Health,
  type MemberStatus,
  toAddedMember,
  toMembers,
  toMemberStatus,
} from './cluster.ts';
import { type MemberDiagnosis, toMemberDiagnosis } from './diagnosis.ts';
import { parseEndpoint } from './endpoint.ts';
import type { Route } from './endpoint-set.ts';
import type { KeyRange } from './key-range.ts';
import { type Leader, Leadership, observeLeaders, toLeader } from './election.ts';
import { KeyValue } from './key-value.ts';
import { Lease, type LeaseOptions, type LeaseStatus, renewLease, toLeaseRequest } from './lease.ts';
import { Lock } from './lock.ts';
import { getMany, type ManyOptions, putMany } from './many.ts';
import {
  type DeleteOptions,
  type Operation,
  type PutOptions,
  toDeleteRequest,
  toPutRequest,
} from './operation.ts';
import { type LockOptions, own, ownerOf } from './ownership.ts';
import { QuorateError } from './quorate-error.ts';
import { type RangeOptions, readPages } from './range-pages.ts';
import {
  natural,
  type PageOptions,
  type RangePage,
  type ReadOptions,
  toRangePage,
  toRangeRequest,
} from './read-options.ts';
import { readSnapshot, type SnapshotPart } from './snapshot.ts';
import { Transaction, type TransactionResult } from './transaction.ts';
import { Watch, type WatchOptions } from './watch.ts';

export type PutResult = {
  /** The revision that the put made. */
  readonly revision: number;
  /** The key as it was before, if `previous` asked for it; null if there was none. */
  readonly previous: KeyValue | null;
  /** The lease that was granted for `ttlSeconds`; 0n without it. */
  readonly lease: bigint;
};

export type ExpiringPutOptions = {
  /**
   * Let the key vanish after this many seconds, unless it is put again: it gets a lease of its own, granted by the
   * same entry of the cluster's log. Not together with `lease` and `keepLease`. Needs a Quorate server.
   */
  readonly ttlSeconds?: number;
};

export type DeleteResult = {
  /** The store's revision afterwards: a new one only if something was deleted. */
  readonly revision: number;
  readonly deleted: number;
  /** The keys as they were before, if `previous` asked for them. */
  readonly previous: readonly KeyValue[];
};

/**
 * A client of a Quorate cluster, or of anything that speaks the etcd v3 API.
 *
 * Reads are linearizable unless they ask for `serializable`. A write has happened, and is on the disks of a
 * majority, when its promise resolves. Every call ends by its `timeoutMs`; all reject with a QuorateError, and
 * calls with bad arguments do so too. Keys and values are strings (as UTF-8) or Uint8Arrays.
 *
 * Connects when it is first used. `close` it, or let `await using` do so.
 */
export class QuorateClient implements AsyncDisposable {
  readonly #caller: Caller;
  /** Those that keep themselves alive. */
  readonly #leases = new Set<Lease>();
  #closing: Promise<void> | null = null;

  /** Throws `invalid-argument` if an option is not valid. Does not connect. */
  constructor(options: QuorateClientOptions) {
    this.#caller = new Caller(toSettings(options));
  }

  /** The endpoints, each as `host:port`. */
  get endpoints(): readonly string[] {
    return this.#caller.endpoints.routes.map((route) => route.endpoint.address);
  }

  /** The key's entry, or null if it does not exist (at that revision). */
  async get(key: Bytes, options: ReadOptions & CallOptions = {}): Promise<KeyValue | null> {
    const page = await this.rangePage({ key }, options);
    return page.items[0] ?? null;
  }

  /** Sets a key's value. Every put makes a new revision. */
  async put(
    key: Bytes,
    value: Bytes,
    options: PutOptions & ExpiringPutOptions & CallOptions = {},
  ): Promise<PutResult> {
    if (options.ttlSeconds !== undefined) return this.#putExpiring(key, value, options.ttlSeconds, options);
    const request = toPutRequest(key, value, options);
    const method = kvService.methods.put;
    const { header, prevKv } = await this.#caller.call(
      { method, request, kind: 'write', to: 'leader' },
      options,
    );
    const previous = prevKv === undefined ? null : new KeyValue(prevKv);
    return { revision: header?.revision ?? 0, previous, lease: 0n };
  }

  /** Deletes a key. Deleting one that does not exist is no error: `deleted` is 0 then. */
  delete(key: Bytes, options: DeleteOptions & CallOptions = {}): Promise<DeleteResult> {
    return this.deleteRange({ key }, options);
  }

  /** Deletes every key of a range, at one revision. */
  async deleteRange(range: KeyRange, options: DeleteOptions & CallOptions = {}): Promise<DeleteResult> {
    const request = toDeleteRequest(range, options);
    const method = kvService.methods.deleteRange;
    const response = await this.#caller.call({ method, request, kind: 'write', to: 'leader' }, options);
    return {
      revision: response.header?.revision ?? 0,
      deleted: response.deleted,
      previous: response.prevKvs.map((wire) => new KeyValue(wire)),
    };
  }

  /**
   * The entries of a range, by key: `for await (const entry of client.range({ prefix: 'users/' }))`.
   *
   * They are read in pages as the loop goes on, all at the revision of the first page. `timeoutMs` holds for
   * each page. Fails with `compacted` if that revision is compacted away meanwhile.
   */
  range(range: KeyRange, options: RangeOptions = {}): AsyncIterableIterator<KeyValue> {
    return readPages((part, page) => this.rangePage(part, page), range, options);
  }

  /**
   * What happens to a key or a range of keys: `for await (const event of client.watch({ prefix: 'users/' }))`.
   *
   * Nothing is missed and nothing comes twice, whatever happens to connections, members and leaders meanwhile: see
   * `Watch`. Throws `invalid-argument`; all else fails the iteration.
   */
  watch(target: Bytes | KeyRange, options: WatchOptions = {}): Watch {
    return new Watch(this.#caller, target, options);
  }

  /** One request for a range, with every option of the API: sorting, bounds, counts. Mind its size. */
  async rangePage(range: KeyRange, options: PageOptions & CallOptions = {}): Promise<RangePage> {
    const request = toRangeRequest(range, options);
    const to = options.serializable === true ? 'any' : 'leader';
    const method = kvService.methods.range;
    return toRangePage(await this.#caller.call({ method, request, kind: 'read', to }, options));
  }

  /** The number of keys in a range. */
  async count(range: KeyRange, options: ReadOptions & CallOptions = {}): Promise<number> {
    const page = await this.rangePage(range, { ...options, countOnly: true });
    return page.count;
  }

  /**
   * Writes several entries as one transaction: `putMany([['a', '1'], ['b', '2']])`, or a Map. No key may occur
   * twice (`duplicate-key`), and no more than 128 entries (`too-many-operations`) unless `chunked` is given.
   */
  async putMany(
    entries: Iterable<readonly [Bytes, Bytes]>,
    options: ManyOptions = {},
  ): Promise<{ revision: number }> {
    return putMany((operations, call) => this.#commit(operations, call), entries, options);
  }

  /**
   * Reads several keys as of one revision: for each its entry, or null, in the order of the keys. No more than
   * 128 keys (`too-many-operations`) unless `chunked` is given.
   */
  async getMany(
    keys: Iterable<Bytes>,
    options: ManyOptions & ReadOptions = {},
  ): Promise<(KeyValue | null)[]> {
    return getMany((operations, call) => this.#commit(operations, call), keys, options);
  }

  /** Begins to describe a transaction; nothing is sent before its `commit`. */
  transaction(): Transaction {
    return new Transaction(this.#caller);
  }

  /**
   * Forgets what was overwritten or deleted up to a revision; reads at older revisions then fail with
   * `compacted`. With `physical` the answer waits until the member that is asked has freed the space.
   */
  async compact(
    revision: number,
    options: CallOptions & { readonly physical?: boolean } = {},
  ): Promise<void> {
    const request = { revision: natural('revision', revision), physical: options.physical ?? false };
    const method = kvService.methods.compact;
    await this.#caller.call({ method, request, kind: 'write', to: 'leader' }, options);
  }

  /** Who is in the cluster. With `serializable` as the asked member knows it, which works without a leader. */
  async members(
    options: CallOptions & { readonly serializable?: boolean } = {},
  ): Promise<readonly ClusterMember[]> {
    const linearizable = options.serializable !== true;
    const method = clusterService.methods.memberList;
    const to = linearizable ? 'leader' : 'any';
    return toMembers(
      await this.#caller.call({ method, request: { linearizable }, kind: 'read', to }, options),
    );
  }

  /**
   * Adds a member, which is to be started afterwards. It joins as a learner in any case and, unless `learner` is
   * given, is made a voter by itself once it has caught up. `isLearner` of the answer says what it is to be.
   */
  async addMember(
    peerUrls: readonly string[],
    options: CallOptions & { readonly learner?: boolean } = {},
  ): Promise<AddedMember> {
    const request = { peerURLs: [...peerUrls], isLearner: options.learner === true };
    return toAddedMember(await this.#change(clusterService.methods.memberAdd, request, options));
  }

  /** Removes a member, voter or learner. Resolves to the members that remain. */
  async removeMember(id: bigint, options: CallOptions = {}): Promise<readonly ClusterMember[]> {
    return toMembers(await this.#change(clusterService.methods.memberRemove, { ID: id }, options));
  }

  /** Tells the others where a member is to be reached from now on. */
  async updateMember(
    id: bigint,
    peerUrls: readonly string[],
    options: CallOptions = {},
  ): Promise<readonly ClusterMember[]> {
    const request = { ID: id, peerURLs: [...peerUrls] };
    return toMembers(await this.#change(clusterService.methods.memberUpdate, request, options));
  }

  /** Makes a learner that has caught up a voter. */
  async promoteMember(id: bigint, options: CallOptions = {}): Promise<readonly ClusterMember[]> {
    return toMembers(await this.#change(clusterService.methods.memberPromote, { ID: id }, options));
  }

  /** Hands leadership to a voter. `endpoint` must be the leader's, and one of the client's; else `not-leader`. */
  async moveLeader(endpoint: string, id: bigint, options: CallOptions = {}): Promise<void> {
    const method = maintenanceService.methods.moveLeader;
    const to = this.#route(endpoint);
    await this.#caller.call({ method, request: { targetID: id }, kind: 'write', to }, options);
  }

  /** What one member says of itself. `endpoint` is one of the client's; it is asked once, without retries. */
  async status(endpoint: string, options: CallOptions = {}): Promise<MemberStatus> {
    const route = this.#route(endpoint);
    const method = maintenanceService.methods.status;
    const response = await this.#caller.call({ method, request: {}, kind: 'read', to: route }, options);
    return toMemberStatus(route.endpoint.address, response);
  }

  /**
   * What one member finds out about its disk and its peers. `endpoint` is one of the client's. Only Quorate's members
   * know this: others reject it as `unimplemented`.
   */
  async diagnose(endpoint: string, options: CallOptions = {}): Promise<MemberDiagnosis> {
    const method = diagnosticsService.methods.diagnose;
    const to = this.#route(endpoint);
    return toMemberDiagnosis(await this.#caller.call({ method, request: {}, kind: 'read', to }, options));
  }

  /** The alarms that stand. */
  async alarms(options: CallOptions = {}): Promise<readonly Alarm[]> {
    const request = { action: AlarmRequest_AlarmAction.GET, memberID: 0n, alarm: AlarmType.NONE };
    const method = maintenanceService.methods.alarm;
    const { alarms } = await this.#caller.call({ method, request, kind: 'read', to: 'leader' }, options);
    return alarms.map(toAlarm);
  }

  /** Clears an alarm. Whoever raised it raises it again if its cause is still there. */
  async clearAlarm(alarm: Alarm, options: CallOptions = {}): Promise<void> {
    const request = { action: AlarmRequest_AlarmAction.DEACTIVATE, ...fromAlarm(alarm) };
    const method = maintenanceService.methods.alarm;
    await this.#caller.call({ method, request, kind: 'write', to: 'leader' }, options);
  }

  /**
   * A snapshot of what one member has applied: the bytes of a snapshot file, followed by padding and a checksum as
   * etcd's clients expect. From the member at `endpoint`, without one from any. Ends with a QuorateError if it
   * cannot be had whole; there is no timeout, but the signal.
   */
  async *snapshot(
    options: { readonly endpoint?: string; readonly signal?: AbortSignal | undefined } = {},
  ): AsyncIterableIterator<SnapshotPart> {
    const { endpoint, signal = new AbortController().signal } = options;
    const { endpoints } = this.#caller;
    const route =
      endpoint === undefined ? endpoints.pick(endpoints.next(), new Set()) : this.#route(endpoint);
    yield* readSnapshot(this.#caller, route, signal);
  }

  /**
   * Grants a lease that keeps itself alive until it is revoked, lost, or the client is closed. Keys that are put under
   * it (`{ lease: lease.id }`) end with it. Rejects with `lease-exists`.
   */
  async grantLease(options: LeaseOptions & CallOptions): Promise<Lease> {
    const askedMs = this.#caller.settings.clock.nowMs();
    const { id, ttlSeconds } = await this.createLease(options);
    const lease = new Lease(this.#caller, { id, ttlSeconds, askedMs }, (ended) => this.#leases.delete(ended));
    this.#leases.add(lease);
    return lease;
  }

  /** Grants a lease that nobody keeps alive, unless `renewLease` does. */
  async createLease(
    options: LeaseOptions & CallOptions,
  ): Promise<{ readonly id: bigint; readonly ttlSeconds: number }> {
    const request = toLeaseRequest(options);
    const method = leaseService.methods.leaseGrant;
    // One that was granted unnoticed ends by itself: without a chosen id it does no harm to ask again.
    const kind = request.ID === 0n ? 'read' : 'write';
    const { ID, TTL } = await this.#caller.call({ method, request, kind, to: 'leader' }, options);
    return { id: ID, ttlSeconds: TTL };
  }

  /** Keeps a lease alive once. Resolves with its TTL in seconds, which begins now; 0 if there is no such lease. */
  async renewLease(id: bigint, options: CallOptions = {}): Promise<number> {
    return renewLease(this.#caller, id, options);
  }

  /** Ends a lease and deletes its keys. Rejects with `lease-not-found`. */
  async revokeLease(id: bigint, options: CallOptions = {}): Promise<void> {
    const method = leaseService.methods.leaseRevoke;
    await this.#caller.call({ method, request: { ID: id }, kind: 'write', to: 'leader' }, options);
  }

  /** How long a lease lasts, and with `keys` what ends with it; null if there is none. */
  async leaseStatus(
    id: bigint,
    options: CallOptions & { readonly keys?: boolean } = {},
  ): Promise<LeaseStatus | null> {
    const request = { ID: id, keys: options.keys ?? false };
    const method = leaseService.methods.leaseTimeToLive;
    const answer = await this.#caller.call({ method, request, kind: 'read', to: 'leader' }, options);
    if (answer.TTL < 0) return null;
    const { TTL: remainingSeconds, grantedTTL: ttlSeconds, keys } = answer;
    return { id, ttlSeconds, remainingSeconds, keys };
  }

  /** The ids of all leases. */
  async leases(options: CallOptions = {}): Promise<readonly bigint[]> {
    const method = leaseService.methods.leaseLeases;
    const { leases } = await this.#caller.call({ method, request: {}, kind: 'read', to: 'leader' }, options);
    return leases.map(({ ID }) => ID);
  }

  /**
   * Waits until nobody else owns the lock, and owns it until `release`, or until its lease is lost. Rejects with
   * `deadline-exceeded` after `waitMs`, `cancelled`, and `lease-lost` or `not-owner` if `lease` was given and it, or the
   * place in the queue, is lost; and as any call if the cluster cannot be reached at the beginning. Later outages are
   * waited for.
   *
   * A lock does not make sure by itself that two processes never act at the same time: see `fencingToken`, and
   * docs/locks.md.
   */
  async lock(name: Bytes, options: LockOptions = {}): Promise<Lock> {
    return new Lock(await own(this, this.#caller, name, '', options));
  }

  /** Waits until nobody else leads, and leads until `resign`, or until its lease is lost. As `lock`, with a value. */
  async campaign(name: Bytes, value: Bytes, options: LockOptions = {}): Promise<Leadership> {
    return new Leadership(await own(this, this.#caller, name, value, options));
  }

  /** Who leads, or null. */
  async leader(name: Bytes, options: CallOptions = {}): Promise<Leader | null> {
    const { owner } = await ownerOf(this, name, options);
    return owner === null ? null : toLeader(owner);
  }

  /**
   * Every leader in order, each with what it proclaims, from who leads now on. What happens while nobody asks for the
   * next one may be left out, but for the last of it. Ends with the loop, or with `cancelled`.
   */
  observe(
    name: Bytes,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncIterableIterator<Leader> {
    return observeLeaders(this, this.#caller, name, options.signal);
  }

  /** Whether a member can answer requests: that at `endpoint`, asked once; without one, any that answers. */
  async health(endpoint?: string, options: CallOptions = {}): Promise<Health> {
    const to = endpoint === undefined ? 'any' : this.#route(endpoint);
    const method = healthService.methods.check;
    const { status } = await this.#caller.call(
      { method, request: { service: '' }, kind: 'read', to },
      options,
    );
    if (status === healthProtocol.HealthCheckResponse_ServingStatus.SERVING) return 'serving';
    return status === healthProtocol.HealthCheckResponse_ServingStatus.NOT_SERVING
      ? 'not-serving'
      : 'unknown';
  }

  /**
   * Closes every connection. Calls in flight reject with `client-closed`; for a write that was sent, `outcome`
   * is `unknown`. Resolves when all have settled. May be called more than once.
   */
  close(): Promise<void> {
    for (const lease of this.#leases) lease.abandon();
    this.#closing ??= this.#caller.close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #putExpiring(
    key: Bytes,
    value: Bytes,
    ttlSeconds: number,
    options: PutOptions & CallOptions,
  ): Promise<PutResult> {
    if (options.lease !== undefined || options.keepLease === true) {
      throw new QuorateError('invalid-argument', 'a put with ttlSeconds has a lease of its own');
    }
    const { ID: lease, TTL: ttl } = toLeaseRequest({ ttlSeconds });
    const { key: keyBytes, value: valueBytes, prevKv } = toPutRequest(key, value, options);
    const request = { key: keyBytes, value: valueBytes, prevKv, lease, ttl };
    const method = expiringService.methods.put;
    const answer = await this.#caller.call({ method, request, kind: 'write', to: 'leader' }, options);
    const previous = answer.prevKv === undefined ? null : new KeyValue(answer.prevKv);
    return { revision: answer.header?.revision ?? 0, previous, lease: answer.lease };
  }

  #commit(operations: readonly Operation[], options: CallOptions): Promise<TransactionResult> {
    const transaction = this.transaction();
    return transaction.then(...operations).commit(options);
  }

  /** Any member passes a change on to the leader. */
  async #change<Request extends object, Response extends object>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    options: CallOptions,
  ): Promise<Response> {
    return this.#caller.call({ method, request, kind: 'write', to: 'leader' }, options);
  }

  #route(endpoint: string): Route {
    const { address } = parseEndpoint(endpoint);
    const route = this.#caller.endpoints.routes.find((each) => each.endpoint.address === address);
    if (route !== undefined) return route;
    throw new QuorateError('invalid-argument', `${address} is not one of this client's endpoints`);
  }
}
