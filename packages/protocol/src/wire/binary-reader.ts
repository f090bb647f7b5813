import { WireError } from './wire-error.ts';

/**
 * How deep messages may be nested: a stack is no place for a stranger's data to grow. Transactions take two
 * levels for one of theirs, and none that a store accepts has more than 128 of its own.
 */
const depthMax = 512;
/** Up to this many bytes a string is decoded by a loop if it is plain ASCII. */
const asciiMaxBytes = 64;

const twoTo32 = 0x1_0000_0000;
const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads one message in protobuf's binary format; the counterpart of BinaryWriter. Throws a WireError for
 * whatever is malformed: a message that ends early or late, an integer outside the safe range in a field of
 * numbers, text that is not UTF-8.
 *
 * The byte fields of what it reads are views of the input, not copies.
 */
export class BinaryReader {
  pos = 0;
  private readonly input: Uint8Array;
  private view: DataView | null = null;
  private depth = 0;
  /** The halves of the 64-bit integer that was read last, unsigned. */
  private low = 0;
  private high = 0;

  constructor(input: Uint8Array) {
    this.input = input;
  }

  /** Begins a message of the given length, or of all the input; `pos` must be at the result when it ends. */
  enter(length: number | undefined): number {
    this.depth += 1;
    if (this.depth > depthMax) {
      throw new WireError(`messages are nested more than ${depthMax} deep`);
    }
    return length === undefined ? this.input.length : this.endOf(length);
  }

  leave(end: number): void {
    if (this.pos !== end) {
      throw new WireError('a field reaches beyond the end of its message');
    }
    this.depth -= 1;
  }

  /** Skips the value of a field that is not known. `tag` is the field's tag. */
  skip(tag: number): void {
    if (tag >>> 3 === 0) {
      throw new WireError('field number 0 is not allowed');
    }
    switch (tag & 7) {
      case 0:
        this.varint64();
        return;
      case 1:
        this.pos = this.endOf(8);
        return;
      case 2:
        this.pos = this.endOf(this.uint32());
        return;
      case 5:
        this.pos = this.endOf(4);
        return;
      default:
        throw new WireError(`wire type ${tag & 7} is not supported`);
    }
  }

  /** Also reads tags and lengths. Takes the low 32 bits of a longer varint, as protobuf prescribes. */
  uint32(): number {
    const byte = this.input[this.pos];
    if (byte !== undefined && byte < 0x80) {
      this.pos += 1;
      return byte;
    }
    this.varint64();
    return this.low;
  }

  int32(): number {
    return this.uint32() | 0;
  }

  bool(): boolean {
    this.varint64();
    return this.low !== 0 || this.high !== 0;
  }

  bytes(): Uint8Array {
    const end = this.endOf(this.uint32());
    const bytes = this.input.subarray(this.pos, end);
    this.pos = end;
    return bytes;
  }

  string(): string {
    const end = this.endOf(this.uint32());
    const start = this.pos;
    this.pos = end;
    if (end - start <= asciiMaxBytes) {
      const text = asciiText(this.input, start, end);
      if (text !== null) return text;
    }
    try {
      return textDecoder.decode(this.input.subarray(start, end));
    } catch (error) {
      throw new WireError('a string is not UTF-8', { cause: error });
    }
  }

  uint64(): bigint {
    this.varint64();
    return this.high === 0 ? BigInt(this.low) : (BigInt(this.high) << 32n) | BigInt(this.low);
  }

  int64(): bigint {
    return BigInt.asIntN(64, this.uint64());
  }

  uint64Number(): number {
    this.varint64();
    return safe(this.high * twoTo32 + this.low);
  }

  int64Number(): number {
    this.varint64();
    return safe((this.high | 0) * twoTo32 + this.low);
  }

  fixed64(): bigint {
    const end = this.endOf(8);
    this.view ??= new DataView(this.input.buffer, this.input.byteOffset, this.input.byteLength);
    const value = this.view.getBigUint64(this.pos, true);
    this.pos = end;
    return value;
  }

  private endOf(length: number): number {
    const end = this.pos + length;
    if (end > this.input.length) {
      throw new WireError('the message ends before its last field does');
    }
    return end;
  }

  private varint64(): void {
    const bytes = this.input;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[this.pos];
      if (byte === undefined) {
        throw new WireError('the message ends within an integer');
      }
      this.pos += 1;
      const bits = byte & 0x7f;
      if (shift < 28) {
        low |= bits << shift;
      } else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else {
        high |= bits << (shift - 32);
      }
      if (byte < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw new WireError('an integer is longer than ten bytes');
  }
}

function safe(value: number): number {
  if (!Number.isSafeInteger(value)) {
    throw new WireError('an integer is outside the safe range');
  }
  return value;
}

/** Returns null if a byte is not ASCII. */
function asciiText(bytes: Uint8Array, start: number, end: number): string | null {
  let text = '';
  for (let index = start; index < end; index++) {
    const byte = bytes[index] as number;
    if (byte > 0x7f) return null;
    text += String.fromCharCode(byte);
  }
  return text;
}
