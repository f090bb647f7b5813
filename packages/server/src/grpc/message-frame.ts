import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { ApiError } from '../api/api-error.ts';

/** Before each message: one byte that says whether it is compressed, and its length as four bytes, big endian. */
export const frameHeaderBytes = 5;

const decompressors = { gzip: promisify(gunzip), deflate: promisify(inflate) };

/** The encodings that requests may come in. Answers are never compressed. */
export const acceptedEncodings = ['identity', ...Object.keys(decompressors)].join(',');

/** A message as it goes over the wire. */
export function frameMessage(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(frameHeaderBytes + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, frameHeaderBytes);
  return frame;
}

/** Puts together the one message of a request, and refuses what is too large before it is in memory. */
export class MessageAssembler {
  private readonly maxBytes: number;
  private chunks: Buffer[] = [];
  private bytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Throws an ApiError if the message is, or says that it is, larger than allowed. */
  add(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    const [first = chunk] = this.chunks;
    const announced = first.length >= frameHeaderBytes ? first.readUInt32BE(1) : 0;
    if (Math.max(announced, this.bytes - frameHeaderBytes) > this.maxBytes) {
      this.chunks = [];
      throw tooLarge(this.maxBytes);
    }
  }

  /** The message, still compressed if `isCompressed`. Throws an ApiError unless there is exactly one. */
  finish(): { readonly message: Buffer; readonly isCompressed: boolean } {
    const [first] = this.chunks;
    const frame = first !== undefined && this.chunks.length === 1 ? first : Buffer.concat(this.chunks);
    if (frame.length < frameHeaderBytes || frame.readUInt32BE(1) !== frame.length - frameHeaderBytes) {
      throw new ApiError('internal', 'the request is not exactly one gRPC message', 'none');
    }
    const flag = frame[0] ?? 0;
    if (flag > 1) {
      throw new ApiError('internal', `a gRPC message starts with 0 or 1, not with ${flag}`, 'none');
    }
    return { message: frame.subarray(frameHeaderBytes), isCompressed: flag === 1 };
  }
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
