import type { File, FileSystem } from './file-system.ts';
import type { LogImage } from './log-image.ts';
import { addToDigest, emptyRecordView, readRecordHeader, recordBytes } from './record.ts';
import { RecordWriter } from './record-writer.ts';
import type { FoundLog, FoundSegment } from './recovery.ts';
import {
  installSegment,
  prepareSpare,
  SEAL_BYTES,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  type SpareSegment,
  segmentName,
} from './segment.ts';
import { scanRecords } from './segment-reader.ts';
import { damaged, StorageError, toStorageError } from './storage-error.ts';

export type SegmentTailOptions = {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly random: { integer(bound: number): number };
  readonly segmentMaxBytes: number;
};

const FIRST_SEGMENT_MAX_BYTES = 1024 * 1024;
const COPY_BYTES = 1024 * 1024;
const PAGE_BYTES = 4096;

/** The segment that is being written, and the change to the next one. */
type Segment = {
  readonly header: SegmentHeader;
  readonly path: string;
  readonly file: File;
  /** Where the next write goes; everything before is durable. */
  end: number;
  /** The CRC of the last record. */
  lastCrc: number;
};

/**
 * The growing end of the log. One write at a time: `begin`, then records into `writer`, each followed by
 * `carryOver` unless it `fits`, then `flush`. After a rejection it may only be closed.
 */
export class SegmentTail {
  readonly writer = new RecordWriter();
  readonly #options: SegmentTailOptions;
  readonly #image: LogImage;
  #segment: Segment;
  /** The next segment's file, while it is prepared and when it is; null until the current one is half full. */
  #spare: Promise<SpareSegment | StorageError> | null = null;
  readonly #closing = new AbortController();

  private constructor(options: SegmentTailOptions, image: LogImage, segment: Segment) {
    this.#options = options;
    this.#image = image;
    this.#segment = segment;
  }

  /** Opens the end of the log that was found, or begins a new log, and makes durable all that was found. */
  static async open(options: SegmentTailOptions, found: FoundLog): Promise<SegmentTail> {
    const last = found.segments.at(-1);
    if (last === undefined) return SegmentTail.#create(options, found.image);
    const segment = await openFound(last, options.fileSystem);
    const tail = new SegmentTail(options, found.image, segment);
    try {
      await tail.#repair(found, last);
      return tail;
    } catch (error) {
      await tail.close();
      throw toStorageError(error, 'repairing', segment.path);
    }
  }

  static async #create(options: SegmentTailOptions, image: LogImage): Promise<SegmentTail> {
    const first = new NextSegment(options, image, 1, 0);
    const spare = await prepareSpare(options.fileSystem, options.directory, first.capacity);
    return new SegmentTail(options, image, await first.install(spare, null));
  }

  get sequence(): number {
    return this.#segment.header.sequence;
  }

  begin(): void {
    this.writer.start(this.#segment.header.salt, this.#segment.end);
  }

  /** Whether what is in `writer` has room in the segment. */
  get fits(): boolean {
    return this.#segment.end + this.writer.length + SEAL_BYTES <= this.#segment.header.capacity;
  }

  /** If the last record has no room, flushes those before it and takes it to the next segment. */
  async carryOver(): Promise<void> {
    const { writer } = this;
    const recordLength = writer.length - writer.lastRecordAt;
    await this.#flush(writer.lastRecordAt);
    await this.#changeSegment(recordLength);
    writer.restartWithLastRecord(this.#segment.header.salt, this.#segment.end);
  }

  /** Writes what is in `writer`, makes it durable, and then lets the image take it in. */
  async flush(): Promise<void> {
    await this.#flush(this.writer.length);
    const { end, header } = this.#segment;
    if (end > header.capacity / 2) this.#spare ??= this.#prepareSpare();
  }

  /** Closes the files. Loses nothing that was flushed. */
  async close(): Promise<void> {
    this.#closing.abort();
    const spare = await this.#spare;
    this.#spare = null;
    if (spare !== null && !(spare instanceof StorageError)) await spare.file.close();
    await this.#segment.file.close();
  }

  async #flush(length: number): Promise<void> {
    if (length === 0) return;
    const segment = this.#segment;
    const { bytes } = this.writer;
    try {
      await segment.file.write(bytes.subarray(0, length), segment.end);
      await segment.file.sync();
    } catch (error) {
      throw toStorageError(error, 'writing', segment.path);
    }
    // The image learns what it would learn from reading the file: there is one reading of what records mean.
    const record = emptyRecordView(bytes);
    for (let at = 0; at < length; at += recordBytes(record.payloadBytes)) {
      readRecordHeader(record, at, segment.end + at);
      this.#image.apply(record, segment.header.sequence, segment.path);
    }
    segment.lastCrc = record.crc;
    segment.end += length;
  }

  /** Goes on in a new segment. The order of the steps is that of FORMAT.md, "Changing segments". */
  async #changeSegment(recordLength: number): Promise<void> {
    const full = this.#segment;
    const next = new NextSegment(this.#options, this.#image, this.sequence + 1, recordLength);
    this.#segment = await next.install(await this.#takeSpare(next.capacity), full);
    try {
      await writeSeal(full);
    } finally {
      await full.file.close();
    }
  }

  async #takeSpare(capacity: number): Promise<SpareSegment> {
    const prepared = await this.#spare;
    this.#spare = null;
    if (prepared !== null && !(prepared instanceof StorageError)) {
      if (prepared.capacity >= capacity) return prepared;
      await prepared.file.close();
    }
    // A spare that could not be prepared in the background gets a second chance: there may be space by now.
    return prepareSpare(this.#options.fileSystem, this.#options.directory, capacity);
  }

  /** Never rejects: the error waits until the spare is needed. */
  #prepareSpare(): Promise<SpareSegment | StorageError> {
    const { fileSystem, directory } = this.#options;
    const capacity = regularCapacity(this.#options, this.sequence + 1);
    return prepareSpare(fileSystem, directory, capacity, this.#closing.signal).catch((error: unknown) =>
      toStorageError(error, 'preparing a segment in', directory),
    );
  }

  async #repair(found: FoundLog, last: FoundSegment): Promise<void> {
    // Names and bytes that were found may be in the cache only, and recovery will be relied on.
    await this.#options.fileSystem.syncDirectory(this.#options.directory);
    await rewrite(this.#segment, last);
    // As long as the last segment is empty, the same holds for the seal of the one before it.
    const previous = found.segments.at(-2);
    if (previous !== undefined && last.isEmpty) await sealAgain(previous, this.#options.fileSystem);
    // Bytes of a torn write lie behind the end: going on in the same segment could bring them to life.
    if (found.tornTail !== null) await this.#changeSegment(0);
  }
}

/** The segment after the one being written. */
class NextSegment {
  /** The least size that will do. */
  readonly capacity: number;
  readonly #options: SegmentTailOptions;
  readonly #image: LogImage;
  readonly #sequence: number;
  readonly #salt: number;
  readonly #checkpoint: RecordWriter;

  /** `recordLength` is the size of a record that must fit besides the checkpoint. */
  constructor(options: SegmentTailOptions, image: LogImage, sequence: number, recordLength: number) {
    this.#options = options;
    this.#image = image;
    this.#sequence = sequence;
    this.#salt = options.random.integer(2 ** 32);
    this.#checkpoint = new RecordWriter();
    this.#checkpoint.start(this.#salt, SEGMENT_HEADER_BYTES);
    this.#checkpoint.checkpoint(image.checkpoint());
    const least = SEGMENT_HEADER_BYTES + this.#checkpoint.length + recordLength + SEAL_BYTES;
    this.capacity = Math.max(regularCapacity(options, sequence), Math.ceil(least / PAGE_BYTES) * PAGE_BYTES);
  }

  async install(spare: SpareSegment, previous: Segment | null): Promise<Segment> {
    const { fileSystem, directory } = this.#options;
    const header: SegmentHeader = {
      sequence: this.#sequence,
      salt: this.#salt,
      capacity: spare.capacity,
      previousEnd: previous?.end ?? 0,
      previousCrc: previous?.lastCrc ?? 0,
    };
    const { bytes, length } = this.#checkpoint;
    try {
      await installSegment(fileSystem, directory, spare, header, bytes.subarray(0, length));
    } catch (error) {
      await spare.file.close();
      throw error;
    }
    const path = `${directory}/${segmentName(this.#sequence)}`;
    const record = emptyRecordView(bytes);
    readRecordHeader(record, 0, SEGMENT_HEADER_BYTES);
    this.#image.apply(record, this.#sequence, path);
    return {
      header,
      path,
      file: spare.file,
      end: SEGMENT_HEADER_BYTES + length,
      lastCrc: record.crc,
    };
  }
}

/** The size of a segment: doubling from the first on. */
function regularCapacity(options: SegmentTailOptions, sequence: number): number {
  return Math.min(options.segmentMaxBytes, FIRST_SEGMENT_MAX_BYTES * 2 ** Math.min(sequence - 1, 20));
}

async function openFound(found: FoundSegment, fileSystem: FileSystem): Promise<Segment> {
  const { path, header, end, lastCrc } = found;
  try {
    return { header, path, file: await fileSystem.open(path, 'write'), end, lastCrc };
  } catch (error) {
    throw toStorageError(error, 'opening', path);
  }
}

/**
 * Writes the last batch once more and makes it durable. After a failed sync the cache may hold, as if
 * it were clean, what never reached the disk; and after the process alone died nothing was synced at all.
 *
 * Only the very records that were found are written: a disk that returns the wrong bytes, once, would otherwise
 * have them take the place of the right ones. The bytes of another place may be intact records, too.
 */
async function rewrite(segment: Segment, found: FoundSegment): Promise<void> {
  const { lastBatchStart: from, lastBatchDigest } = found;
  const { file, end, path, header } = segment;
  const bytes = new Uint8Array(end - from);
  const range = { file, path, salt: header.salt, from, to: end, chunkBytes: COPY_BYTES };
  let digest = 0;
  const scan = await scanRecords(range, (record) => {
    digest = addToDigest(digest, record);
    const length = recordBytes(record.payloadBytes);
    bytes.set(record.bytes.subarray(record.at, record.at + length), record.offset - from);
    return true;
  });
  if (scan.offset !== end) {
    throw damaged(path, scan.offset, 'the record was intact when it was read before, and is not any more');
  }
  if (digest !== lastBatchDigest) {
    throw damaged(path, from, 'the last write held other records when it was read before');
  }
  try {
    await file.write(bytes, from);
    await file.sync();
  } catch (error) {
    throw toStorageError(error, 'repairing', path);
  }
}

/** Ends a segment for good: from now on its successor must exist. */
async function writeSeal(segment: Segment): Promise<void> {
  const writer = new RecordWriter();
  writer.start(segment.header.salt, segment.end);
  writer.seal();
  try {
    await segment.file.write(writer.bytes.subarray(0, writer.length), segment.end);
    await segment.file.sync();
  } catch (error) {
    throw toStorageError(error, 'sealing', segment.path);
  }
}

async function sealAgain(found: FoundSegment, fileSystem: FileSystem): Promise<void> {
  const segment = await openFound(found, fileSystem);
  try {
    await writeSeal(segment);
  } finally {
    await segment.file.close();
  }
}
