import assert from 'node:assert/strict';
import type { KeyValue } from '@quorate/protocol';
import type { Engine, PositionedRecord, StoredRecord } from './engine/engine.ts';
import { EngineError } from './engine/engine-error.ts';
import { KeyHistory, type KeyVersion } from './key-history.ts';
import type { KeyIndex } from './key-index.ts';
import { type Key, type KeyRange, toBytes } from './key-range.ts';
import type { LeaseTable } from './lease-table.ts';
import { encodeHeader, leaseOf } from './record.ts';
import { StoreError } from './store-error.ts';

const noBytes = new Uint8Array(0);

/** The counters that, together with the records, are the state of a versioned map. */
export type VersionedMapState = {
  /** The current revision; 1 before the first change. */
  readonly revision: number;
  /** The oldest revision that can be read; 0 before the first compaction. */
  readonly compactedRevision: number;
  /** Where the next record goes. */
  readonly nextPosition: number;
};

/**
 * A map from keys to values that remembers its past: every change makes a new revision, and older revisions
 * stay readable until they are compacted.
 *
 * Changes are made in *steps*: all changes of a step share one revision, which becomes the current one when
 * the step ends. Until `takeRecords` hands them over for the engine to commit, new records are held here, so
 * that one engine transaction may span many steps.
 */
export class VersionedMap {
  readonly index: KeyIndex;
  /** Knows which keys are attached to which lease, and follows every change. */
  readonly leases: LeaseTable;
  private readonly engine: Engine;
  private currentRevision: number;
  private compacted: number;
  /** The position of the first record that is not with the engine yet. */
  private pendingPosition: number;
  private pendingRecords: PositionedRecord[] = [];
  private pendingRecordBytes = 0;
  private stepHasChanges = false;

  /** `index` and `leases` must be those of the engine's records. */
  constructor(engine: Engine, index: KeyIndex, leases: LeaseTable, state: VersionedMapState) {
    this.engine = engine;
    this.index = index;
    this.leases = leases;
    this.currentRevision = state.revision;
    this.compacted = state.compactedRevision;
    this.pendingPosition = state.nextPosition;
  }

  /** The current revision. Within a step that has changed something it is the step's own. */
  get revision(): number {
    return this.stepHasChanges ? this.currentRevision + 1 : this.currentRevision;
  }

  /** Whether the step under way has changed something. */
  get isChanging(): boolean {
    return this.stepHasChanges;
  }

  get compactedRevision(): number {
    return this.compacted;
  }

  get nextPosition(): number {
    return this.pendingPosition + this.pendingRecords.length;
  }

  /** How many bytes `takeRecords` would hand over. */
  get pendingBytes(): number {
    return this.pendingRecordBytes;
  }

  /** The revision that a request means by `requested`. Throws `future-revision` or `compacted`. */
  resolveRevision(requested: number): number {
    if (requested <= 0) {
      return this.revision;
    }
    if (requested > this.revision) {
      throw new StoreError('future-revision');
    }
    if (requested < this.compacted) {
      throw new StoreError('compacted');
    }
    return requested;
  }

  /** The key's newest version, or null if the key does not exist. */
  current(key: Key): KeyVersion | null {
    const history = this.index.get(key);
    return history === undefined || history.isDeleted ? null : history;
  }

  /** Reads a version's record. */
  load(key: Key, version: KeyVersion): KeyValue {
    const record = this.record(version.position);
    return {
      key: toBytes(key),
      createRevision: version.createRevision,
      modRevision: version.modRevision,
      version: version.version,
      value: record.value,
      lease: leaseOf(record.header),
    };
  }

  /** Ends a step: what it changed is now the current revision. */
  endStep(): void {
    this.currentRevision = this.revision;
    this.stepHasChanges = false;
  }

  put(key: Key, keyBytes: Uint8Array, value: Uint8Array, lease: bigint): void {
    const history = this.index.get(key);
    const exists = history !== undefined && !history.isDeleted;
    const modRevision = this.currentRevision + 1;
    const createRevision = exists ? history.createRevision : modRevision;
    const version = exists ? history.version + 1 : 1;
    const position = this.append(
      encodeHeader({ modRevision, createRevision, version, lease }, keyBytes),
      value,
    );
    if (history === undefined) {
      this.index.insert(key, new KeyHistory(modRevision, createRevision, version, position));
    } else {
      assert(history.modRevision < modRevision, 'a key changes at most once in a revision');
      history.append(modRevision, createRevision, version, position);
    }
    this.leases.attach(key, lease);
  }

  /** Deletes every key of the range. Returns the keys that existed, in order, with their last versions. */
  delete(range: KeyRange): readonly { readonly key: Key; readonly version: KeyVersion }[] {
    const found: { key: Key; history: KeyHistory; version: KeyVersion }[] = [];
    this.index.visitHistories(range, (key, history) => {
      if (!history.isDeleted) {
        found.push({ key, history, version: history.newest() });
      }
    });
    for (const { key, history } of found) {
      this.bury(key, history);
    }
    return found;
  }

  /** Deletes keys that exist. */
  deleteKeys(keys: readonly Key[]): void {
    for (const key of keys) {
      const history = this.index.get(key);
      assert(history !== undefined && !history.isDeleted, 'a key that is to be deleted exists');
      this.bury(key, history);
    }
  }

  /** From now on only `revision` and later ones are readable. Throws `compacted` or `future-revision`. */
  compact(revision: number): void {
    if (revision <= this.compacted) {
      throw new StoreError('compacted');
    }
    if (revision > this.currentRevision) {
      throw new StoreError('future-revision');
    }
    this.compacted = revision;
  }

  /** Hands over the records that the engine does not have, for it to commit at once. */
  takeRecords(): readonly PositionedRecord[] {
    const taken = this.pendingRecords;
    this.pendingPosition += this.pendingRecords.length;
    this.pendingRecords = [];
    this.pendingRecordBytes = 0;
    return taken;
  }

  private bury(key: Key, history: KeyHistory): void {
    const modRevision = this.currentRevision + 1;
    assert(history.modRevision < modRevision, 'a key changes at most once in a revision');
    const header = encodeHeader({ modRevision, createRevision: 0, version: 0, lease: 0n }, toBytes(key));
    history.append(modRevision, 0, 0, this.append(header, noBytes));
    this.leases.detach(key);
  }

  /** The record at a position that was written before; null if compaction has removed it. */
  recordAt(position: number): StoredRecord | null {
    return position >= this.pendingPosition
      ? (this.pendingRecords[position - this.pendingPosition] ?? null)
      : this.engine.read(position);
  }

  private append(header: Uint8Array, value: Uint8Array): number {
    const position = this.nextPosition;
    this.pendingRecords.push({ position, header, value });
    this.pendingRecordBytes += header.length + value.length;
    this.stepHasChanges = true;
    return position;
  }

  private record(position: number): StoredRecord {
    const record = this.recordAt(position);
    if (record === null) {
      throw new EngineError('damaged', `the engine lost the record at position ${position}`);
    }
    return record;
  }
}
