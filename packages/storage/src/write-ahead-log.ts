import assert from 'node:assert/strict';
import type { Entry, HardState, LogIndex, SnapshotDescription, Term } from '@quorate/raft';
import { type AppendPosition, checkWrite, type LogWrite } from './append-rules.ts';
import type { ConfigurationEntry, TermRun } from './entry-map.ts';
import { EntryReader } from './entry-reader.ts';
import type { FileSystem } from './file-system.ts';
import { LogImage } from './log-image.ts';
import type { SnapshotMarker } from './record.ts';
import { findLog, type FoundLog, type TornTail } from './recovery.ts';
import { removeIfPresent, SEGMENT_LIMIT_BYTES, segmentName } from './segment.ts';
import { SegmentTail } from './segment-tail.ts';
import { StorageError, toStorageError } from './storage-error.ts';

export type WriteAheadLogOptions = {
  readonly fileSystem: FileSystem;
  /** The log's own directory, which must exist. Nothing else may be in it. */
  readonly directory: string;
  /** Where salts come from: integers in [0, bound). They need be neither secret nor strong. */
  readonly random: { integer(bound: number): number };
  /**
   * The size that segments grow to, in bytes: the first has at most 1 MiB, and each is twice as large as the
   * one before. Disk space is taken, and freed, in these units. Default 64 MiB, 4 KiB to 1 GiB.
   */
  readonly segmentMaxBytes?: number;
  /** The most bytes of data in `recovered.entries`. Default 64 MiB. */
  readonly recoveredCacheMaxBytes?: number;
};

/** What was in the log when it was opened. All of it is durable, whether it was acknowledged before or not. */
export type RecoveredLog = {
  /** The commit index is the last one that reached the disk: it may lag, and never exceeds `lastIndex`. */
  readonly hardState: HardState;
  /** The newest entries, up to `recoveredCacheMaxBytes` of data; older ones come from `read`. */
  readonly entries: readonly Entry[];
  /** The first entry that can be read; `lastIndex` + 1 if the log is empty. */
  readonly firstIndex: LogIndex;
  /** The last entry, or the last that was removed if the log is empty; 0 in a new log. */
  readonly lastIndex: LogIndex;
  /** The term of the entry before `firstIndex`; 0 if there never was one. */
  readonly previousTerm: Term;
  /** The terms of all entries from `firstIndex` on. */
  readonly terms: readonly TermRun[];
  /** Every entry from `firstIndex` on that changes the configuration. */
  readonly configurations: readonly ConfigurationEntry[];
  /** The last snapshot given to `removeThrough`, or null. */
  readonly snapshot: SnapshotDescription | null;
  /** What was cut off, or null. Worth a line in the log, no reason to worry. */
  readonly tornTail: TornTail | null;
};

const DEFAULT_SEGMENT_MAX_BYTES = 64 * 1024 * 1024;
const DEFAULT_RECOVERED_CACHE_MAX_BYTES = 64 * 1024 * 1024;
const SEGMENT_LEAST_BYTES = 4096;

/**
 * The durable log of one member: entries, hard state and snapshot markers (FORMAT.md says how they lie on
 * the disk).
 *
 * `append`, `removeThrough` and `close` are for one caller that awaits each before the next; this is
 * asserted. `read` may run at any time.
 *
 * When a write or a sync fails it is unknown what is on the disk, and asking again may be answered from the
 * page cache. So the log then refuses every further call with the error of the first failure. Opening it
 * anew is safe: what opening finds is written once more.
 */
export class WriteAheadLog {
  #recovered: RecoveredLog;
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #image: LogImage;
  readonly #tail: SegmentTail;
  readonly #reader: EntryReader;
  /** The newest hard state given; its commit index may not have reached the disk. */
  #hardState: HardState;
  #oldestSegment: number;
  #isBusy = false;
  #isClosed = false;
  #failure: StorageError | null = null;

  private constructor(parts: LogParts) {
    this.#recovered = parts.recovered;
    this.#fileSystem = parts.fileSystem;
    this.#directory = parts.directory;
    this.#image = parts.image;
    this.#tail = parts.tail;
    this.#reader = parts.reader;
    this.#hardState = parts.recovered.hardState;
    this.#oldestSegment = parts.oldestSegment;
  }

  /**
   * Opens the log in a directory, or begins one if there is none. Repairs what a crash left: cuts a torn
   * tail, finishes a change of segments, removes files that are not needed, and makes all that it found
   * durable. Rejects with `damaged`, `newer-format`, `disk-full`, `not-writable` or `disk-failed`.
   */
  static async open(options: WriteAheadLogOptions): Promise<WriteAheadLog> {
    const { fileSystem, directory, random } = options;
    const segmentMaxBytes = options.segmentMaxBytes ?? DEFAULT_SEGMENT_MAX_BYTES;
    assert(segmentMaxBytes >= SEGMENT_LEAST_BYTES && segmentMaxBytes <= SEGMENT_LIMIT_BYTES);
    const found = await findLog(fileSystem, directory);
    for (const name of found.leftovers) {
      await removeIfPresent(fileSystem, `${directory}/${name}`).catch((error: unknown) => {
        throw toStorageError(error, 'removing', `${directory}/${name}`);
      });
    }
    const tail = await SegmentTail.open({ fileSystem, directory, random, segmentMaxBytes }, found);
    try {
      const reader = new EntryReader(fileSystem, directory, found.image.entries);
      const cacheMaxBytes = options.recoveredCacheMaxBytes ?? DEFAULT_RECOVERED_CACHE_MAX_BYTES;
      const recovered = describe(found, await reader.readNewest(cacheMaxBytes));
      const oldestSegment = found.segments[0]?.header.sequence ?? 1;
      const { image } = found;
      const parts = { recovered, fileSystem, directory, image, tail, reader, oldestSegment };
      const log = new WriteAheadLog(parts);
      await log.#removeSegments();
      return log;
    } catch (error) {
      await tail.close();
      throw error;
    }
  }

  /** What was in the log when it was opened. The first write lets go of its `entries`: they may be large. */
  get recovered(): RecoveredLog {
    return this.#recovered;
  }

  get firstIndex(): LogIndex {
    return this.#image.entries.firstIndex;
  }

  get lastIndex(): LogIndex {
    return this.#image.entries.lastIndex;
  }

  /** About how many bytes the entries take on the disk. */
  get entryBytes(): number {
    return this.#image.entries.bytes;
  }

  /** The first of the newest entries that together take at most about `maxBytes`; `lastIndex` + 1 if there is none. */
  firstWithin(maxBytes: number): LogIndex {
    return this.#image.entries.firstWithin(maxBytes);
  }

  /**
   * Writes a list of writes in their order, with one write to the file and one sync however many there are
   * (one of each more when a segment is full). When it resolves all of it is durable. A list of which no
   * write needs a sync touches no file: its commit index goes with the next one that does.
   *
   * Entries at an existing index replace that entry and all after it. An entry's term may not exceed that of
   * the hard state. If the member dies meanwhile, the log has some first part of the list, in the order:
   * each write's term and vote, then its entries; the last commit index at the end.
   *
   * Rejects with `disk-full`, `not-writable` or `disk-failed`, now and ever after.
   */
  async append(writes: readonly LogWrite[]): Promise<void> {
    this.#refuseIfUnusable();
    assert(!this.#isBusy, 'two writes to the log at a time');
    const position = { hardState: this.#hardState, lastIndex: this.#image.entries.lastIndex };
    let sync = false;
    for (const write of writes) {
      checkWrite(write, position, this.#image);
      sync ||= write.sync;
    }
    if (sync) await this.#exclusively(() => this.#write(writes, position));
    this.#hardState = position.hardState;
  }

  /**
   * Reads entries from `first` on, up to `last`, stopping after the entry with which their data reaches
   * `maxBytes`: one at least. `last` must not exceed `lastIndex`. An append that runs meanwhile is not seen.
   * Each entry's data has memory of its own.
   *
   * Rejects with `removed` if the log no longer goes back to `first`, with `damaged`, or `disk-failed`.
   */
  async read(first: LogIndex, last: LogIndex, maxBytes: number): Promise<readonly Entry[]> {
    this.#refuseIfUnusable();
    return this.#reader.read(first, last, maxBytes);
  }

  /**
   * Records that `snapshot` is durable and that entries up to `index`, at most the snapshot's, are no longer
   * needed; then deletes the segments that hold nothing else. From then on they cannot be read.
   *
   * If the log lacks the snapshot's last entry, or has another in its place, the snapshot came from a leader
   * and replaces the whole log (Raft, section 7): then `index` must be the snapshot's.
   *
   * Rejects as `append` does.
   */
  async removeThrough(index: LogIndex, snapshot: SnapshotDescription): Promise<void> {
    this.#refuseIfUnusable();
    assert(!this.#isBusy, 'two writes to the log at a time');
    const marker = this.#planRemoval(index, snapshot);
    await this.#exclusively(() => this.#remove(marker));
  }

  /**
   * Writes the commit index once more, which proves to the next start that everything before was durable,
   * and closes the files. After a failure it only closes them.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    assert(!this.#isBusy, 'the log is closed while it is being written');
    this.#isClosed = true;
    await this.#reader.settled();
    try {
      if (this.#failure !== null) return;
      this.#tail.begin();
      this.#tail.writer.commit(this.#hardState.commit);
      if (!this.#tail.fits) await this.#tail.carryOver();
      await this.#tail.flush();
    } finally {
      await this.#tail.close();
    }
  }

  async #write(writes: readonly LogWrite[], last: AppendPosition): Promise<void> {
    const tail = this.#tail;
    const { writer } = tail;
    let { term, vote } = this.#hardState;
    let { lastIndex } = this.#image.entries;
    tail.begin();
    for (const { hardState, entries } of writes) {
      if (hardState !== null && (hardState.term !== term || hardState.vote !== vote)) {
        ({ term, vote } = hardState);
        writer.vote(term, vote);
        if (!tail.fits) await tail.carryOver();
      }
      const first = entries[0];
      if (first === undefined) continue;
      if (first.index <= lastIndex) {
        writer.truncate(first.index);
        if (!tail.fits) await tail.carryOver();
      }
      for (const entry of entries) {
        writer.entry(entry);
        if (!tail.fits) await tail.carryOver();
      }
      lastIndex = (first.index + entries.length - 1) as LogIndex;
    }
    // After the entries: were it before them, a torn write could leave it pointing to the ones they replace.
    if (last.hardState.commit > this.#image.hardState.commit) {
      writer.commit(last.hardState.commit);
      if (!tail.fits) await tail.carryOver();
    }
    await tail.flush();
  }

  /** Checks and describes a removal. */
  #planRemoval(index: LogIndex, snapshot: SnapshotDescription): SnapshotMarker {
    const { entries } = this.#image;
    assert(snapshot.index >= (this.#image.snapshot?.index ?? 0), 'an older snapshot follows a newer one');
    assert(index <= snapshot.index, `entries up to ${index} are in no snapshot`);
    assert(index >= entries.firstIndex - 1, `entries up to ${index} have been removed already`);
    if (entries.termAt(snapshot.index) === snapshot.term) {
      const removedTerm = entries.termAt(index);
      assert(removedTerm !== null);
      return { removedThrough: index, removedTerm, reset: false, snapshot };
    }
    assert(index === snapshot.index, 'a snapshot that replaces the log removes all entries up to its own');
    assert(snapshot.index > this.#hardState.commit, 'a snapshot contradicts committed entries');
    return { removedThrough: index, removedTerm: snapshot.term, reset: true, snapshot };
  }

  async #remove(marker: SnapshotMarker): Promise<void> {
    const { writer } = this.#tail;
    this.#tail.begin();
    writer.snapshot(marker);
    if (!this.#tail.fits) await this.#tail.carryOver();
    await this.#tail.flush();
    const { commit } = this.#image.hardState;
    if (commit > this.#hardState.commit) this.#hardState = { ...this.#hardState, commit };
    // A read that has begun may need a segment that goes; one that begins now cannot.
    await this.#reader.settled();
    await this.#removeSegments();
  }

  /** Deletes the segments that hold no live entry, oldest first. */
  async #removeSegments(): Promise<void> {
    const needed = this.#image.entries.oldestSegment ?? this.#tail.sequence;
    if (this.#oldestSegment === needed) return;
    try {
      for (; this.#oldestSegment < needed; this.#oldestSegment += 1) {
        await removeIfPresent(this.#fileSystem, `${this.#directory}/${segmentName(this.#oldestSegment)}`);
      }
      await this.#fileSystem.syncDirectory(this.#directory);
    } catch (error) {
      throw toStorageError(error, 'removing segments from', this.#directory);
    }
  }

  async #exclusively(work: () => Promise<void>): Promise<void> {
    this.#isBusy = true;
    if (this.#recovered.entries.length > 0) this.#recovered = { ...this.#recovered, entries: [] };
    try {
      await work();
    } catch (error) {
      this.#failure = toStorageError(error, 'writing', this.#directory);
      // A broken invariant is thrown as it is.
      throw error;
    } finally {
      this.#isBusy = false;
    }
  }

  #refuseIfUnusable(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#isClosed) throw new StorageError('closed', `the log in ${this.#directory} is closed`);
  }
}

type LogParts = {
  readonly recovered: RecoveredLog;
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly image: LogImage;
  readonly tail: SegmentTail;
  readonly reader: EntryReader;
  readonly oldestSegment: number;
};

function describe(found: FoundLog, entries: readonly Entry[]): RecoveredLog {
  const { image, tornTail } = found;
  const { firstIndex, lastIndex, previousTerm, terms, configurations } = image.entries;
  const { hardState, snapshot } = image;
  return {
    hardState,
    entries,
    firstIndex,
    lastIndex,
    previousTerm,
    terms: [...terms],
    configurations: [...configurations],
    snapshot,
    tornTail,
  };
}
