import { crc32 } from 'node:zlib';
import { WireError } from '@quorate/protocol';

/**
 * What a frame between members carries.
 *
 * - `hello` opens a connection, `hello-reply` answers it.
 * - `batch` carries messages of the consensus protocol.
 * - `call` asks the peer for something, `answer` is what it says to that.
 * - `inquiry` asks who the cluster is, before one can introduce oneself; `inquiry-reply` says so and ends it.
 * - `ping` asks for a `pong`: hosts that vanish say nothing, and an idle connection does not notice.
 */
export type FrameType =
  | 'hello'
  | 'hello-reply'
  | 'batch'
  | 'ping'
  | 'pong'
  | 'call'
  | 'answer'
  | 'inquiry'
  | 'inquiry-reply';

export type Frame = { readonly type: FrameType; readonly payload: Buffer };

/** Four bytes of length, four of checksum, one of type. DESIGN.md has the diagram. */
export const frameHeaderBytes = 9;

/** The largest payload of a connection that has not introduced itself: enough for a Hello. */
export const greetingMaxBytes = 1024;

/** The largest payload at all: a batch with one entry of the largest size that can be configured fits. */
export const payloadMaxBytes = 32 * 1024 * 1024;

const typeNumbers: Readonly<Record<FrameType, number>> = {
  hello: 1,
  'hello-reply': 2,
  batch: 3,
  ping: 4,
  pong: 5,
  call: 6,
  answer: 7,
  inquiry: 8,
  'inquiry-reply': 9,
};
const typesByNumber: readonly (FrameType | undefined)[] = [
  undefined,
  'hello',
  'hello-reply',
  'batch',
  'ping',
  'pong',
  'call',
  'answer',
  'inquiry',
  'inquiry-reply',
];
/** The checksum covers the type, too: it starts from the checksum of the one byte that names it. */
const checksumSeeds: readonly number[] = typesByNumber.map((_, number) => crc32(Buffer.from([number])));

/**
 * Received bytes that are no frame, or a frame whose payload is not what its type promises. The connection
 * cannot be understood from there on and must be closed.
 */
export class MalformedFrame extends Error {
  override readonly name = 'MalformedFrame';
}

/** Decodes a payload, and turns what a decoder has against it into `MalformedFrame`. */
export function decodePayload<Content>(type: FrameType, decode: () => Content): Content {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof WireError || error instanceof RangeError)) throw error;
    throw new MalformedFrame(`a ${type} frame holds no ${type}: ${error.message}`, { cause: error });
  }
}

/** The bytes that go before a payload. */
export function encodeHeader(type: FrameType, payload: Uint8Array): Buffer {
  const number = typeNumbers[type];
  const header = Buffer.allocUnsafe(frameHeaderBytes);
  header.writeUInt32BE(payload.length, 0);
  header.writeUInt32BE(crc32(payload, checksumSeeds[number]), 4);
  header[8] = number;
  return header;
}

/** A whole frame in one buffer, for the small ones. */
export function encodeFrame(type: FrameType, payload: Uint8Array): Buffer {
  return Buffer.concat([encodeHeader(type, payload), payload]);
}

/**
 * Cuts a stream of bytes into frames. A frame that arrives in one chunk is a view of it; one that arrives in
 * several is put together once, when it is complete. Never holds more than one frame and one chunk.
 */
export class FrameReader {
  /** The largest payload accepted from here on. */
  payloadMaxBytes: number = greetingMaxBytes;
  private chunks: Buffer[] = [];
  private bufferedBytes = 0;
  /** How many bytes the frame at hand has, its header included, or those of a header while it is unknown. */
  private neededBytes = frameHeaderBytes;

  /** Takes what arrived and gives each complete frame to `receive`. Throws `MalformedFrame`. */
  push(chunk: Buffer, receive: (frame: Frame) => void): void {
    this.chunks.push(chunk);
    this.bufferedBytes += chunk.length;
    if (this.bufferedBytes < this.neededBytes) return;
    const [first] = this.chunks;
    let rest = this.chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.chunks);
    for (;;) {
      this.neededBytes =
        rest.length < frameHeaderBytes ? frameHeaderBytes : frameHeaderBytes + this.checkLength(rest);
      if (rest.length < this.neededBytes) break;
      const frame = decodeFrame(rest.subarray(0, this.neededBytes));
      rest = rest.subarray(this.neededBytes);
      receive(frame);
    }
    this.chunks = rest.length === 0 ? [] : [rest];
    this.bufferedBytes = rest.length;
  }

  private checkLength(header: Buffer): number {
    const length = header.readUInt32BE(0);
    if (length > this.payloadMaxBytes) {
      throw new MalformedFrame(`a frame claims ${length} bytes, at most ${this.payloadMaxBytes} are allowed`);
    }
    return length;
  }
}

function decodeFrame(bytes: Buffer): Frame {
  const number = bytes[8] ?? 0;
  const type = typesByNumber[number];
  const payload = bytes.subarray(frameHeaderBytes);
  if (type === undefined) throw new MalformedFrame(`a frame has the unknown type ${number}`);
  if (crc32(payload, checksumSeeds[number]) !== bytes.readUInt32BE(4)) {
    throw new MalformedFrame(`a ${type} frame of ${payload.length} bytes has a wrong checksum`);
  }
  return { type, payload };
}
