import { WireError } from './wire-error.ts';

const initialBytes = 1024;
/** A larger buffer is left to the garbage collector instead of being kept for the next message. */
const keptMaxBytes = 1024 * 1024;
/** Below this many bytes a loop copies faster than TypedArray.set. */
const loopMaxBytes = 32;

const textEncoder = new TextEncoder();
const twoTo32 = 0x1_0000_0000;

/**
 * A buffer that no writer uses at the moment. Most messages are small and are finished before the next one is
 * begun, so one is enough to save nearly every allocation but that of the result.
 */
let spareBuffer: Uint8Array<ArrayBuffer> | null = new Uint8Array(initialBytes);

/**
 * Writes one message in protobuf's binary format. The generated codecs call it in place of ts-proto's usual
 * runtime, which costs several times as much for a small message.
 *
 * Every method that takes a 64-bit value throws a WireError if it does not fit or is a number outside the safe
 * integers.
 */
export class BinaryWriter {
  private buffer: Uint8Array<ArrayBuffer>;
  private view: DataView | null = null;
  private position = 0;
  /** Where the lengths of the open nested messages stand. */
  private readonly forks: number[] = [];

  constructor() {
    this.buffer = spareBuffer ?? new Uint8Array(initialBytes);
    spareBuffer = null;
  }

  /** Returns the message in a buffer of its own. The writer starts anew. */
  finish(): Uint8Array<ArrayBuffer> {
    const bytes = this.buffer.slice(0, this.position);
    if (this.buffer.length <= keptMaxBytes) {
      spareBuffer = this.buffer;
    }
    this.buffer = empty;
    this.view = null;
    this.position = 0;
    return bytes;
  }

  /** Begins a nested message, which `join` ends. */
  fork(): this {
    this.forks.push(this.position);
    // Most nested messages are short: one byte is set aside for the length, and `join` makes room if it must.
    this.reserve(1);
    this.position += 1;
    return this;
  }

  join(): this {
    const start = this.forks.pop();
    if (start === undefined) {
      throw new WireError('no nested message to end');
    }
    const length = this.position - start - 1;
    if (length < 0x80) {
      this.buffer[start] = length;
      return this;
    }
    const extra = varintBytes(length) - 1;
    this.reserve(extra);
    this.buffer.copyWithin(start + 1 + extra, start + 1, this.position);
    const end = this.position + extra;
    this.position = start;
    this.varint32(length);
    this.position = end;
    return this;
  }

  uint32(value: number): this {
    if (value >>> 0 !== value) {
      throw new WireError(`not an unsigned 32-bit integer: ${value}`);
    }
    this.reserve(5);
    this.varint32(value);
    return this;
  }

  int32(value: number): this {
    if ((value | 0) !== value) {
      throw new WireError(`not a 32-bit integer: ${value}`);
    }
    this.reserve(10);
    if (value >= 0) {
      this.varint32(value);
    } else {
      this.varint64(value >>> 0, 0xffff_ffff);
    }
    return this;
  }

  bool(value: boolean): this {
    this.reserve(1);
    this.buffer[this.position++] = value ? 1 : 0;
    return this;
  }

  bytes(value: Uint8Array): this {
    const length = value.length;
    this.reserve(length + 5);
    this.varint32(length);
    if (length <= loopMaxBytes) {
      for (let index = 0; index < length; index++) {
        this.buffer[this.position + index] = value[index] as number;
      }
    } else {
      this.buffer.set(value, this.position);
    }
    this.position += length;
    return this;
  }

  /** Lone surrogates become U+FFFD. */
  string(value: string): this {
    // No UTF-16 code unit takes more than three bytes of UTF-8.
    this.reserve(value.length * 3 + 5);
    this.fork();
    this.position += textEncoder.encodeInto(value, this.buffer.subarray(this.position)).written;
    return this.join();
  }

  uint64(value: number | bigint): this {
    this.reserve(10);
    if (typeof value === 'number') {
      if (!Number.isSafeInteger(value) || value < 0) {
        throw new WireError(`not a safe unsigned integer: ${value}`);
      }
      this.varint64(value % twoTo32, Math.floor(value / twoTo32));
    } else {
      if (BigInt.asUintN(64, value) !== value) {
        throw new WireError(`not an unsigned 64-bit integer: ${value}`);
      }
      this.varint64(Number(value & 0xffff_ffffn), Number(value >> 32n));
    }
    return this;
  }

  int64(value: number | bigint): this {
    this.reserve(10);
    if (typeof value === 'number') {
      if (!Number.isSafeInteger(value)) {
        throw new WireError(`not a safe integer: ${value}`);
      }
      const high = Math.floor(value / twoTo32);
      this.varint64(value - high * twoTo32, high >>> 0);
    } else {
      if (BigInt.asIntN(64, value) !== value) {
        throw new WireError(`not a 64-bit integer: ${value}`);
      }
      this.varint64(Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn));
    }
    return this;
  }

  fixed64(value: bigint): this {
    if (BigInt.asUintN(64, value) !== value) {
      throw new WireError(`not an unsigned 64-bit integer: ${value}`);
    }
    this.reserve(8);
    this.view ??= new DataView(this.buffer.buffer);
    this.view.setBigUint64(this.position, value, true);
    this.position += 8;
    return this;
  }

  private varint32(value: number): void {
    const buffer = this.buffer;
    let rest = value;
    while (rest > 0x7f) {
      buffer[this.position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[this.position++] = rest;
  }

  /** Both halves are unsigned. */
  private varint64(low: number, high: number): void {
    if (high === 0) {
      this.varint32(low);
      return;
    }
    const buffer = this.buffer;
    let lowRest = low;
    let highRest = high;
    while (highRest > 0) {
      buffer[this.position++] = (lowRest & 0x7f) | 0x80;
      lowRest = ((lowRest >>> 7) | (highRest << 25)) >>> 0;
      highRest >>>= 7;
    }
    this.varint32(lowRest);
  }

  private reserve(bytes: number): void {
    const needed = this.position + bytes;
    if (needed <= this.buffer.length) {
      return;
    }
    const larger = new Uint8Array(Math.max(needed, this.buffer.length * 2, initialBytes));
    larger.set(this.buffer.subarray(0, this.position));
    this.buffer = larger;
    this.view = null;
  }
}

const empty = new Uint8Array(0);

function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}
