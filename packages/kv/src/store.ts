import assert from 'node:assert/strict';
import {
  type AlarmMember,
  AlarmType,
  type RangeRequest,
  type RangeResponse,
  type RequestId,
  type TxnRequest,
  type TxnResponse,
} from '@quorate/protocol';
import { AlarmTable } from './alarm-table.ts';
import { type CommandBody, type CommandResponse, decodeCommand } from './command.ts';
import { Compactor } from './compactor.ts';
import { stateDigest } from './digest.ts';
import type { Engine } from './engine/engine.ts';
import { EngineError } from './engine/engine-error.ts';
import { type MemberAttributes, MemberAttributesTable } from './member-attributes.ts';
import { KeyIndex } from './key-index.ts';
import { executeRange } from './range.ts';
import { executeCheckpoint, executeGrant, executePutWithTtl, executeRevoke } from './lease-commands.ts';
import { type Lease, LeaseTable } from './lease-table.ts';
import { type DigestRange, RecordDigest } from './record-digest.ts';
import { restoreIndex } from './restore-index.ts';
import { responseHeader } from './response-header.ts';
import { discardPartlyInstalled, type EngineContent, installContent } from './snapshot-installation.ts';
import { StoreError } from './store-error.ts';
import { StoreSnapshot } from './store-snapshot.ts';
import { decodeState, encodeState, initialState } from './store-state.ts';
import { executeTransaction } from './transaction.ts';
import {
  isReadOnlyTransaction,
  limitOperations,
  takesSpace,
  validateCommand,
  validateRange,
  validateTransaction,
} from './validation.ts';
import { VersionedMap } from './versioned-map.ts';
import { type WatchOptions, WatchHub } from './watch/watch-hub.ts';
import type { WatchStream } from './watch/watch-stream.ts';
import { checkPut, executeDeleteRange, executePut } from './write.ts';

export type StoreOptions = {
  /** The most comparisons, and operations in either list, of a transaction. Default 128. */
  readonly transactionMaxOperations?: number;
  /**
   * Applied entries are handed to the engine together: when there are this many, or their records take this
   * many bytes. Until then they are in memory only, and a restart applies them again. Default 1,024 and 1 MiB. While
   * the engine finishes its upkeep they may become twice as many.
   */
  readonly commitMaxEntries?: number;
  readonly commitMaxBytes?: number;
  readonly watch?: WatchOptions;
};

/** How much of what there is, at one moment. */
export type StoreSizes = {
  /** Keys that have a value now, or had one that is not compacted. */
  readonly keys: number;
  readonly leases: number;
  readonly watchers: number;
  /** Those of them that have not been told everything yet. */
  readonly watchersBehind: number;
};

/** An entry of the replicated log. `data` is null if it holds no command. */
export type StoreEntry = {
  readonly index: number;
  readonly term: number;
  readonly data: Uint8Array | null;
};

/** What became of a command. */
export type ApplyResult = {
  /** Of the command's log entry. */
  readonly index: number;
  readonly requestId: RequestId | null;
  readonly outcome:
    | { readonly ok: true; readonly response: CommandResponse }
    | { readonly ok: false; readonly error: StoreError };
};

const defaultOptions: Required<StoreOptions> = {
  transactionMaxOperations: 128,
  commitMaxEntries: 1024,
  commitMaxBytes: 1024 * 1024,
  watch: {},
};
/** How many times more than usual is collected at most while the engine finishes its upkeep. */
const upkeepFactor = 2;
/**
 * How many records compaction may remove in each call of `apply`: so many for each entry, and twice as many as were
 * written, so that it gets ahead of writes. A single put is not to wait for much more than itself.
 */
const removalsPerEntry = 4;
const removalsPerRecord = 2;
const removalMaxRecords = 256;
/** How many keys it may look at meanwhile. */
const removalMaxKeys = 2048;
/** How many records it may remove when nothing else is to be done. */
const tidyMaxRecords = 512;

/**
 * The replicated state machine: a versioned map of keys with etcd's semantics, leases, and the members' attributes.
 * What it holds is a function of the log entries that it has applied, and of nothing else.
 *
 * All methods are synchronous. If the engine fails, the method throws an EngineError, and so does every later
 * call: the store must be closed.
 */
export class Store {
  private readonly engine: Engine;
  private readonly options: Required<StoreOptions>;
  private map: VersionedMap;
  private members = new MemberAttributesTable();
  private readonly alarmTable = new AlarmTable();
  private compactor: Compactor;
  private readonly watchHub: WatchHub;
  private applied: { readonly index: number; readonly term: number };
  /** What compaction has taken out of the index, but not yet out of the engine. */
  private removedPositions: number[] = [];
  private uncommittedEntries = 0;
  private failure: Error | null = null;
  /** `incomplete`: an installation has failed half-way, and must be made again. */
  private phase: 'serving' | 'installing' | 'incomplete' = 'serving';
  /** Open snapshots that need what compaction would remove. */
  private snapshotsInNeed = 0;
  /** Whether the engine may have more space to give back. */
  private mayShrink = false;

  /**
   * Opens the store that an engine holds, which belongs to the store from then on. Reads all keys (not the
   * values) of all records. What an interrupted installation of a snapshot left is removed: then the store is
   * empty, and the snapshot must be installed again. Throws an EngineError.
   */
  static open(engine: Engine, options: StoreOptions = {}): Store {
    discardPartlyInstalled(engine);
    const view = engine.openView();
    try {
      const facts = view.facts();
      const leases = new LeaseTable();
      leases.restore(facts);
      const store = new Store(engine, options);
      store.restore({ facts, leases, index: restoreIndex(view, leases) });
      store.watchHub.resume(store.map);
      return store;
    } finally {
      view.close();
    }
  }

  private constructor(engine: Engine, options: StoreOptions) {
    this.engine = engine;
    this.options = { ...defaultOptions, ...options };
    this.watchHub = new WatchHub(this.options.watch);
    this.map = new VersionedMap(engine, new KeyIndex(), new LeaseTable(), initialState);
    this.compactor = new Compactor(this.map, initialState.removedRevision);
    this.applied = { index: initialState.appliedIndex, term: initialState.appliedTerm };
  }

  /** Makes this the store of what the engine holds. Throws an EngineError. */
  private restore({ facts, leases, index }: EngineContent): void {
    const state = decodeState(facts);
    this.map = new VersionedMap(this.engine, index, leases, state);
    this.compactor = new Compactor(this.map, state.removedRevision);
    this.applied = { index: state.appliedIndex, term: state.appliedTerm };
    this.removedPositions = [];
    this.uncommittedEntries = 0;
    this.members = new MemberAttributesTable();
    this.members.restore(facts);
    this.alarmTable.restore(facts);
  }

  /** Whether installing a snapshot has failed half-way: then there is nothing in it until one is installed. */
  get isIncomplete(): boolean {
    return this.phase === 'incomplete';
  }

  /** What has gone wrong so that the store can only be closed; null while it can be used. */
  get fault(): Error | null {
    return this.failure;
  }

  /** The index of the last log entry that is applied; 0 before the first. */
  get appliedIndex(): number {
    return this.applied.index;
  }

  /** Its term. */
  get appliedTerm(): number {
    return this.applied.term;
  }

  /** The current revision; 1 before the first change. */
  get revision(): number {
    return this.map.revision;
  }

  /** The oldest revision that can be read; 0 before the first compaction. */
  get compactedRevision(): number {
    return this.map.compactedRevision;
  }

  /**
   * Applies entries. Those that are applied already are skipped; the others must follow the last applied one
   * without a gap. Returns what became of each command that was applied by this call.
   *
   * On return reads see the changes. They reach the engine in larger batches, always with the index of the
   * last entry: what a crash takes away is applied again from the log (see `sync`).
   */
  apply(entries: readonly StoreEntry[]): readonly ApplyResult[] {
    return this.guard(() => {
      const results: ApplyResult[] = [];
      const { nextPosition } = this.map;
      for (const entry of entries) {
        if (entry.index <= this.applied.index) continue;
        assert(entry.index === this.applied.index + 1, 'entries are applied without a gap');
        if (entry.data !== null) {
          results.push(this.applyCommand(entry, entry.data));
        }
        this.applied = { index: entry.index, term: entry.term };
        this.uncommittedEntries += 1;
      }
      const written = this.map.nextPosition - nextPosition;
      const removals = entries.length * removalsPerEntry + written * removalsPerRecord;
      this.stepCompaction(Math.min(removals, removalMaxRecords));
      if (this.isCommitDue) this.commit();
      return results;
    });
  }

  /** Reads keys. Throws a StoreError. */
  range(request: RangeRequest): RangeResponse {
    this.checkUsable();
    validateRange(request);
    return this.read(() => executeRange(this.map, request));
  }

  /** Executes a transaction that changes nothing (see `isReadOnlyTransaction`). Throws a StoreError. */
  readTransaction(request: TxnRequest): TxnResponse {
    this.checkUsable();
    assert(isReadOnlyTransaction(request), 'a transaction that writes must go through the log');
    limitOperations(request, this.options.transactionMaxOperations);
    validateTransaction(request);
    return this.read(() => executeTransaction(this.map, request));
  }

  /** Throws a StoreError for whatever can be refused before a command is proposed. */
  validate(body: CommandBody): void {
    if (body.$case === 'txn') {
      limitOperations(body.txn, this.options.transactionMaxOperations);
    }
    validateCommand(body);
    this.refuseIfFull(body);
  }

  /** The alarms that stand, in the order of type and member. Member 0 means the whole cluster. */
  alarms(): readonly AlarmMember[] {
    return this.alarmTable.all;
  }

  /** A lease, as it is now: what it holds changes with later entries. Undefined if there is none. */
  lease(id: bigint): Lease | undefined {
    this.checkUsable();
    return this.map.leases.get(id);
  }

  /** All leases, in the order in which they were granted. Entries may be applied while it is read. */
  leases(): Iterable<Lease> {
    this.checkUsable();
    return this.map.leases.all();
  }

  /**
   * Opens a stream for watchers. What they are told is in its queue when the call that caused it returns, for
   * changes that is `apply`. `notify` is called when the queue, which was empty, is so no longer; it must not call
   * back before it has returned.
   */
  watch(notify: () => void): WatchStream {
    this.checkUsable();
    return this.watchHub.open(notify);
  }

  /**
   * Reads from the past for watchers that are behind, a bounded slice. Returns whether there is more to do: then
   * it wants to be called again, after others had their turn. While a snapshot is installed there is nothing to read.
   */
  feedWatchers(): boolean {
    if (this.phase !== 'serving' || !this.watchHub.isBehind) return false;
    return this.guard(() => this.watchHub.step());
  }

  /** `wake` is called when a client's doing puts watchers behind, so that `feedWatchers` is to be called. */
  onWatchersBehind(wake: () => void): void {
    this.watchHub.onBehind(wake);
  }

  /** What members have told about themselves, by id. */
  memberAttributes(): ReadonlyMap<bigint, MemberAttributes> {
    return this.members.all;
  }

  /**
   * Removes at most `maxRecords` of the records that compaction made unreadable, and gives some of the space that
   * they took back to the file system, if the engine can. Returns whether all records are gone. Applying entries
   * does some of it, too; this is for those who wait for it. Nothing is removed as long as an open snapshot may
   * need it, nor while the engine's upkeep is behind.
   */
  removeCompacted(maxRecords: number): boolean {
    return this.guard(() => {
      if (this.engine.upkeep === 'done') {
        this.stepCompaction(maxRecords);
        this.commit();
      }
      return this.compactor.isDone;
    });
  }

  /**
   * A slice of what `removeCompacted` does, a few milliseconds, if there is something to do: for idle times. Throws
   * the fault that the store has, if it has one.
   */
  tidy(): void {
    if (this.failure !== null) throw this.failure;
    if (this.phase !== 'serving') return;
    const isWaiting = this.compactor.isDone || this.snapshotsInNeed > 0;
    if (this.mayShrink || !isWaiting) this.removeCompacted(tidyMaxRecords);
  }

  /**
   * Makes all that is applied durable. Resolves with the index of the last entry that is: the log may forget
   * it and those before it. If the engine is not persistent, nothing ever is, and the result is 0.
   */
  async sync(): Promise<number> {
    this.guard(() => this.commit());
    const { index } = this.applied;
    await this.engine.sync();
    return this.engine.isPersistent ? index : 0;
  }

  /**
   * All that is applied now, for a member that lacks it or for a backup, while the store goes on. Close it before
   * the store.
   */
  openSnapshot(): StoreSnapshot {
    return this.guard(() => {
      this.commit();
      const snapshot = new StoreSnapshot(this.engine.openView(), this.map.index, () => {
        if (!snapshot.isComplete) this.snapshotsInNeed -= 1;
      });
      if (!snapshot.isComplete) this.snapshotsInNeed += 1;
      return snapshot;
    });
  }

  /**
   * Replaces all that the store holds by the content of a snapshot, which must come whole: the chunks of a
   * `StoreSnapshot`, in their order. `pause` is awaited between slices of a few milliseconds, to let others work.
   *
   * Until it resolves, reads and writes are refused with `installing`. What it resolves with is not durable before
   * `sync`, but never half there: a store that is opened after a crash has the old content, none, or the new one.
   * So the snapshot must be kept, durably, until `sync` has confirmed the store.
   *
   * Rejects with a SnapshotError or with what `source` rejects with. If that was before the first chunk was
   * found to be good, nothing has changed; otherwise the store stays `installing`, and may be given a snapshot
   * again. Rejects with an EngineError as any other method does.
   */
  async install(source: AsyncIterable<Uint8Array>, pause: () => Promise<void>): Promise<void> {
    if (this.failure !== null) throw this.failure;
    assert(this.phase !== 'installing', 'one snapshot is installed at a time');
    let phaseOnFailure = this.phase;
    this.phase = 'installing';
    try {
      const rest = async (): Promise<void> => {
        do await pause();
        while (this.engine.upkeep !== 'done');
      };
      const content = await installContent(this.engine, source, rest, () => {
        phaseOnFailure = 'incomplete';
        this.watchHub.suspend();
        this.restore({ facts: [], leases: new LeaseTable(), index: new KeyIndex() });
      });
      this.restore(content);
      this.phase = 'serving';
      this.watchHub.resume(this.map);
    } catch (error) {
      this.phase = phaseOnFailure;
      if (error instanceof EngineError) this.failure = error;
      throw error;
    }
  }

  /**
   * Begins a checksum over records, which all members have alike (see `RecordDigest`). `lastPosition` must lie
   * before `nextPosition`, or be infinite.
   */
  openDigest(range: DigestRange): RecordDigest {
    return this.guard(() => {
      this.commit();
      const { map } = this;
      return new RecordDigest(
        {
          map,
          readFrom: (position, maxRecords) => this.guard(() => this.engine.readFrom(position, maxRecords)),
          isCurrent: () => this.map === map,
        },
        range,
      );
    });
  }

  /** The revision that a request means by `requested`. Throws a StoreError `compacted` or `future-revision`. */
  resolveRevision(requested: number): number {
    this.checkUsable();
    return this.map.resolveRevision(requested);
  }

  /** One more than the number of records ever written: where the next one goes. */
  get nextPosition(): number {
    return this.map.nextPosition;
  }

  /** Whether a snapshot is being installed, or an installation has failed: then everything else is refused. */
  get isInstalling(): boolean {
    return this.phase !== 'serving';
  }

  /** Whether the engine keeps its content when the process ends. */
  get isPersistent(): boolean {
    return this.engine.isPersistent;
  }

  /** For metrics. */
  get sizes(): StoreSizes {
    const { watchers, watchersBehind } = this.watchHub;
    return { keys: this.map.index.size, leases: this.map.leases.size, watchers, watchersBehind };
  }

  /** Bytes that the engine takes. */
  get sizeBytes(): number {
    return this.engine.size().totalBytes;
  }

  /** Those of them that are not free space, with what the engine is about to get. */
  get sizeInUseBytes(): number {
    return this.engine.size().inUseBytes + this.map.pendingBytes;
  }

  /**
   * A hash over all that can be read: every revision from the compacted one on, leases, members' attributes, alarms.
   * Stores that have applied the same entries have the same digest, whatever their engine and however far
   * compaction has got. Reads everything: for tests and simulations, not for a busy member.
   */
  digest(): string {
    this.guard(() => this.commit());
    return stateDigest(this.engine, this.map, this.members.all, this.alarmTable.all);
  }

  /** Hands everything to the engine and closes it. After a failure it only closes it. */
  async close(): Promise<void> {
    try {
      if (this.failure === null && this.phase === 'serving') this.commit();
    } finally {
      await this.engine.close();
    }
  }

  private applyCommand({ index, term }: StoreEntry, data: Uint8Array): ApplyResult {
    const { requestId, body } = decodeCommand(data);
    const firstRecord = this.map.nextPosition;
    try {
      validateCommand(body);
      this.refuseIfFull(body);
      const response = this.execute(body, term);
      this.map.endStep();
      this.watchHub.changed(firstRecord, this.map.nextPosition);
      return { index, requestId, outcome: { ok: true, response } };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      assert(!this.map.isChanging, 'a refused command has changed nothing');
      return { index, requestId, outcome: { ok: false, error } };
    }
  }

  private execute(body: CommandBody, term: number): CommandResponse {
    switch (body.$case) {
      case 'put':
        checkPut(this.map, body.put);
        return { $case: 'put', put: executePut(this.map, body.put) };
      case 'deleteRange':
        return { $case: 'deleteRange', deleteRange: executeDeleteRange(this.map, body.deleteRange) };
      case 'txn':
        return { $case: 'txn', txn: executeTransaction(this.map, body.txn) };
      case 'compaction':
        this.map.compact(body.compaction.revision);
        return { $case: 'compaction', compaction: { header: responseHeader(this.map.revision) } };
      case 'publishMember':
        this.members.publish(body.publishMember);
        return { $case: 'publishMember' };
      case 'leaseGrant':
        return { $case: 'leaseGrant', leaseGrant: executeGrant(this.map, body.leaseGrant) };
      case 'leaseRevoke':
        return { $case: 'leaseRevoke', leaseRevoke: executeRevoke(this.map, body.leaseRevoke, term) };
      case 'leaseCheckpoint':
        executeCheckpoint(this.map, body.leaseCheckpoint, term);
        return { $case: 'leaseCheckpoint' };
      case 'putWithTtl': {
        const { put, ttl } = body.putWithTtl;
        const answer = executePutWithTtl(this.map, body.putWithTtl);
        return { $case: 'putWithTtl', putWithTtl: answer, lease: put?.lease ?? 0n, ttl };
      }
      case 'alarm': {
        const alarms = [...this.alarmTable.execute(body.alarm)];
        return { $case: 'alarm', alarm: { header: responseHeader(this.map.revision), alarms } };
      }
    }
  }

  private stepCompaction(maxRecords: number): void {
    if (this.compactor.isDone || this.snapshotsInNeed > 0 || this.engine.upkeep !== 'done') return;
    this.removedPositions.push(...this.compactor.step(maxRecords, removalMaxKeys));
  }

  /** Throws `no-space` while a member has no room for what the command takes. */
  private refuseIfFull(body: CommandBody): void {
    if (this.alarmTable.isRaised(AlarmType.NOSPACE) && takesSpace(body)) throw new StoreError('no-space');
  }

  private get isCommitDue(): boolean {
    const { commitMaxEntries, commitMaxBytes } = this.options;
    const factor = this.engine.upkeep === 'finishing' ? upkeepFactor : 1;
    return (
      this.uncommittedEntries >= commitMaxEntries * factor || this.map.pendingBytes >= commitMaxBytes * factor
    );
  }

  private commit(): void {
    const state = encodeState({
      appliedIndex: this.applied.index,
      appliedTerm: this.applied.term,
      revision: this.map.revision,
      compactedRevision: this.map.compactedRevision,
      removedRevision: this.compactor.removedRevision,
      nextPosition: this.map.nextPosition,
    });
    const leases = this.map.leases.takeFacts();
    this.engine.commit({
      records: this.map.takeRecords(),
      removedPositions: this.removedPositions,
      facts: [...this.members.takeFacts(), ...this.alarmTable.takeFacts(), ...leases.facts, state],
      removedFacts: leases.removedFacts,
    });
    this.removedPositions = [];
    this.uncommittedEntries = 0;
    if (this.engine.upkeep === 'done') this.mayShrink = this.engine.shrink();
  }

  /** A request that is refused harms nothing; an engine that cannot read does. */
  private read<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      if (error instanceof EngineError) this.failure ??= error;
      throw error;
    }
  }

  /** Whatever goes wrong in `work` leaves memory and engine different: nothing may be done after it. */
  private guard<Result>(work: () => Result): Result {
    this.checkUsable();
    try {
      return work();
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error('the store failed', { cause: error });
      throw this.failure;
    }
  }

  private checkUsable(): void {
    if (this.failure !== null) {
      throw this.failure;
    }
    if (this.phase !== 'serving') {
      throw new StoreError('installing');
    }
  }
}
