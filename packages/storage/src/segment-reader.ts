import type { File } from './file-system.ts';
import {
  emptyRecordView,
  RECORD_HEADER_BYTES,
  type RecordView,
  readRecordHeader,
  recordBytes,
  recordIsIntact,
} from './record.ts';
import { damaged, toStorageError } from './storage-error.ts';

/** A part of a segment: from one record's start up to an offset that no record may cross. */
export type SegmentRange = {
  readonly file: File;
  readonly path: string;
  readonly salt: number;
  readonly from: number;
  readonly to: number;
  /** How much to read at once. Default 256 KiB. */
  readonly chunkBytes?: number;
};

/** Where reading ended. */
export type ScanEnd = {
  readonly offset: number;
  /**
   * - `end`: no further record fits before the end of the range.
   * - `no-record`: what is at the offset is no intact record.
   * - `stopped`: the visitor asked to stop; the offset is that of the record after the one it saw.
   */
  readonly reason: 'end' | 'no-record' | 'stopped';
};

/** How much is read at once, unless the caller needs little. */
const CHUNK_BYTES = 256 * 1024;

/**
 * Reads records one after the other and hands each intact one to `visit`, until it returns false or
 * something that is no record comes. Rejects with `damaged` if the file is too short, or `disk-failed`.
 */
export async function scanRecords(
  range: SegmentRange,
  visit: (record: RecordView) => boolean,
): Promise<ScanEnd> {
  const window = new Window(range);
  const { record } = window;
  let offset = range.from;
  for (;;) {
    if (offset + RECORD_HEADER_BYTES > range.to) return { offset, reason: 'end' };
    let at = window.find(offset, RECORD_HEADER_BYTES);
    if (at < 0) at = await window.load(offset, RECORD_HEADER_BYTES);
    if (!readRecordHeader(record, at, offset)) return { offset, reason: 'no-record' };
    const length = recordBytes(record.payloadBytes);
    if (offset + length > range.to) return { offset, reason: 'no-record' };
    if (window.find(offset, length) < 0) {
      at = await window.load(offset, length);
      readRecordHeader(record, at, offset);
    }
    if (!recordIsIntact(record, range.salt)) return { offset, reason: 'no-record' };
    offset += length;
    if (!visit(record)) return { offset, reason: 'stopped' };
  }
}

/** What lies behind the last intact record of a segment. */
export type TailRemains = {
  /** The end of the last byte that is not zero, or the start of the range if all are zero. */
  readonly dirtyEnd: number;
  /** The first intact record whose write began behind `laterThan`, or null. */
  readonly laterRecord: number | null;
};

/**
 * Looks for what tells a torn tail from damage (FORMAT.md, "Torn or damaged"): an intact record in the
 * range whose write began only after `laterThan`, by default the range's first byte, was durable.
 */
export async function examineRemains(range: SegmentRange, laterThan = range.from): Promise<TailRemains> {
  const window = new Window(range);
  const { record } = window;
  let dirtyEnd = range.from;
  let laterRecord: number | null = null;
  for (let offset = range.from; offset < range.to; offset += 8) {
    const wanted = Math.min(RECORD_HEADER_BYTES, range.to - offset);
    let at = window.find(offset, wanted);
    if (at < 0) at = await window.load(offset, wanted);
    const { view } = record;
    if (wanted >= 8 && view.getUint32(at, true) === 0 && view.getUint32(at + 4, true) === 0) continue;
    for (let byte = Math.min(8, wanted) - 1; byte >= 0; byte -= 1) {
      if (record.bytes[at + byte] !== 0) {
        dirtyEnd = offset + byte + 1;
        break;
      }
    }
    if (laterRecord !== null || wanted < RECORD_HEADER_BYTES) continue;
    if (!readRecordHeader(record, at, offset) || record.batchStart <= laterThan) continue;
    const length = recordBytes(record.payloadBytes);
    if (offset + length > range.to) continue;
    if (window.find(offset, length) < 0) {
      at = await window.load(offset, length);
      readRecordHeader(record, at, offset);
    }
    if (recordIsIntact(record, range.salt)) laterRecord = offset;
  }
  return { dirtyEnd, laterRecord };
}

/** The bytes of a segment around the offset being looked at. */
class Window {
  readonly record: RecordView;
  readonly #range: SegmentRange;
  #start = 0;
  #length = 0;

  constructor(range: SegmentRange) {
    this.#range = range;
    const size = Math.min(range.chunkBytes ?? CHUNK_BYTES, Math.max(range.to - range.from, 8));
    this.record = emptyRecordView(new Uint8Array(size));
  }

  /** Where the bytes from `offset` on are in the buffer, or -1 if not all of them are there. */
  find(offset: number, count: number): number {
    const at = offset - this.#start;
    return at >= 0 && at + count <= this.#length ? at : -1;
  }

  /** Reads so that `find` succeeds. */
  async load(offset: number, count: number): Promise<number> {
    if (count > this.record.bytes.length) {
      const larger = emptyRecordView(new Uint8Array(count));
      this.record.bytes = larger.bytes;
      this.record.view = larger.view;
    }
    const { file, path, to } = this.#range;
    const target = this.record.bytes.subarray(0, Math.min(this.record.bytes.length, to - offset));
    this.#start = offset;
    this.#length = await file.read(target, offset).catch((error: unknown) => {
      throw toStorageError(error, 'reading', path);
    });
    if (this.#length < count) throw damaged(path, offset + this.#length, 'the file ends here, too early');
    return 0;
  }
}
