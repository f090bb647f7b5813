import { createHash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { LogIndex, SnapshotDescription, Term } from '@quorate/raft';
import { decodeConfiguration, encodeConfiguration } from './configuration-codec.ts';

/** What a snapshot file says before its content (FORMAT.md, "Snapshot file"). */
export type SnapshotHeader = {
  /** Whose state it is. */
  readonly clusterId: bigint;
  /** Up to which entry it goes, and the configuration there. */
  readonly description: SnapshotDescription;
};

/** What a snapshot file says behind its content. */
export type SnapshotFooter = {
  readonly blocks: number;
  /** Bytes of content in all blocks. */
  readonly contentBytes: number;
  /** SHA-256 of everything in front of the footer, in hexadecimal. */
  readonly digest: string;
};

export const SNAPSHOT_FORMAT_VERSION = 1;

export const SNAPSHOT_MAGIC = 'quorates';

/** Magic, version, and the length of what follows in the header before its CRC. */
export const HEADER_PREFIX_BYTES = 16;

/** CRC and length, before a block's content or the rest of the footer. */
export const BLOCK_PREFIX_BYTES = 8;

/** Length 0 is no block: it begins the footer. */
export const FOOTER_BYTES = BLOCK_PREFIX_BYTES + 8 + 8 + 32;

/** More than an entry of the log can bring into one record of the state machine. */
export const BLOCK_CONTENT_MAX_BYTES = 32 * 1024 * 1024;

/** A configuration of the largest size there is takes less. */
export const HEADER_MAX_BYTES = 16 * 1024 * 1024;

/**
 * Makes the bytes of a snapshot file: the header, then a block for each piece of content, then the footer. What
 * comes out, one behind the other, is the file; it may as well be sent away as it is.
 */
export class SnapshotEncoder {
  readonly #header: SnapshotHeader;
  readonly #hash: Hash = createHash('sha256');
  /** The CRC of the header, which the footer is seeded with, and that of the last block or else the header. */
  #headerCrc = 0;
  #crc = 0;
  #blocks = 0;
  #contentBytes = 0;

  constructor(header: SnapshotHeader) {
    this.#header = header;
  }

  /** To be called once, and first. */
  header(): Uint8Array {
    const bytes = encodeHeader(this.#header);
    this.#headerCrc = headerCrc(bytes);
    this.#crc = this.#headerCrc;
    this.#hash.update(bytes);
    return bytes;
  }

  /** Content of 1 to `BLOCK_CONTENT_MAX_BYTES` bytes. */
  block(content: Uint8Array): Uint8Array {
    if (content.length === 0 || content.length > BLOCK_CONTENT_MAX_BYTES) {
      throw new RangeError(`a block of a snapshot cannot have ${content.length} bytes`);
    }
    const bytes = new Uint8Array(BLOCK_PREFIX_BYTES + content.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(4, content.length, true);
    bytes.set(content, BLOCK_PREFIX_BYTES);
    this.#crc = crc32(bytes.subarray(4), this.#crc);
    view.setUint32(0, this.#crc, true);
    this.#hash.update(bytes);
    this.#blocks += 1;
    this.#contentBytes += content.length;
    return bytes;
  }

  /** To be called once, and last. */
  footer(): Uint8Array {
    const bytes = new Uint8Array(FOOTER_BYTES);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(8, BigInt(this.#blocks), true);
    view.setBigUint64(16, BigInt(this.#contentBytes), true);
    bytes.set(this.#hash.digest(), 24);
    view.setUint32(0, crc32(bytes.subarray(4), this.#headerCrc), true);
    return bytes;
  }
}

function encodeHeader({ clusterId, description }: SnapshotHeader): Uint8Array {
  const configuration = encodeConfiguration(description.configuration);
  const length = 24 + configuration.length;
  const bytes = new Uint8Array(HEADER_PREFIX_BYTES + length + 4);
  const view = new DataView(bytes.buffer);
  new TextEncoder().encodeInto(SNAPSHOT_MAGIC, bytes);
  view.setUint32(8, SNAPSHOT_FORMAT_VERSION, true);
  view.setUint32(12, length, true);
  view.setBigUint64(16, clusterId, true);
  view.setBigUint64(24, BigInt(description.index), true);
  view.setBigUint64(32, BigInt(description.term), true);
  bytes.set(configuration, 40);
  view.setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)), true);
  return bytes;
}

/** The CRC that a header's bytes end with. */
export function headerCrc(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(bytes.length - 4, true);
}

/** Reads a header's bytes, whose CRC was found right. Throws a RangeError. */
export function decodeHeader(bytes: Uint8Array): SnapshotHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    clusterId: view.getBigUint64(16, true),
    description: {
      index: readNumber(view, 24) as LogIndex,
      term: readNumber(view, 32) as Term,
      configuration: decodeConfiguration(bytes.subarray(40, -4)),
    },
  };
}

/** Reads a footer. Null if its CRC is not that of a footer behind a header with this CRC. Throws a RangeError. */
export function decodeFooter(bytes: Uint8Array, seed: number): SnapshotFooter | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(4, true) !== 0 || view.getUint32(0, true) !== crc32(bytes.subarray(4), seed))
    return null;
  return {
    blocks: readNumber(view, 8),
    contentBytes: readNumber(view, 16),
    digest: Buffer.from(bytes.subarray(24)).toString('hex'),
  };
}

function readNumber(view: DataView, at: number): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError('a number exceeds 2^53 - 1');
  return Number(value);
}
