import assert from 'node:assert/strict';
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { ApiError } from '../api/api-error.ts';
import type { IncomingCall } from '../api/call-context.ts';
import { parseGrpcTimeout } from './grpc-timeout.ts';
import { acceptedEncodings, decompress, frameMessages, OnlyMessage } from './message-frame.ts';
import type { RequestBudget } from './request-budget.ts';
import { RequestStream, type RequestStreamOptions } from './request-stream.ts';
import { errorTrailers, okTrailers, type Trailers } from './grpc-status.ts';

/** Why a call's signal is aborted. One for all: making an error for each would cost more than the call. */
const goneReason = new Error('the client has gone');

const responseHeaders = {
  [constants.HTTP2_HEADER_STATUS]: 200,
  [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
  'grpc-accept-encoding': acceptedEncodings,
};

/** One call on its HTTP/2 stream (gRPC over HTTP/2): a request or several, and an answer or several. */
export class GrpcCall implements IncomingCall {
  private readonly stream: ServerHttp2Stream;
  private readonly headers: IncomingHttpHeaders;
  private readonly session: object;
  private controller: AbortController | null = null;
  private isAnswered = false;
  private hasFailed = false;
  /** How the call ends, once its headers are sent. */
  private trailers: Trailers = okTrailers;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.stream = stream;
    this.headers = headers;
    // A stream that has gone has no session any more.
    this.session = stream.session ?? stream;
    // A stream's error is the client's: it reset the stream, or its connection broke. `close` follows.
    stream.on('error', () => undefined);
    stream.once('close', () => {
      if (!this.isAnswered) this.controller?.abort(goneReason);
    });
  }

  get timeoutMs(): number | null {
    const value = this.headers['grpc-timeout'];
    return parseGrpcTimeout(typeof value === 'string' ? value : undefined);
  }

  get signal(): AbortSignal {
    if (this.controller === null) {
      this.controller = new AbortController();
      if (this.isGone) this.controller.abort(goneReason);
    }
    return this.controller.signal;
  }

  /** Nobody listens any more, or has been told that it is over. */
  get isGone(): boolean {
    return this.stream.closed || this.stream.destroyed || this.hasFailed;
  }

  get connection(): object {
    return this.session;
  }

  metadata(name: string): string | null {
    const value = this.headers[name];
    return value === undefined ? null : Array.isArray(value) ? (value[0] ?? null) : value;
  }

  /** Reads the one message of the request. Rejects with an ApiError; never settles if the client goes away. */
  readRequest(maxBytes: number, budget: RequestBudget): Promise<Uint8Array> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const assembler = new OnlyMessage(maxBytes);
    let heldBytes = 0;
    const giveBack = (): void => {
      budget.giveBack(heldBytes);
      heldBytes = 0;
    };
    this.stream.on('data', (chunk: Buffer) => {
      try {
        budget.take(chunk.length);
        heldBytes += chunk.length;
        assembler.add(chunk);
      } catch (error) {
        this.stream.removeAllListeners('data');
        giveBack();
        reject(error);
      }
    });
    this.stream.once('close', giveBack);
    this.stream.once('end', () => {
      giveBack();
      try {
        const { message, isCompressed } = assembler.finish();
        resolve(isCompressed ? decompress(message, this.encoding, maxBytes) : message);
      } catch (error) {
        reject(error);
      }
    });
    return promise;
  }

  /** Reads the messages of a stream of requests. Called once. */
  readRequests(options: Omit<RequestStreamOptions, 'encoding' | 'overflow'>): RequestStream {
    const overflow = (error: ApiError): void => this.fail(error);
    return new RequestStream(this.stream, { ...options, encoding: this.encoding, overflow });
  }

  /** Ends the call with its only answer. */
  answer(response: Uint8Array): void {
    if (this.isGone) return;
    this.begin();
    this.stream.end(frameMessages([response]));
  }

  /** Sends answer after answer, each when the client has room for it. */
  async answerAll(responses: AsyncIterable<readonly Uint8Array[]>): Promise<void> {
    for await (const messages of responses) {
      if (this.isGone) return;
      if (!this.stream.headersSent) this.begin();
      if (!this.stream.write(frameMessages(messages))) await this.drained();
    }
    if (this.isGone) return;
    if (!this.stream.headersSent) this.begin();
    this.stream.end();
  }

  /** Ends the call with a failure, whatever was sent before. */
  fail(error: unknown): void {
    assert(error instanceof ApiError, 'the API translates its errors');
    if (this.isGone) return;
    this.hasFailed = true;
    this.controller?.abort(goneReason);
    const trailers = errorTrailers(error);
    // The rest of the request is read and dropped: resetting the stream could overtake the status.
    this.stream.resume();
    if (this.stream.headersSent) {
      this.trailers = trailers;
      this.stream.end();
    } else {
      this.isAnswered = true;
      this.stream.respond({ ...responseHeaders, ...trailers }, { endStream: true });
    }
  }

  private get encoding(): string {
    return this.metadata('grpc-encoding') ?? '';
  }

  private begin(): void {
    this.stream.respond(responseHeaders, { waitForTrailers: true });
    this.stream.once('wantTrailers', () => {
      this.isAnswered = true;
      this.stream.sendTrailers(this.trailers);
    });
  }

  /** Resolves when the stream takes more, or when nobody waits for it any longer. */
  private async drained(): Promise<void> {
    if (this.isGone) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.stream.once('drain', resolve);
    this.stream.once('close', resolve);
    await promise;
    this.stream.off('drain', resolve);
    this.stream.off('close', resolve);
  }
}
