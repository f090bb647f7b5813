import assert from 'node:assert/strict';
import type { Entry, LogIndex, MemberId, SnapshotDescription, Term } from '@quorate/raft';
import { encodeConfiguration } from './configuration-codec.ts';
import {
  type Checkpoint,
  ENTRY_PREFIX_BYTES,
  RECORD_HEADER_BYTES,
  RECORD_PAYLOAD_MAX_BYTES,
  recordBytes,
  recordCrc,
  recordTypes,
  type SnapshotMarker,
} from './record.ts';

const INITIAL_BYTES = 4096;

/** A buffer that one large batch made larger than this does not stay. */
const KEPT_MAX_BYTES = 4 * 1024 * 1024;

/** Encodes the records of one write into one buffer, which it uses again and again. */
export class RecordWriter {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  #lastRecordAt = 0;
  #salt = 0;
  #batchStart = 0;

  /** Forgets what was encoded. The next records go to this offset of the segment with this salt, in one write. */
  start(salt: number, batchStart: number): void {
    if (this.#bytes.length > KEPT_MAX_BYTES) this.#resize(INITIAL_BYTES);
    this.#length = 0;
    this.#lastRecordAt = 0;
    this.#salt = salt;
    this.#batchStart = batchStart;
  }

  /** How many bytes are encoded: always a multiple of 8. */
  get length(): number {
    return this.#length;
  }

  /** The buffer; its first `length` bytes are encoded. Valid until the next call of any other method. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Where the record encoded last begins. */
  get lastRecordAt(): number {
    return this.#lastRecordAt;
  }

  /** Forgets all but the last record, as if `start` had been called before it was encoded. */
  restartWithLastRecord(salt: number, batchStart: number): void {
    const length = this.#length - this.#lastRecordAt;
    assert(length > 0);
    this.#bytes.copyWithin(0, this.#lastRecordAt, this.#length);
    this.#length = 0;
    this.#lastRecordAt = 0;
    this.#salt = salt;
    this.#batchStart = batchStart;
    this.#view.setUint32(8, batchStart, true);
    this.#finish(length);
  }

  entry(entry: Entry): void {
    switch (entry.kind) {
      case 'no-op':
        this.#finish(this.#entryPrefix(recordTypes.noOp, entry, 0));
        return;
      case 'command': {
        const end = this.#entryPrefix(recordTypes.command, entry, entry.data.length);
        this.#bytes.set(entry.data, this.#length + RECORD_HEADER_BYTES + ENTRY_PREFIX_BYTES);
        this.#finish(end);
        return;
      }
      case 'configuration': {
        const data = encodeConfiguration(entry.configuration);
        const end = this.#entryPrefix(recordTypes.configuration, entry, data.length);
        this.#bytes.set(data, this.#length + RECORD_HEADER_BYTES + ENTRY_PREFIX_BYTES);
        this.#finish(end);
        return;
      }
      default:
        assert.fail(`no such kind of entry: ${JSON.stringify(entry satisfies never)}`);
    }
  }

  vote(term: Term, vote: MemberId | null): void {
    const end = this.#begin(recordTypes.vote, 16);
    this.#number(0, term);
    this.#vote(8, vote);
    this.#finish(end);
  }

  commit(index: LogIndex): void {
    const end = this.#begin(recordTypes.commit, 8);
    this.#number(0, index);
    this.#finish(end);
  }

  truncate(from: LogIndex): void {
    const end = this.#begin(recordTypes.truncate, 8);
    this.#number(0, from);
    this.#finish(end);
  }

  snapshot(marker: SnapshotMarker): void {
    const configuration = encodeConfiguration(marker.snapshot.configuration);
    const end = this.#begin(recordTypes.snapshot, 40 + configuration.length);
    this.#number(0, marker.removedThrough);
    this.#number(8, marker.removedTerm);
    this.#number(16, marker.reset ? 1 : 0);
    this.#snapshot(24, marker.snapshot, configuration);
    this.#finish(end);
  }

  checkpoint(checkpoint: Checkpoint): void {
    const { snapshot } = checkpoint;
    const configuration = snapshot === null ? null : encodeConfiguration(snapshot.configuration);
    const end = this.#begin(recordTypes.checkpoint, configuration === null ? 48 : 64 + configuration.length);
    this.#number(0, checkpoint.term);
    this.#vote(8, checkpoint.vote);
    this.#number(16, checkpoint.commit);
    this.#number(24, checkpoint.removedThrough);
    this.#number(32, checkpoint.removedTerm);
    this.#number(40, checkpoint.lastIndex);
    if (snapshot !== null && configuration !== null) this.#snapshot(48, snapshot, configuration);
    this.#finish(end);
  }

  seal(): void {
    this.#finish(this.#begin(recordTypes.seal, 0));
  }

  /** Makes room, writes the header without its CRC, zeroes the end, and returns where the record ends. */
  #begin(type: number, payloadBytes: number): number {
    assert(payloadBytes <= RECORD_PAYLOAD_MAX_BYTES, `a record of ${payloadBytes} bytes is too large`);
    const at = this.#length;
    const end = at + recordBytes(payloadBytes);
    if (end > this.#bytes.length) this.#resize(Math.max(end, this.#bytes.length * 2));
    // The last word holds the zeros after the payload; whatever belongs to the payload is written later.
    this.#view.setUint32(end - 8, 0, true);
    this.#view.setUint32(end - 4, 0, true);
    this.#view.setUint32(at + 4, (type << 24) | payloadBytes, true);
    this.#view.setUint32(at + 8, this.#batchStart, true);
    return end;
  }

  #entryPrefix(type: number, entry: Entry, dataBytes: number): number {
    const end = this.#begin(type, ENTRY_PREFIX_BYTES + dataBytes);
    this.#number(0, entry.term);
    this.#number(8, entry.index);
    return end;
  }

  #snapshot(from: number, snapshot: SnapshotDescription, configuration: Uint8Array): void {
    this.#number(from, snapshot.index);
    this.#number(from + 8, snapshot.term);
    this.#bytes.set(configuration, this.#length + RECORD_HEADER_BYTES + from + 16);
  }

  #number(from: number, value: number): void {
    const at = this.#length + RECORD_HEADER_BYTES + from;
    this.#view.setUint32(at, value >>> 0, true);
    this.#view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
  }

  #vote(from: number, vote: MemberId | null): void {
    this.#view.setBigUint64(this.#length + RECORD_HEADER_BYTES + from, vote ?? 0n, true);
  }

  #finish(end: number): void {
    const at = this.#length;
    this.#lastRecordAt = at;
    this.#view.setUint32(at, recordCrc(this.#bytes, at, end - at, this.#salt), true);
    this.#length = end;
  }

  #resize(size: number): void {
    const bytes = new Uint8Array(size);
    if (size >= this.#length) bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
