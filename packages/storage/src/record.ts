import { crc32 } from 'node:zlib';
import type { Entry, LogIndex, MemberId, SnapshotDescription, Term } from '@quorate/raft';
import { decodeConfiguration } from './configuration-codec.ts';

/**
 * A record, the unit of the log (FORMAT.md, "Record"):
 *
 *     0        4              8             12              12 + length    multiple of 8
 *     | crc 32 | length 24    | batch start | payload       | zeros        |
 *     |        | type 8       |          32 |               |              |
 *
 * The CRC is seeded with the segment's salt and covers everything after itself, the zeros included.
 */
export const RECORD_HEADER_BYTES = 12;

/** The largest payload: what 24 bits can count. */
export const RECORD_PAYLOAD_MAX_BYTES = 0xff_ffff;

/** The bytes of an entry's payload that precede its data: term and index. */
export const ENTRY_PREFIX_BYTES = 16;

/** The most bytes of data that one entry can carry: nearly 16 MiB. */
export const ENTRY_DATA_MAX_BYTES = RECORD_PAYLOAD_MAX_BYTES - ENTRY_PREFIX_BYTES;

/** What a record says; the numbers are part of the format. 0 is not a type, so that zeros are no record. */
export const recordTypes = {
  checkpoint: 1,
  vote: 2,
  commit: 3,
  truncate: 4,
  noOp: 5,
  command: 6,
  configuration: 7,
  snapshot: 8,
  seal: 9,
} as const;

const RECORD_TYPE_MAX = 9;

/** What is known of the log before a segment's first record, so that older segments can be removed. */
export type Checkpoint = {
  readonly term: Term;
  readonly vote: MemberId | null;
  readonly commit: LogIndex;
  /** Entries up to here, whose last has this term, are no longer needed. Both 0 if nothing was removed. */
  readonly removedThrough: LogIndex;
  readonly removedTerm: Term;
  readonly lastIndex: LogIndex;
  readonly snapshot: SnapshotDescription | null;
};

/** A snapshot was taken or installed, and entries up to `removedThrough` may go. */
export type SnapshotMarker = {
  readonly removedThrough: LogIndex;
  readonly removedTerm: Term;
  /** The log did not contain the snapshot's last entry: none of its entries counts any more. */
  readonly reset: boolean;
  readonly snapshot: SnapshotDescription;
};

/** A record, decoded. */
export type LogRecord =
  | ({ readonly type: 'checkpoint' } & Checkpoint)
  | { readonly type: 'vote'; readonly term: Term; readonly vote: MemberId | null }
  | { readonly type: 'commit'; readonly index: LogIndex }
  /** Entries from `from` on do not count any more: a leader overwrote them. */
  | { readonly type: 'truncate'; readonly from: LogIndex }
  | { readonly type: 'entry'; readonly entry: Entry }
  | ({ readonly type: 'snapshot' } & SnapshotMarker)
  /** The segment ends here, and the next one exists. */
  | { readonly type: 'seal' };

/**
 * One record in a buffer. Readers fill the same object for record after record, so that reading a log
 * allocates nothing per record; keep no reference to it.
 */
export type RecordView = {
  /** The buffer, and a view of all of it. */
  bytes: Uint8Array;
  view: DataView;
  /** Where the record starts in the buffer, and in its segment. */
  at: number;
  offset: number;
  type: number;
  payloadBytes: number;
  /** Everything before this offset of the segment was durable when the record was written. */
  batchStart: number;
  crc: number;
};

export function emptyRecordView(bytes: Uint8Array): RecordView {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { bytes, view, at: 0, offset: 0, type: 0, payloadBytes: 0, batchStart: 0, crc: 0 };
}

/** The bytes a record takes in a segment, header and zeros included. */
export function recordBytes(payloadBytes: number): number {
  return (RECORD_HEADER_BYTES + payloadBytes + 7) & ~7;
}

/**
 * Reads the header at `at` of the record's buffer, which is `offset` in its segment. Returns false if no
 * record can look like that. The payload need not be in the buffer yet.
 */
export function readRecordHeader(record: RecordView, at: number, offset: number): boolean {
  const word = record.view.getUint32(at + 4, true);
  record.at = at;
  record.offset = offset;
  record.crc = record.view.getUint32(at, true);
  record.type = word >>> 24;
  record.payloadBytes = word & RECORD_PAYLOAD_MAX_BYTES;
  record.batchStart = record.view.getUint32(at + 8, true);
  return record.type !== 0 && record.type <= RECORD_TYPE_MAX && record.batchStart <= offset;
}

/** Whether the record, whose header was read and whose bytes are all in the buffer, is intact. */
export function recordIsIntact(record: RecordView, salt: number): boolean {
  return record.crc === recordCrc(record.bytes, record.at, recordBytes(record.payloadBytes), salt);
}

export function recordCrc(bytes: Uint8Array, at: number, length: number, salt: number): number {
  return crc32(bytes.subarray(at + 4, at + length), salt);
}

/** The digest of the records of one write, in order: that of those before, 0 at first, and of one more intact record. */
export function addToDigest(digest: number, record: RecordView): number {
  // The header has the record's CRC, and so stands for all of it.
  return crc32(record.bytes.subarray(record.at, record.at + RECORD_HEADER_BYTES), digest);
}

/** Whether the record is an entry: then its term and index are where `entryTerm` and `entryIndex` look. */
export function isEntry(type: number): boolean {
  return type === recordTypes.noOp || type === recordTypes.command || type === recordTypes.configuration;
}

export function entryTerm(record: RecordView): Term {
  return readNumber(record.view, record.at + RECORD_HEADER_BYTES) as Term;
}

export function entryIndex(record: RecordView): LogIndex {
  return readNumber(record.view, record.at + RECORD_HEADER_BYTES + 8) as LogIndex;
}

/** Decodes an intact record. What it returns shares no memory with the buffer. Throws a RangeError if it makes no sense. */
export function decodeRecord(record: RecordView): LogRecord {
  const { view } = record;
  const start = record.at + RECORD_HEADER_BYTES;
  expectPayload(record);
  switch (record.type) {
    case recordTypes.checkpoint:
      return { type: 'checkpoint', ...decodeCheckpoint(record, start) };
    case recordTypes.vote:
      return { type: 'vote', term: readNumber(view, start) as Term, vote: readVote(view, start + 8) };
    case recordTypes.commit:
      return { type: 'commit', index: readNumber(view, start) as LogIndex };
    case recordTypes.truncate:
      return { type: 'truncate', from: readNumber(view, start) as LogIndex };
    case recordTypes.noOp:
    case recordTypes.command:
    case recordTypes.configuration:
      return { type: 'entry', entry: decodeEntry(record) };
    case recordTypes.snapshot:
      return {
        type: 'snapshot',
        removedThrough: readNumber(view, start) as LogIndex,
        removedTerm: readNumber(view, start + 8) as Term,
        reset: readNumber(view, start + 16) !== 0,
        snapshot: decodeSnapshot(record, 24),
      };
    case recordTypes.seal:
      return { type: 'seal' };
    default:
      throw new RangeError(`there is no record type ${record.type}`);
  }
}

/** Decodes an intact record that is an entry, as `decodeRecord` does. */
export function decodeEntry(record: RecordView): Entry {
  expectPayload(record);
  const index = entryIndex(record);
  const term = entryTerm(record);
  switch (record.type) {
    case recordTypes.noOp:
      return { kind: 'no-op', term, index };
    case recordTypes.command:
      return { kind: 'command', term, index, data: restOfPayload(record, ENTRY_PREFIX_BYTES).slice() };
    case recordTypes.configuration: {
      const configuration = decodeConfiguration(restOfPayload(record, ENTRY_PREFIX_BYTES));
      return { kind: 'configuration', term, index, configuration };
    }
    default:
      throw new RangeError(`record type ${record.type} is no entry`);
  }
}

/** The least payload of each type, by its number. */
const LEAST_PAYLOAD_BYTES = [0, 48, 16, 8, 8, 16, 16, 16, 40, 0];

function expectPayload(record: RecordView): void {
  const least = LEAST_PAYLOAD_BYTES[record.type] ?? 0;
  if (record.payloadBytes < least) {
    throw new RangeError(`a record of type ${record.type} has at least ${least} bytes`);
  }
}

function decodeCheckpoint(record: RecordView, start: number): Checkpoint {
  const { view } = record;
  return {
    term: readNumber(view, start) as Term,
    vote: readVote(view, start + 8),
    commit: readNumber(view, start + 16) as LogIndex,
    removedThrough: readNumber(view, start + 24) as LogIndex,
    removedTerm: readNumber(view, start + 32) as Term,
    lastIndex: readNumber(view, start + 40) as LogIndex,
    snapshot: record.payloadBytes > 48 ? decodeSnapshot(record, 48) : null,
  };
}

function decodeSnapshot(record: RecordView, from: number): SnapshotDescription {
  if (record.payloadBytes < from + 16) throw new RangeError('a snapshot description ends too early');
  const start = record.at + RECORD_HEADER_BYTES + from;
  return {
    index: readNumber(record.view, start) as LogIndex,
    term: readNumber(record.view, start + 8) as Term,
    configuration: decodeConfiguration(restOfPayload(record, from + 16)),
  };
}

function restOfPayload(record: RecordView, from: number): Uint8Array {
  const start = record.at + RECORD_HEADER_BYTES;
  return record.bytes.subarray(start + from, start + record.payloadBytes);
}

function readVote(view: DataView, at: number): MemberId | null {
  const vote = view.getBigUint64(at, true);
  return vote === 0n ? null : (vote as MemberId);
}

/** Terms and indexes take 64 bits in the file and are safe integers in memory. */
function readNumber(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  if (high > 0x1f_ffff) throw new RangeError('a term or an index exceeds 2^53 - 1');
  return high * 0x1_0000_0000 + view.getUint32(at, true);
}
