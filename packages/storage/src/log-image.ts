import type { HardState, LogIndex, MemberId, SnapshotDescription, Term } from '@quorate/raft';
import { EntryMap } from './entry-map.ts';
import {
  type Checkpoint,
  decodeEntry,
  decodeRecord,
  entryIndex,
  entryTerm,
  isEntry,
  type RecordView,
  recordBytes,
  recordTypes,
  type SnapshotMarker,
} from './record.ts';
import { damaged } from './storage-error.ts';

/**
 * What the log says, as far as it was read: the one place where records get their meaning. Recovery feeds
 * it every record that it finds, and a running log every record that has become durable, so that the two
 * cannot differ.
 */
export class LogImage {
  readonly entries = new EntryMap();
  #term = 0 as Term;
  #vote: MemberId | null = null;
  #commit = 0 as LogIndex;
  #snapshot: SnapshotDescription | null = null;
  #started = false;

  get hardState(): HardState {
    return { term: this.#term, vote: this.#vote, commit: this.#commit };
  }

  get snapshot(): SnapshotDescription | null {
    return this.#snapshot;
  }

  /** What a segment that begins now starts with. */
  checkpoint(): Checkpoint {
    return {
      term: this.#term,
      vote: this.#vote,
      commit: this.#commit,
      removedThrough: (this.entries.firstIndex - 1) as LogIndex,
      removedTerm: this.entries.previousTerm,
      lastIndex: this.entries.lastIndex,
      snapshot: this.#snapshot,
    };
  }

  /** Takes in the next record. Throws `damaged` if it cannot follow what came before. */
  apply(record: RecordView, segment: number, path: string): void {
    try {
      if (isEntry(record.type)) this.#applyEntry(record, segment);
      else this.#applyOther(record);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw damaged(path, record.offset, `the record cannot follow those before it: ${error.message}`);
    }
  }

  #applyEntry(record: RecordView, segment: number): void {
    const index = entryIndex(record);
    const term = entryTerm(record);
    // Spelled out, so that no message is made for the entries that are well, which is every one.
    if (!this.#started) throw new RangeError('it is not a checkpoint');
    if (index !== this.entries.lastIndex + 1) {
      throw new RangeError(`it is entry ${index}, and the log ends at ${this.entries.lastIndex}`);
    }
    if (term > this.#term) throw new RangeError(`its term is ${term}, and the member's is ${this.#term}`);
    const end = record.offset + recordBytes(record.payloadBytes);
    this.entries.append(index, term, segment, record.offset, end);
    if (record.type !== recordTypes.configuration) return;
    const entry = decodeEntry(record);
    if (entry.kind === 'configuration') this.entries.noteConfiguration(entry);
  }

  #applyOther(encoded: RecordView): void {
    const record = decodeRecord(encoded);
    expect(this.#started || record.type === 'checkpoint', 'it is not a checkpoint');
    switch (record.type) {
      case 'checkpoint':
        this.#applyCheckpoint(record);
        return;
      case 'vote':
        expect(record.term >= this.#term, `its term is ${record.term}, and the member's is ${this.#term}`);
        this.#term = record.term;
        this.#vote = record.vote;
        return;
      case 'commit':
        expect(record.index >= this.#commit, `it takes the commit index back from ${this.#commit}`);
        expect(record.index <= this.entries.lastIndex, `the log ends at ${this.entries.lastIndex}`);
        this.#commit = record.index;
        return;
      case 'truncate':
        expect(record.from > this.#commit, `entries up to ${this.#commit} are committed`);
        expect(record.from >= this.entries.firstIndex, `the log starts at ${this.entries.firstIndex}`);
        expect(record.from <= this.entries.lastIndex, `the log ends at ${this.entries.lastIndex}`);
        this.entries.truncate(record.from);
        return;
      case 'snapshot':
        this.#applySnapshot(record);
        return;
      case 'seal':
        return;
      case 'entry':
        throw new RangeError('entries are taken in elsewhere');
      default:
        record satisfies never;
    }
  }

  #applyCheckpoint(checkpoint: Checkpoint): void {
    if (this.#started) {
      this.#compare(checkpoint);
      return;
    }
    this.#started = true;
    this.#term = checkpoint.term;
    this.#vote = checkpoint.vote;
    this.#commit = checkpoint.commit;
    this.#snapshot = checkpoint.snapshot;
    expect(checkpoint.removedThrough <= checkpoint.lastIndex, 'it removes entries that never were');
    this.entries.begin(checkpoint.removedThrough, checkpoint.removedTerm, checkpoint.lastIndex);
  }

  /** A later segment's checkpoint repeats what is known. */
  #compare(found: Checkpoint): void {
    const expected = this.checkpoint();
    for (const key of ['term', 'vote', 'commit', 'removedThrough', 'removedTerm', 'lastIndex'] as const) {
      expect(found[key] === expected[key], `its ${key} is ${found[key]}, and the log's ${expected[key]}`);
    }
    expect(found.snapshot?.index === expected.snapshot?.index, 'its snapshot is not the latest one');
  }

  #applySnapshot(marker: SnapshotMarker): void {
    const { snapshot, removedThrough, removedTerm } = marker;
    expect(snapshot.index >= (this.#snapshot?.index ?? 0), 'an older snapshot follows a newer one');
    expect(removedThrough <= snapshot.index, 'it removes entries that the snapshot does not hold');
    expect(removedThrough >= this.entries.firstIndex - 1, `the log starts at ${this.entries.firstIndex}`);
    if (marker.reset) {
      this.entries.reset(snapshot.index, snapshot.term);
    } else {
      expect(snapshot.index <= this.entries.lastIndex, `the log ends at ${this.entries.lastIndex}`);
      this.entries.removeThrough(removedThrough, removedTerm);
    }
    this.#snapshot = snapshot;
    if (snapshot.index > this.#commit) this.#commit = snapshot.index;
  }
}

function expect(condition: boolean, otherwise: string): void {
  if (!condition) throw new RangeError(otherwise);
}
