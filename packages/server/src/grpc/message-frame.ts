import assert from 'node:assert/strict';
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { ApiError } from '../api/api-error.ts';

/** Before each message: one byte that says whether it is compressed, and its length as four bytes, big endian. */
export const frameHeaderBytes = 5;

const decompressors = { gzip: promisify(gunzip), deflate: promisify(inflate) };

/** The encodings that requests may come in. Answers are never compressed. */
export const acceptedEncodings = ['identity', ...Object.keys(decompressors)].join(',');

/** Messages as they go over the wire, one after the other. */
export function frameMessages(messages: readonly Uint8Array[]): Buffer {
  let bytes = 0;
  for (const message of messages) bytes += frameHeaderBytes + message.length;
  const frames = Buffer.allocUnsafe(bytes);
  let offset = 0;
  for (const message of messages) {
    frames[offset] = 0;
    frames.writeUInt32BE(message.length, offset + 1);
    frames.set(message, offset + frameHeaderBytes);
    offset += frameHeaderBytes + message.length;
  }
  return frames;
}

/** A message out of its frame. */
export type FramedMessage = { readonly message: Buffer; readonly isCompressed: boolean };

/** Takes messages out of the bytes of a request, and refuses what is too large before it is in memory. */
export class MessageReader {
  private readonly maxBytes: number;
  private chunks: Buffer[] = [];
  /** The length of `chunks` together. */
  private bytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** What was added and not taken, in bytes. */
  get heldBytes(): number {
    return this.bytes;
  }

  add(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
  }

  /** The next message if all of it is there, else null. Throws an ApiError if it says that it is too large, or is none. */
  take(): FramedMessage | null {
    if (this.bytes < frameHeaderBytes) return null;
    if ((this.chunks[0]?.length ?? 0) < frameHeaderBytes) this.join();
    const [first] = this.chunks;
    assert(first !== undefined, 'there are bytes');
    const flag = first[0] ?? 0;
    if (flag > 1) {
      throw new ApiError('internal', `a gRPC message starts with 0 or 1, not with ${flag}`, 'none');
    }
    const end = frameHeaderBytes + first.readUInt32BE(1);
    if (end - frameHeaderBytes > this.maxBytes) throw tooLarge(this.maxBytes);
    if (this.bytes < end) return null;
    const whole = first.length >= end ? first : this.join();
    this.bytes -= end;
    if (whole.length === end) this.chunks.shift();
    else this.chunks[0] = whole.subarray(end);
    return { message: whole.subarray(frameHeaderBytes, end), isCompressed: flag === 1 };
  }

  private join(): Buffer {
    const joined = Buffer.concat(this.chunks);
    this.chunks = [joined];
    return joined;
  }
}

/** Collects the only message of a request. */
export class OnlyMessage {
  private readonly reader: MessageReader;
  private message: FramedMessage | null = null;

  constructor(maxBytes: number) {
    this.reader = new MessageReader(maxBytes);
  }

  /** Throws an ApiError if the message is or will be too large, or if there is more than it. */
  add(chunk: Buffer): void {
    this.reader.add(chunk);
    this.message ??= this.reader.take();
    if (this.message !== null && this.reader.heldBytes > 0) throw notOneMessage();
  }

  /** The message, still compressed if `isCompressed`. Throws an ApiError unless there is exactly one. */
  finish(): FramedMessage {
    if (this.message === null) throw notOneMessage();
    return this.message;
  }
}

function notOneMessage(): ApiError {
  return new ApiError('internal', 'the request is not exactly one gRPC message', 'none');
}

/** Undoes the compression that the client's `grpc-encoding` names. Rejects with an ApiError. */
export async function decompress(message: Buffer, encoding: string, maxBytes: number): Promise<Buffer> {
  if (encoding !== 'gzip' && encoding !== 'deflate') {
    throw new ApiError(
      'unimplemented',
      `the encoding ${encoding} is not known; known are ${acceptedEncodings}`,
      'none',
    );
  }
  try {
    return await decompressors[encoding](message, { maxOutputLength: maxBytes });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(maxBytes);
    throw new ApiError('internal', `the request is no valid ${encoding}`, 'none', error);
  }
}

function tooLarge(maxBytes: number): ApiError {
  return new ApiError('resource-exhausted', `the request is larger than ${maxBytes} bytes`, 'none');
}
