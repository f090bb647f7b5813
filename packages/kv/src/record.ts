import assert from 'node:assert/strict';
import { toKey, type Key } from './key-range.ts';

/**
 * One change of one key, as the engine keeps it beside the value: see DESIGN.md for the layout.
 * `version` 0 marks a deletion.
 */
export type RecordHeader = {
  readonly key: Key;
  readonly modRevision: number;
  readonly createRevision: number;
  readonly version: number;
  readonly lease: bigint;
};

const flagDeleted = 1;
const flagLease = 2;
const flagsKnown = flagDeleted | flagLease;
/** Flags, three varints of at most 8 bytes each for safe integers, a lease. */
const prefixMaxBytes = 1 + 3 * 8 + 8;

export function encodeHeader(header: Omit<RecordHeader, 'key'>, key: Uint8Array): Uint8Array {
  const scratch = new Uint8Array(prefixMaxBytes + key.length);
  const isDeleted = header.version === 0;
  scratch[0] = (isDeleted ? flagDeleted : 0) | (header.lease === 0n ? 0 : flagLease);
  let offset = writeVarint(scratch, 1, header.modRevision);
  if (!isDeleted) {
    offset = writeVarint(scratch, offset, header.modRevision - header.createRevision);
    offset = writeVarint(scratch, offset, header.version);
  }
  if (header.lease !== 0n) {
    new DataView(scratch.buffer).setBigInt64(offset, header.lease, true);
    offset += 8;
  }
  scratch.set(key, offset);
  return scratch.subarray(0, offset + key.length);
}

/** Throws an AssertionError if the bytes are none that `encodeHeader` made. */
export function decodeHeader(bytes: Uint8Array): RecordHeader {
  const reader = new HeaderReader(bytes);
  const flags = reader.byte();
  assert((flags & ~flagsKnown) === 0, 'a record has unknown flags');
  const modRevision = reader.varint();
  const isDeleted = (flags & flagDeleted) !== 0;
  const createRevision = isDeleted ? 0 : modRevision - reader.varint();
  const version = isDeleted ? 0 : reader.varint();
  const lease = (flags & flagLease) === 0 ? 0n : reader.int64();
  return { key: reader.rest(), modRevision, createRevision, version, lease };
}

/** The lease alone, without a look at the key. */
export function leaseOf(bytes: Uint8Array): bigint {
  if (((bytes[0] ?? 0) & flagLease) === 0) {
    return 0n;
  }
  return decodeHeader(bytes).lease;
}

class HeaderReader {
  private readonly bytes: Uint8Array;
  private offset = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  byte(): number {
    const byte = this.bytes[this.offset];
    assert(byte !== undefined, 'a record ends too early');
    this.offset += 1;
    return byte;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      scale *= 128;
    }
    assert(Number.isSafeInteger(value), 'a record holds a number outside the safe range');
    return value;
  }

  int64(): bigint {
    assert(this.offset + 8 <= this.bytes.length, 'a record ends too early');
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + this.offset, 8);
    this.offset += 8;
    return view.getBigInt64(0, true);
  }

  rest(): Key {
    assert(this.offset < this.bytes.length, 'a record has no key');
    return toKey(this.bytes, this.offset);
  }
}

function writeVarint(bytes: Uint8Array, offset: number, value: number): number {
  let rest = value;
  let end = offset;
  while (rest >= 128) {
    bytes[end] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
    end += 1;
  }
  bytes[end] = rest;
  return end + 1;
}
