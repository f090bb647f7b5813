/** The bytes of one record. Nobody changes them. */
export type StoredRecord = { readonly header: Uint8Array; readonly value: Uint8Array };

/** A record and where it is: the position counts all records that were ever written, from 1. */
export type PositionedRecord = { readonly position: number } & StoredRecord;

/** A named fact about the store as a whole, such as what is applied. */
export type Fact = { readonly name: string; readonly content: Uint8Array };

/** What one transaction changes. */
export type EngineBatch = {
  /** New records in ascending order of their positions, all of them after every record that is there. */
  readonly records: readonly PositionedRecord[];
  /** Records to remove; those that are not there do not matter. */
  readonly removedPositions: readonly number[];
  /** Facts to set. */
  readonly facts: readonly Fact[];
  /** Names of facts to remove; those that are not there do not matter. None of them is in `facts`. */
  readonly removedFacts: readonly string[];
};

/**
 * `done`: nothing to mind. `behind`: so much waits that work which nobody waits for is to wait, too. `finishing`: commits
 * would keep it from its end, so those that can wait are to wait, for the time that a few flushes to the disk take.
 * Reads are welcome at any time.
 */
export type EngineUpkeep = 'done' | 'behind' | 'finishing';

/**
 * Keeps a store's records and facts. Records are only ever appended and removed, which is what makes
 * every engine fast: a record's *position* counts all records that were ever written, from 1.
 *
 * An engine knows nothing of keys and revisions. It belongs to one store. What is on the path of every request
 * is synchronous. What fails throws an EngineError; after a failed `commit` the engine must be closed.
 */
export interface Engine {
  /** False if nothing outlives the process. */
  readonly isPersistent: boolean;

  /**
   * Makes all of the batch visible, or nothing. What is committed outlives the process, not always the host:
   * a power failure may take away the latest commits, but never a part of one, nor one without those after
   * it. `sync` puts an end to that for what was committed before.
   */
  commit(batch: EngineBatch): void;

  /** How far it is with putting its files in order, which it may do in the background. */
  readonly upkeep: EngineUpkeep;

  /** Returns null if there is no such record. The result belongs to the caller. */
  read(position: number): StoredRecord | null;

  /** The first records at or after a position, in order, at most `maxRecords`. The result belongs to the caller. */
  readFrom(position: number, maxRecords: number): readonly PositionedRecord[];

  /** All that is committed now, unchanged by later commits, until the view is closed. */
  openView(): EngineView;

  /** Resolves when every commit made so far is durable. Costs a flush to the disk. */
  sync(): Promise<void>;

  /** Bytes that the data takes, and those of them that are not free space. */
  size(): { readonly totalBytes: number; readonly inUseBytes: number };

  /**
   * Gives some of the space that removed records have left back to the file system, if that is much of all: a
   * millisecond or two. Returns whether it did, so that there may be more. Space that is not given back is used for
   * new records.
   */
  shrink(): boolean;

  /** Open views must be closed before. Resolves when the files may be opened again. */
  close(): Promise<void>;
}

/** A consistent state of an engine. */
export interface EngineView {
  /** All facts that were committed, in no particular order. */
  facts(): readonly Fact[];
  /** Headers of all records, in the order of their positions. The bytes are valid until the next step. */
  headers(): Iterable<{ readonly position: number; readonly header: Uint8Array }>;
  /** All records, likewise. */
  records(): Iterable<PositionedRecord>;
  close(): void;
}
