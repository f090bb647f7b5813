import type { EngineView, Fact, PositionedRecord } from './engine/engine.ts';
import type { KeyIndex } from './key-index.ts';
import { decodeHeader } from './record.ts';
import { encodeSnapshot } from './snapshot-encoder.ts';
import { decodeState, encodeState, type StoreState } from './store-state.ts';

/**
 * All that a store held at one moment, while the store goes on. It is the same, byte for byte, for all stores
 * that have applied the same entries, whatever their engine and however far compaction has got.
 *
 * As long as it is open the engine keeps what the store removes, and it may keep compaction from removing
 * anything: write it to a file at once, and close it.
 */
export class StoreSnapshot {
  private readonly view: EngineView;
  private readonly index: KeyIndex;
  private readonly state: StoreState;
  private readonly released: () => void;
  private isClosed = false;

  /**
   * `view` belongs to the snapshot from now on. `index` is that of the store's records. It may take in later
   * changes, but must not forget a version before `released` is called, unless `isComplete`.
   */
  constructor(view: EngineView, index: KeyIndex, released: () => void) {
    this.view = view;
    this.index = index;
    this.state = decodeState(view.facts());
    this.released = released;
  }

  /** The log entry up to which it goes, and its term. */
  get appliedIndex(): number {
    return this.state.appliedIndex;
  }

  get appliedTerm(): number {
    return this.state.appliedTerm;
  }

  get revision(): number {
    return this.state.revision;
  }

  get compactedRevision(): number {
    return this.state.compactedRevision;
  }

  /** Whether compaction had removed all that it could, so that every record of the engine is in the snapshot. */
  get isComplete(): boolean {
    return this.state.removedRevision === this.state.compactedRevision;
  }

  /**
   * The content (DESIGN.md, "Snapshots"), as Store.install takes it. Each step reads the records of one chunk,
   * about 64 KiB: pause between steps to let others work. May be called again, for the same chunks.
   */
  chunks(): Iterable<Uint8Array> {
    return encodeSnapshot(this.facts(), this.records());
  }

  /** Idempotent. No chunk can be read any more. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.view.close();
    this.released();
  }

  /** By their names, so that all members have them in one order. */
  private facts(): readonly Fact[] {
    const state = encodeState({ ...this.state, removedRevision: this.state.compactedRevision });
    return this.view
      .facts()
      .map((fact) => (fact.name === state.name ? state : fact))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Those that are needed: how far the compactor has got must not be seen. */
  private *records(): Iterable<PositionedRecord> {
    if (this.isComplete) {
      yield* this.view.records();
      return;
    }
    const { compactedRevision } = this.state;
    for (const record of this.view.records()) {
      const { key, modRevision } = decodeHeader(record.header);
      if (this.index.get(key)?.isNeeded(modRevision, compactedRevision) === true) yield record;
    }
  }
}
