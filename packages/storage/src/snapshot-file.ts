import type { File, FileSystem } from './file-system.ts';
import { SnapshotFileDecoder, damagedSnapshot } from './snapshot-file-decoder.ts';
import {
  BLOCK_PREFIX_BYTES,
  decodeFooter,
  FOOTER_BYTES,
  HEADER_MAX_BYTES,
  HEADER_PREFIX_BYTES,
  headerCrc,
  type SnapshotFooter,
  type SnapshotHeader,
} from './snapshot-format.ts';
import { toStorageError } from './storage-error.ts';

/** How much is read at a time. */
const READ_BYTES = 1024 * 1024;

/** A complete snapshot file, open for reading. It stays readable when its name is removed. */
export class SnapshotFile {
  readonly path: string;
  readonly header: SnapshotHeader;
  readonly sizeBytes: number;
  /** In hexadecimal: two files with one digest are the same. */
  readonly digest: string;
  readonly #file: File;

  private constructor(path: string, file: File, sizeBytes: number, header: SnapshotHeader, digest: string) {
    this.path = path;
    this.#file = file;
    this.sizeBytes = sizeBytes;
    this.header = header;
    this.digest = digest;
  }

  /**
   * Opens a file, and checks its header, its footer and its size; the content is checked when it is read. With
   * `snapshotBytes` that many bytes of the file are the snapshot, and what follows is none of it. Rejects with a StorageError: `damaged`, `newer-format`, `not-writable` or `disk-failed`.
   */
  static async open(fileSystem: FileSystem, path: string, snapshotBytes?: number): Promise<SnapshotFile> {
    try {
      const file = await fileSystem.open(path, 'read');
      try {
        const sizeBytes = snapshotBytes ?? (await file.size());
        const { header, footer } = await readEnds(file, path, sizeBytes);
        return new SnapshotFile(path, file, sizeBytes, header, footer.digest);
      } catch (error) {
        await file.close();
        throw error;
      }
    } catch (error) {
      throw toStorageError(error, 'reading', path);
    }
  }

  /**
   * The content of all blocks, in order, valid until the next step. Rejects with a StorageError `damaged`, at the
   * latest when all has been read, or `disk-failed`.
   */
  async *content(): AsyncIterable<Uint8Array> {
    const decoder = new SnapshotFileDecoder(this.path);
    for (let offset = 0; offset < this.sizeBytes; ) {
      const bytes = await this.read(offset, READ_BYTES);
      offset += bytes.length;
      if (bytes.length === 0) break;
      yield* decoder.push(bytes);
    }
    decoder.expectEnd();
  }

  /** The file's own bytes from `offset` on, at most `maxBytes`: fewer at its end, none behind it. Unchecked. */
  async read(offset: number, maxBytes: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(Math.max(0, Math.min(maxBytes, this.sizeBytes - offset)));
    if (bytes.length === 0) return bytes;
    try {
      return bytes.subarray(0, await this.#file.read(bytes, offset));
    } catch (error) {
      throw toStorageError(error, 'reading', this.path);
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

type Ends = { readonly header: SnapshotHeader; readonly footer: SnapshotFooter };

async function readEnds(file: File, path: string, sizeBytes: number): Promise<Ends> {
  const decoder = new SnapshotFileDecoder(path);
  const prefix = await readAt(file, 0, Math.min(sizeBytes, HEADER_PREFIX_BYTES));
  decoder.push(prefix);
  if (prefix.length < HEADER_PREFIX_BYTES)
    throw damagedSnapshot(path, sizeBytes, 'it ends within its header');
  const rest = Math.min(new DataView(prefix.buffer).getUint32(12, true) + 4, HEADER_MAX_BYTES);
  const body = await readAt(file, HEADER_PREFIX_BYTES, Math.min(rest, sizeBytes - HEADER_PREFIX_BYTES));
  decoder.push(body);
  const { header, verifiedBytes: headerBytes } = decoder;
  if (header === null) throw damagedSnapshot(path, sizeBytes, 'it ends within its header');
  const at = sizeBytes - FOOTER_BYTES;
  const bytes = at < headerBytes ? null : await readAt(file, at, FOOTER_BYTES);
  const footer = bytes === null ? null : readFooter(bytes, headerCrc(body));
  if (footer === null)
    throw damagedSnapshot(path, Math.max(at, headerBytes), 'it does not end as a snapshot does');
  if (at !== headerBytes + footer.blocks * BLOCK_PREFIX_BYTES + footer.contentBytes) {
    throw damagedSnapshot(path, at, 'it does not hold as much as its footer says');
  }
  return { header, footer };
}

function readFooter(bytes: Uint8Array, seed: number): SnapshotFooter | null {
  try {
    return decodeFooter(bytes, seed);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

async function readAt(file: File, position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, await file.read(bytes, position));
}
