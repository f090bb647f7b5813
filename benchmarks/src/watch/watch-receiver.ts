import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { WatchCreateRequest, WatchRequest, WatchResponse, watchService } from '@quorate/protocol';

const frameHeaderBytes = 5;

/**
 * A stream of watchers on a connection of its own, with as little work for each response as decoding it takes: the
 * load must not be what is measured.
 */
export class WatchReceiver {
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  readonly #receive: (value: Uint8Array) => void;
  #held: Buffer = Buffer.alloc(0);
  #created = 0;
  #wanted = 0;
  readonly #ready = Promise.withResolvers<void>();

  /** Watches keys; resolves when all watchers are created. `receive` gets the value of each event. */
  static async open(
    url: string,
    keys: readonly string[],
    receive: (value: Uint8Array) => void,
  ): Promise<WatchReceiver> {
    const session = connect(url, { settings: { initialWindowSize: 4 * 1024 * 1024 } });
    await once(session, 'connect');
    session.setLocalWindowSize(4 * 1024 * 1024);
    const receiver = new WatchReceiver(session, keys.length, receive);
    for (const key of keys) receiver.#watch(key);
    await receiver.#ready.promise;
    return receiver;
  }

  private constructor(session: ClientHttp2Session, wanted: number, receive: (value: Uint8Array) => void) {
    this.#session = session;
    this.#wanted = wanted;
    this.#receive = receive;
    this.#stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: watchService.methods.watch.path,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      [constants.HTTP2_HEADER_TE]: 'trailers',
    });
    this.#stream.on('error', (error) => this.#ready.reject(error));
    this.#stream.on('data', (chunk: Buffer) => this.#take(chunk));
    if (wanted === 0) this.#ready.resolve();
  }

  close(): void {
    this.#session.destroy();
  }

  #watch(key: string): void {
    const createRequest = WatchCreateRequest.create({ key: Buffer.from(key) });
    const message = WatchRequest.encode({
      requestUnion: { $case: 'createRequest', createRequest },
    }).finish();
    const prefix = Buffer.alloc(frameHeaderBytes);
    prefix.writeUInt32BE(message.length, 1);
    this.#stream.write(Buffer.concat([prefix, message]));
  }

  #take(chunk: Buffer): void {
    const data = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    let offset = 0;
    while (data.length - offset >= frameHeaderBytes) {
      const end = offset + frameHeaderBytes + data.readUInt32BE(offset + 1);
      if (end > data.length) break;
      this.#respond(WatchResponse.decode(data.subarray(offset + frameHeaderBytes, end)));
      offset = end;
    }
    this.#held = data.subarray(offset);
  }

  #respond({ created, events }: WatchResponse): void {
    if (created) {
      this.#created += 1;
      if (this.#created === this.#wanted) this.#ready.resolve();
    }
    for (const { kv } of events) if (kv !== undefined) this.#receive(kv.value);
  }
}
