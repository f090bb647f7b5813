import type { File, FileSystem } from './file-system.ts';
import { LogImage } from './log-image.ts';
import { addToDigest, emptyRecordView, readRecordHeader, recordIsIntact, recordTypes } from './record.ts';
import {
  parseSegmentName,
  readSegmentHeader,
  SEAL_BYTES,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  SPARE_NAME,
  segmentName,
} from './segment.ts';
import { examineRemains, type SegmentRange, scanRecords, type TailRemains } from './segment-reader.ts';
import { damaged, StorageError, toStorageError } from './storage-error.ts';

/** The remains of a write that was under way when the member died, and that nobody was told of. */
export type TornTail = {
  readonly file: string;
  /** Where the intact records end. */
  readonly offset: number;
  /** How many bytes of the torn write were found behind that. */
  readonly bytes: number;
};

/** A segment as recovery found it. */
export type FoundSegment = {
  readonly path: string;
  readonly header: SegmentHeader;
  /** Where its records end, before the seal. */
  readonly end: number;
  /** The CRC of its last record. */
  readonly lastCrc: number;
  /** Where the last write began. Nothing proves that what follows is on the disk and not only in its cache. */
  readonly lastBatchStart: number;
  /** The digest of the records of the last write, see `addToDigest`. */
  readonly lastBatchDigest: number;
  readonly isSealed: boolean;
  /** Whether nothing was ever written to it after its checkpoint. */
  readonly isEmpty: boolean;
};

/** What a log directory holds. Finding out modifies nothing. */
export type FoundLog = {
  readonly image: LogImage;
  /** The segments that make up the log, oldest first. Empty if the log does not exist yet. */
  readonly segments: readonly FoundSegment[];
  readonly tornTail: TornTail | null;
  /** Files that have no part in the log any more. */
  readonly leftovers: readonly string[];
};

/** Reads the whole log. Rejects with `damaged`, `newer-format`, `disk-failed` or `not-writable`. */
export async function findLog(fileSystem: FileSystem, directory: string): Promise<FoundLog> {
  const names = await listSegments(fileSystem, directory);
  const image = new LogImage();
  const current = newestRun(names.sequences);
  const segments: FoundSegment[] = [];
  let tornTail: TornTail | null = null;

  const files: OpenSegment[] = [];
  try {
    // Headers first: each says where the records of the segment before it end.
    for (const sequence of current) files.push(await openSegment(fileSystem, directory, sequence));
    for (const [at, opened] of files.entries()) {
      const next = files[at + 1] ?? null;
      if (next !== null) {
        segments.push(await readInnerSegment(opened, next, image));
      } else {
        const last = await readLastSegment(opened, image);
        segments.push(last.segment);
        tornTail = last.tornTail;
      }
    }
  } finally {
    for (const { file } of files) await file.close();
  }
  checkSeals(segments, tornTail);
  checkComplete(image, directory, current);
  const older = names.sequences.filter((sequence) => !current.includes(sequence)).map(segmentName);
  return { image, segments, tornTail, leftovers: [...older, ...names.spares] };
}

/** A segment's file, open for reading, with its header. */
export type OpenSegment = { readonly file: File; readonly path: string; readonly header: SegmentHeader };

export async function listSegments(
  fileSystem: FileSystem,
  directory: string,
): Promise<{ sequences: readonly number[]; spares: readonly string[] }> {
  const names = await fileSystem.list(directory).catch((error: unknown) => {
    throw toStorageError(error, 'listing', directory);
  });
  const sequences = names.map(parseSegmentName).filter((sequence) => sequence !== null);
  return {
    sequences: sequences.sort((left, right) => left - right),
    spares: names.filter((name) => name === SPARE_NAME),
  };
}

/**
 * The segments without a gap up to the newest one. Older ones are what an interrupted removal left: a power
 * loss may undo some removals and keep others. Whether they are missed is found out by `checkComplete`.
 */
function newestRun(sequences: readonly number[]): readonly number[] {
  let start = sequences.length - 1;
  while (start > 0 && sequences[start - 1] === (sequences[start] ?? 0) - 1) start -= 1;
  return sequences.slice(Math.max(start, 0));
}

export async function openSegment(
  fileSystem: FileSystem,
  directory: string,
  sequence: number,
): Promise<OpenSegment> {
  const path = `${directory}/${segmentName(sequence)}`;
  const file = await fileSystem.open(path, 'read').catch((error: unknown) => {
    throw toStorageError(error, 'opening', path);
  });
  try {
    return { file, path, header: await readSegmentHeader(file, path) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Reads a segment that has a successor: every byte up to where that says must be intact. */
async function readInnerSegment(
  opened: OpenSegment,
  next: OpenSegment,
  image: LogImage,
): Promise<FoundSegment> {
  const { path, header } = opened;
  const end = next.header.previousEnd;
  if (end < SEGMENT_HEADER_BYTES || end > header.capacity - SEAL_BYTES) {
    throw damaged(next.path, 28, `the header says that the records of the segment before it end at ${end}`);
  }
  const read = await readSegment(opened, end, image);
  if (read.end !== end) {
    throw damaged(path, read.end, `there is no intact record, and records must go on up to ${end}`);
  }
  if (read.lastCrc !== next.header.previousCrc) {
    throw damaged(path, read.end, 'the last record is not the one that the next segment follows');
  }
  return { ...read, isSealed: await isSealed(opened, end) };
}

async function readLastSegment(
  opened: OpenSegment,
  image: LogImage,
): Promise<{ segment: FoundSegment; tornTail: TornTail | null }> {
  const { path, header, file } = opened;
  const segment = await readSegment(opened, header.capacity, image);
  if (segment.isSealed) {
    const missing = segmentName(header.sequence + 1);
    throw damaged(path, segment.end, `the segment is sealed, so ${missing} must exist, and it is missing`);
  }
  if (segment.end === SEGMENT_HEADER_BYTES) {
    throw damaged(
      path,
      segment.end,
      'the first record is not intact, and it was durable before the file got its name',
    );
  }
  const behind = { file, path, salt: header.salt, from: segment.end, to: header.capacity };
  const remains = await examineTwice(behind);
  if (remains.laterRecord !== null) {
    throw damaged(
      path,
      segment.end,
      `the record is not intact, and the record at offset ${remains.laterRecord} shows that it was durable`,
    );
  }
  const bytes = remains.dirtyEnd - segment.end;
  return { segment, tornTail: bytes === 0 ? null : { file: path, offset: segment.end, bytes } };
}

/**
 * Looks a second time at where the records end, for what follows will be given up. A disk may return the
 * wrong bytes once; then the record that is there was acknowledged, perhaps. What follows is looked at twice, too: if
 * the first look missed an intact record, it would come to life behind what is written there, or was acknowledged.
 */
async function examineTwice(range: SegmentRange): Promise<TailRemains> {
  const scan = await scanRecords(range, () => false);
  if (scan.reason === 'stopped') throw unsteady(range);
  const remains = await examineRemains(range);
  const again = await examineRemains(range);
  const isSame = again.dirtyEnd === remains.dirtyEnd && again.laterRecord === remains.laterRecord;
  if (!isSame) throw unsteady(range);
  return remains;
}

function unsteady(range: SegmentRange): StorageError {
  return new StorageError(
    'disk-failed',
    `the disk returned two different contents of ${range.path} at offset ${range.from}: check the disk, then start the member again`,
    { file: range.path, offset: range.from },
  );
}

/** Feeds a segment's records to the image, up to the first that is not intact, a seal, or `to`. */
async function readSegment(opened: OpenSegment, to: number, image: LogImage): Promise<FoundSegment> {
  const { path, header, file } = opened;
  let lastCrc = 0;
  let lastBatchStart = SEGMENT_HEADER_BYTES;
  let lastBatchDigest = 0;
  let sealAt: number | null = null;
  const range = { file, path, salt: header.salt, from: SEGMENT_HEADER_BYTES, to };
  const scan = await scanRecords(range, (record) => {
    if (record.type === recordTypes.seal) {
      sealAt = record.offset;
      return false;
    }
    image.apply(record, header.sequence, path);
    lastCrc = record.crc;
    lastBatchDigest = addToDigest(record.batchStart === lastBatchStart ? lastBatchDigest : 0, record);
    lastBatchStart = record.batchStart;
    return true;
  });
  const end = sealAt ?? scan.offset;
  const isEmpty = lastBatchStart === SEGMENT_HEADER_BYTES;
  const isSealed = sealAt !== null;
  return { path, header, end, lastCrc, lastBatchStart, lastBatchDigest, isSealed, isEmpty };
}

async function isSealed(opened: OpenSegment, end: number): Promise<boolean> {
  const record = emptyRecordView(new Uint8Array(SEAL_BYTES));
  await opened.file.read(record.bytes, end).catch((error: unknown) => {
    throw toStorageError(error, 'reading', opened.path);
  });
  return (
    readRecordHeader(record, 0, end) &&
    record.type === recordTypes.seal &&
    record.payloadBytes === 0 &&
    recordIsIntact(record, opened.header.salt)
  );
}

/**
 * A seal is durable before its successor gets a record after its checkpoint. So it may be missing from the
 * last segment but one only, and only while the last one holds nothing else.
 */
function checkSeals(segments: readonly FoundSegment[], tornTail: TornTail | null): void {
  for (const [at, segment] of segments.entries()) {
    const next = segments[at + 1];
    if (segment.isSealed || next === undefined) continue;
    const mayBeMissing = at === segments.length - 2 && next.isEmpty && tornTail === null;
    if (!mayBeMissing) {
      throw damaged(segment.path, segment.end, 'the seal at the end of the segment is not intact');
    }
  }
}

function checkComplete(image: LogImage, directory: string, current: readonly number[]): void {
  const missing = image.entries.firstMissing();
  if (missing === null) return;
  const before = segmentName((current[0] ?? 1) - 1);
  throw damaged(
    `${directory}/${before}`,
    null,
    `the file is missing, and with it entry ${missing} (the log has entries ${image.entries.firstIndex} to ${image.entries.lastIndex})`,
  );
}
