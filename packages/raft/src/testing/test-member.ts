import { assert } from '../assert.ts';
import { RaftCore } from '../core.ts';
import type { Entry, SnapshotDescription } from '../entry.ts';
import { type LogIndex, type MemberId, noIndex, offsetIndex } from '../identifiers.ts';
import type { RaftOptions } from '../options.ts';
import type { Output } from '../output.ts';
import type { CheckedMember } from './cluster-checker.ts';
import type { SimulatedDisk } from './simulated-disk.ts';

/** A member of a test cluster: its disk outlives crashes, its core does not. */
export class TestMember {
  readonly id: MemberId;
  readonly options: RaftOptions;
  readonly disk: SimulatedDisk;
  /** Null while the member is down. */
  core: RaftCore | null = null;
  /** The log as memory has it. */
  log: Entry[] = [];
  firstIndex: LogIndex;
  /** What the state machine has applied. Like an engine without fsync, it may lose its newest part in a crash. */
  applied: LogIndex = noIndex;
  /** Handed out and not applied yet. */
  readonly toApply: Entry[] = [];
  /** A leader's snapshot that is being fetched or installed. */
  offered: { readonly from: MemberId; readonly snapshot: SnapshotDescription } | null = null;

  constructor(id: MemberId, options: RaftOptions, disk: SimulatedDisk) {
    this.id = id;
    this.options = options;
    this.disk = disk;
    this.firstIndex = disk.firstIndex;
  }

  get isUp(): boolean {
    return this.core !== null;
  }

  get running(): RaftCore {
    assert(this.core !== null, `n${this.id} is up`);
    return this.core;
  }

  start(cached: number): void {
    const whole = this.disk.restore(this.applied, Number.MAX_SAFE_INTEGER);
    this.log = [...whole.entries];
    this.firstIndex = whole.firstIndex;
    this.core = RaftCore.create(this.options, this.disk.restore(this.applied, cached));
  }

  /** Stops at once. `survivors` pending writes reach the disk, and the state machine loses its last `forgotten` entries. */
  crash(survivors: number, forgotten: number): void {
    this.disk.crash(survivors);
    const kept = Math.max(this.disk.firstIndex - 1, this.disk.snapshot?.index ?? 0, this.applied - forgotten);
    this.applied = Math.min(this.applied, kept) as LogIndex;
    this.core = null;
    this.toApply.length = 0;
    this.offered = null;
  }

  /** Keeps the memory's log as the output says. */
  note(output: Output): void {
    const first = output.persist?.entries[0];
    if (output.persist !== null && first !== undefined) {
      this.log.length = first.index - this.firstIndex;
      this.log.push(...output.persist.entries);
    }
    this.toApply.push(...output.entriesToApply);
    this.offered = output.snapshotToInstall ?? this.offered;
  }

  compact(snapshot: SnapshotDescription, through: LogIndex): void {
    this.disk.compact(snapshot, through);
    this.trimLog();
  }

  install(snapshot: SnapshotDescription): void {
    this.disk.install(snapshot);
    this.log = [...this.disk.restore(this.applied, Number.MAX_SAFE_INTEGER).entries];
    this.firstIndex = this.disk.firstIndex;
    this.applied = snapshot.index;
    this.toApply.length = 0;
    this.offered = null;
  }

  /** Whether the state machine is being replaced. */
  get isInstalling(): boolean {
    return this.core !== null && this.core.state.installing !== null;
  }

  /** What the checker looks at; null while the member is down. */
  checked(): CheckedMember | null {
    return this.core === null
      ? null
      : { id: this.id, state: this.core.state, log: this.log, firstIndex: this.firstIndex };
  }

  private trimLog(): void {
    const removed = this.disk.firstIndex - this.firstIndex;
    this.log.splice(0, removed);
    this.firstIndex = offsetIndex(this.firstIndex, removed);
  }
}
