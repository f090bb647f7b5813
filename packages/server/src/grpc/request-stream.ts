import assert from 'node:assert/strict';
import type { ServerHttp2Stream } from 'node:http2';
import { ApiError } from '../api/api-error.ts';
import { decompress, type FramedMessage, MessageReader } from './message-frame.ts';
import type { RequestBudget } from './request-budget.ts';

export type RequestStreamOptions = {
  /** The largest message, in bytes. */
  readonly messageMaxBytes: number;
  /** The encoding of compressed messages. */
  readonly encoding: string;
  /**
   * Bounds what is received and not handled, over all streams. A stream whose requests wait takes
   * `windowBytes` of it: as much as the client may have sent before it must stop.
   */
  readonly budget: RequestBudget;
  readonly windowBytes: number;
  /** Called when there is no room for what the client sends. The stream is then at its end. */
  readonly overflow: (error: ApiError) => void;
};

/**
 * The messages that a client sends on one stream, in order. Reads from the network only while somebody waits
 * for a message: a client that sends faster than its requests are handled has to wait. For one reader.
 */
export class RequestStream implements AsyncIterableIterator<Uint8Array> {
  private readonly stream: ServerHttp2Stream;
  private readonly options: RequestStreamOptions;
  private reader: MessageReader;
  private reservedBytes = 0;
  /** Nothing more will come: the client has said so, or is gone. */
  private hasEnded = false;
  private wake: (() => void) | null = null;

  constructor(stream: ServerHttp2Stream, options: RequestStreamOptions) {
    this.stream = stream;
    this.options = options;
    this.reader = new MessageReader(options.messageMaxBytes);
    stream.on('data', this.receive);
    stream.once('end', this.finish);
    stream.once('close', this.finish);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Rejects with an ApiError if the message is none, or too large. */
  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    assert(this.wake === null, 'a stream of requests has one reader');
    for (;;) {
      const framed = this.reader.take();
      if (framed !== null) return { done: false, value: await this.open(framed) };
      if (this.hasEnded) return this.end();
      this.reserve(this.reader.heldBytes);
      this.stream.resume();
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = null;
    }
  }

  /** Nobody reads any further: what else the client sends is dropped. */
  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.drop();
    this.finish();
    return Promise.resolve({ done: true, value: undefined });
  }

  private drop(): void {
    this.stream.off('data', this.receive);
    this.reader = new MessageReader(0);
    this.reserve(0);
    this.stream.resume();
  }

  private end(): IteratorResult<Uint8Array, undefined> {
    if (this.reader.heldBytes > 0 && !this.stream.aborted) {
      throw new ApiError('internal', 'the stream of requests ends in the middle of a gRPC message', 'none');
    }
    return { done: true, value: undefined };
  }

  private readonly receive = (chunk: Buffer): void => {
    this.reader.add(chunk);
    const isAwaited = this.wake !== null;
    if (!isAwaited) this.stream.pause();
    try {
      this.reserve(this.reader.heldBytes + (isAwaited ? 0 : this.options.windowBytes));
    } catch (error) {
      assert(error instanceof ApiError, 'a budget refuses and does nothing else');
      this.drop();
      this.finish();
      this.options.overflow(error);
      return;
    }
    this.wake?.();
  };

  private readonly finish = (): void => {
    this.hasEnded = true;
    this.reserve(0);
    this.wake?.();
  };

  private reserve(bytes: number): void {
    if (bytes > this.reservedBytes) this.options.budget.take(bytes - this.reservedBytes);
    else this.options.budget.giveBack(this.reservedBytes - bytes);
    this.reservedBytes = bytes;
  }

  private async open({ message, isCompressed }: FramedMessage): Promise<Uint8Array> {
    return isCompressed ? decompress(message, this.options.encoding, this.options.messageMaxBytes) : message;
  }
}
