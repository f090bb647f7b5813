import { crc32 } from 'node:zlib';
import type { File, FileSystem } from './file-system.ts';
import { damaged, diskErrorCode, StorageError, toStorageError } from './storage-error.ts';

/** What a segment's file says before its first record (FORMAT.md, "Segment"). */
export type SegmentHeader = {
  /** Counts up by one from 1 over the life of the log. */
  readonly sequence: number;
  /** Seeds the CRC of every record, so that no record of another segment, and no client's data, passes for one. */
  readonly salt: number;
  /** The size of the file. */
  readonly capacity: number;
  /** Where the records of the previous segment end, and the CRC of its last one; both 0 in the first segment. */
  readonly previousEnd: number;
  readonly previousCrc: number;
};

/** Where a segment's first record is. */
export const SEGMENT_HEADER_BYTES = 48;

/** The room that is kept for the seal at the end of a segment. */
export const SEAL_BYTES = 16;

/** Offsets have 32 bits, and a batch must fit in memory. */
export const SEGMENT_LIMIT_BYTES = 1024 * 1024 * 1024;

export const FORMAT_VERSION = 1;

/** The file in which the next segment is prepared. Worthless after a restart. */
export const SPARE_NAME = 'spare.tmp';

const MAGIC = 'quoratel';
const NAME_PATTERN = /^(\d{16})\.wal$/;
const ZEROS = new Uint8Array(1024 * 1024);

export function segmentName(sequence: number): string {
  return `${String(sequence).padStart(16, '0')}.wal`;
}

/** The sequence number in a segment's file name, or null if it is not one. */
export function parseSegmentName(name: string): number | null {
  const match = NAME_PATTERN.exec(name);
  return match === null ? null : Number(match[1]);
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  new TextEncoder().encodeInto(MAGIC, bytes);
  view.setUint32(8, FORMAT_VERSION, true);
  view.setUint32(12, header.salt, true);
  view.setBigUint64(16, BigInt(header.sequence), true);
  view.setUint32(24, header.capacity, true);
  view.setUint32(28, header.previousEnd, true);
  view.setUint32(32, header.previousCrc, true);
  view.setUint32(44, crc32(bytes.subarray(0, 44)), true);
  return bytes;
}

/** Reads and checks a segment's header. Rejects with `damaged` or `newer-format`. */
export async function readSegmentHeader(file: File, path: string): Promise<SegmentHeader> {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const [count, size] = await Promise.all([file.read(bytes, 0), file.size()]).catch((error: unknown) => {
    throw toStorageError(error, 'reading', path);
  });
  const view = new DataView(bytes.buffer);
  if (count < bytes.length) throw damaged(path, 0, 'the file ends within its header');
  if (new TextDecoder().decode(bytes.subarray(0, 8)) !== MAGIC) {
    throw damaged(path, 0, 'the file does not start as a log segment does');
  }
  // The version comes before the CRC: a newer format may have moved everything behind it.
  const version = view.getUint32(8, true);
  if (version > FORMAT_VERSION && version < 0x1_0000) throw newerFormat(path, version);
  if (view.getUint32(44, true) !== crc32(bytes.subarray(0, 44))) {
    throw damaged(path, 0, 'the header does not match its CRC');
  }
  const header: SegmentHeader = {
    sequence: Number(view.getBigUint64(16, true)),
    salt: view.getUint32(12, true),
    capacity: view.getUint32(24, true),
    previousEnd: view.getUint32(28, true),
    previousCrc: view.getUint32(32, true),
  };
  if (size !== header.capacity) {
    throw damaged(path, size, `the file has ${size} bytes, but its header says ${header.capacity}`);
  }
  if (!path.endsWith(`/${segmentName(header.sequence)}`)) {
    throw damaged(
      path,
      16,
      `the file was renamed: its header says that it is ${segmentName(header.sequence)}`,
    );
  }
  return header;
}

/** A file full of durable zeros that has no part in the log yet. */
export type SpareSegment = { readonly file: File; readonly capacity: number };

/**
 * Prepares the file for the next segment. Overwriting zeros that are already on the disk needs no change of
 * the file's size or blocks, so that making a batch durable touches nothing but the batch. Rejects soon
 * after `signal` is aborted, and leaves no file behind when it rejects.
 */
export async function prepareSpare(
  fileSystem: FileSystem,
  directory: string,
  capacity: number,
  signal?: AbortSignal,
): Promise<SpareSegment> {
  const path = `${directory}/${SPARE_NAME}`;
  try {
    await removeIfPresent(fileSystem, path);
    const file = await fileSystem.open(path, 'create');
    try {
      for (let at = 0; at < capacity; at += ZEROS.length) {
        signal?.throwIfAborted();
        await file.write(ZEROS.subarray(0, Math.min(ZEROS.length, capacity - at)), at);
        // Piece by piece, so that a batch never waits long for the disk.
        await file.sync();
      }
      return { file, capacity };
    } catch (error) {
      await file.close();
      // A spare that did not fit must not keep the disk full.
      await removeIfPresent(fileSystem, path);
      throw error;
    }
  } catch (error) {
    throw toStorageError(error, 'preparing', path);
  }
}

/**
 * Makes the spare the segment that its header says, with its first record. When it resolves the segment is
 * durable under its name; before, a crash leaves either nothing or all of it.
 */
export async function installSegment(
  fileSystem: FileSystem,
  directory: string,
  spare: SpareSegment,
  header: SegmentHeader,
  firstRecord: Uint8Array,
): Promise<void> {
  const path = `${directory}/${segmentName(header.sequence)}`;
  try {
    const start = new Uint8Array(SEGMENT_HEADER_BYTES + firstRecord.length);
    start.set(encodeSegmentHeader(header));
    start.set(firstRecord, SEGMENT_HEADER_BYTES);
    await spare.file.write(start, 0);
    await spare.file.sync();
    await fileSystem.rename(`${directory}/${SPARE_NAME}`, path);
    await fileSystem.syncDirectory(directory);
  } catch (error) {
    throw toStorageError(error, 'creating', path);
  }
}

export async function removeIfPresent(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.remove(path);
  } catch (error) {
    if (diskErrorCode(error) !== 'ENOENT') throw error;
  }
}

function newerFormat(path: string, version: number): StorageError {
  return new StorageError(
    'newer-format',
    `${path} has format version ${version}, and this version of Quorate reads up to ${FORMAT_VERSION}: start the member with the version that wrote it, or a newer one`,
    { file: path },
  );
}
