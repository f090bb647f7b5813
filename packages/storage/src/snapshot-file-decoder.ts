import assert from 'node:assert/strict';
import { createHash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  BLOCK_CONTENT_MAX_BYTES,
  BLOCK_PREFIX_BYTES,
  decodeFooter,
  decodeHeader,
  FOOTER_BYTES,
  HEADER_MAX_BYTES,
  HEADER_PREFIX_BYTES,
  headerCrc,
  SNAPSHOT_FORMAT_VERSION,
  SNAPSHOT_MAGIC,
  type SnapshotFooter,
  type SnapshotHeader,
} from './snapshot-format.ts';
import { StorageError } from './storage-error.ts';

/**
 * Reads and checks a snapshot file that comes in pieces of any size, from the disk or from elsewhere. Nothing
 * counts before its CRC was found right; the digest over all of it is checked at the end.
 */
export class SnapshotFileDecoder {
  /** What the bytes are called in errors. */
  readonly #name: string;
  readonly #hash: Hash = createHash('sha256');
  #header: SnapshotHeader | null = null;
  #footer: SnapshotFooter | null = null;
  #headerCrc = 0;
  #crc = 0;
  #blocks = 0;
  #contentBytes = 0;
  #verifiedBytes = 0;
  /** What came behind the verified bytes. */
  #rest: Uint8Array = new Uint8Array(0);

  constructor(name: string) {
    this.#name = name;
  }

  /** Null until all of it has come. */
  get header(): SnapshotHeader | null {
    return this.#header;
  }

  /** Null until the file is complete, and was found to be what was written. */
  get footer(): SnapshotFooter | null {
    return this.#footer;
  }

  /** The length of the whole header, blocks and footer that have come. */
  get verifiedBytes(): number {
    return this.#verifiedBytes;
  }

  /**
   * Takes the next bytes, and returns the contents of the blocks that they complete; those are views of `bytes`
   * where possible. Throws a StorageError `damaged` or `newer-format`; after `dropRest` the bytes from
   * `verifiedBytes` on may be given once more.
   */
  push(bytes: Uint8Array): readonly Uint8Array[] {
    const contents: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const isBegun = this.#rest.length > 0;
      // What has come in part is put together alone: all the others are taken where they are.
      const end = isBegun ? at + this.#lengthOf(this.#rest) - this.#rest.length : bytes.length;
      const input = isBegun ? Buffer.concat([this.#rest, bytes.subarray(at, end)]) : bytes.subarray(at);
      const length = this.#take(input, contents);
      this.#verifiedBytes += length;
      at = isBegun || length === 0 ? Math.min(end, bytes.length) : at + length;
      // A copy: the caller may use its buffer again.
      this.#rest = length === 0 ? new Uint8Array(input) : new Uint8Array(0);
    }
    return contents;
  }

  /** Forgets what came behind the verified bytes. */
  dropRest(): void {
    this.#rest = new Uint8Array(0);
  }

  /** To be called when there are no more bytes. Throws a StorageError `damaged` if some are missing. */
  expectEnd(): void {
    if (this.#footer === null)
      throw this.#damaged(this.#verifiedBytes + this.#rest.length, 'it ends too early');
  }

  /** How long that is which the bytes begin with; as long as they do not tell, how many of them would. */
  #lengthOf(bytes: Uint8Array): number {
    if (this.#header === null) return this.#headerLengthOf(bytes);
    if (bytes.length < BLOCK_PREFIX_BYTES) return BLOCK_PREFIX_BYTES;
    const contentLength = viewOf(bytes).getUint32(4, true);
    if (contentLength > BLOCK_CONTENT_MAX_BYTES) throw this.#mismatch('a block');
    return contentLength === 0 ? FOOTER_BYTES : BLOCK_PREFIX_BYTES + contentLength;
  }

  #headerLengthOf(bytes: Uint8Array): number {
    if (bytes.length < HEADER_PREFIX_BYTES) return HEADER_PREFIX_BYTES;
    const view = viewOf(bytes);
    if (Buffer.from(bytes.subarray(0, 8)).toString('latin1') !== SNAPSHOT_MAGIC) {
      throw this.#damaged(0, 'it does not start as a snapshot does');
    }
    // The version comes before the CRC: a newer format may have moved everything behind it.
    const version = view.getUint32(8, true);
    if (version > SNAPSHOT_FORMAT_VERSION && version < 0x1_0000) throw this.#newerFormat(version);
    const length = HEADER_PREFIX_BYTES + view.getUint32(12, true) + 4;
    if (version !== SNAPSHOT_FORMAT_VERSION || length > HEADER_MAX_BYTES) throw this.#mismatch('the header');
    return length;
  }

  /** Checks what the bytes begin with. Returns its length, or 0 if it is not all there. */
  #take(bytes: Uint8Array, contents: Uint8Array[]): number {
    if (this.#footer !== null) throw this.#damaged(this.#verifiedBytes, 'there are bytes behind its end');
    const length = this.#lengthOf(bytes);
    if (bytes.length < length) return 0;
    const whole = bytes.subarray(0, length);
    if (this.#header === null) this.#takeHeader(whole);
    else if (viewOf(whole).getUint32(4, true) === 0) this.#takeFooter(whole);
    else contents.push(this.#takeBlock(whole));
    return length;
  }

  #takeHeader(header: Uint8Array): void {
    this.#headerCrc = headerCrc(header);
    if (crc32(header.subarray(0, -4)) !== this.#headerCrc) throw this.#mismatch('the header');
    this.#header = this.#checked(() => decodeHeader(header));
    this.#crc = this.#headerCrc;
    this.#hash.update(header);
  }

  /** Returns the content. */
  #takeBlock(block: Uint8Array): Uint8Array {
    const crc = crc32(block.subarray(4), this.#crc);
    if (crc !== viewOf(block).getUint32(0, true)) throw this.#mismatch('a block');
    const content = block.subarray(BLOCK_PREFIX_BYTES);
    this.#crc = crc;
    this.#blocks += 1;
    this.#contentBytes += content.length;
    this.#hash.update(block);
    return content;
  }

  #takeFooter(bytes: Uint8Array): void {
    const footer = this.#checked(() => decodeFooter(bytes, this.#headerCrc));
    if (footer === null) throw this.#mismatch('the footer');
    if (footer.blocks !== this.#blocks || footer.contentBytes !== this.#contentBytes) {
      throw this.#damaged(this.#verifiedBytes, 'it does not hold as much as its footer says');
    }
    if (footer.digest !== this.#hash.copy().digest('hex')) {
      throw this.#damaged(this.#verifiedBytes, 'its content does not match the digest in its footer');
    }
    this.#footer = footer;
  }

  #checked<Result>(decode: () => Result): Result {
    try {
      return decode();
    } catch (error) {
      assert(error instanceof RangeError, 'decoding fails with a RangeError');
      throw this.#damaged(this.#verifiedBytes, error.message);
    }
  }

  #mismatch(part: string): StorageError {
    return this.#damaged(this.#verifiedBytes, `${part} does not match its CRC`);
  }

  #damaged(offset: number, found: string): StorageError {
    return damagedSnapshot(this.#name, offset, found);
  }

  #newerFormat(version: number): StorageError {
    return new StorageError(
      'newer-format',
      `${this.#name} has snapshot format ${version}, and this version of Quorate reads up to ${SNAPSHOT_FORMAT_VERSION}: use the version that wrote it, or a newer one`,
      { file: this.#name },
    );
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A snapshot can be had again: from another member, or from another backup. */
export function damagedSnapshot(file: string, offset: number, found: string): StorageError {
  return new StorageError(
    'damaged',
    `damaged snapshot: ${file} at offset ${offset}: ${found}. Nothing was taken from it. Use another snapshot, or let the member fetch one from the others`,
    { file, offset, reason: found },
  );
}
