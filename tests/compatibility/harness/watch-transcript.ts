import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { type Event, WatchCreateRequest, WatchRequest, WatchResponse, watchService } from '@quorate/protocol';
import { eventually } from '../../system/harness/eventually.ts';

/** A client of the Watch service, whichever server it is, that writes down every response in words. */
export class WatchTranscript implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  #received = Buffer.alloc(0);

  static async open(endpoint: string): Promise<WatchTranscript> {
    const session = connect(`http://${endpoint}`);
    await once(session, 'connect');
    return new WatchTranscript(session);
  }

  private constructor(session: ClientHttp2Session) {
    this.#session = session;
    this.#stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: watchService.methods.watch.path,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      [constants.HTTP2_HEADER_TE]: 'trailers',
    });
    this.#stream.on('error', () => undefined);
    this.#stream.on('data', (chunk: Buffer) => this.#receive(chunk));
  }

  create(key: string, options: Partial<WatchCreateRequest> = {}): void {
    const createRequest = WatchCreateRequest.create({ ...options, key: Buffer.from(key) });
    this.#send({ $case: 'createRequest', createRequest });
  }

  cancel(watchId: bigint): void {
    this.#send({ $case: 'cancelRequest', cancelRequest: { watchId } });
  }

  requestProgress(): void {
    this.#send({ $case: 'progressRequest', progressRequest: {} });
  }

  /** Waits until there are so many lines in all. */
  async has(count: number): Promise<void> {
    await eventually(`there are ${count} responses`, () => {
      assert.ok(this.lines.length >= count, this.lines.join('\n'));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session.destroy();
    return Promise.resolve();
  }

  #send(requestUnion: WatchRequest['requestUnion']): void {
    const message = WatchRequest.encode({ requestUnion }).finish();
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    this.#stream.write(Buffer.concat([prefix, message]));
  }

  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 5) {
      const end = 5 + this.#received.readUInt32BE(1);
      if (this.#received.length < end) return;
      this.lines.push(describe(WatchResponse.decode(this.#received.subarray(5, end))));
      this.#received = this.#received.subarray(end);
    }
  }
}

function describe(response: WatchResponse): string {
  const { header, watchId, created, canceled, compactRevision, cancelReason, fragment, events } = response;
  const flags = { created, canceled, fragment };
  const words = [
    `id ${watchId}, revision ${header?.revision}`,
    ...Object.entries(flags).flatMap(([name, isSet]) => (isSet ? [name] : [])),
    ...(compactRevision === 0 ? [] : [`compacted ${compactRevision}`]),
    ...(cancelReason === '' ? [] : [`because of "${cancelReason}"`]),
    ...events.map(describeEvent),
  ];
  return words.join(', ');
}

function describeEvent({ type, kv, prevKv }: Event): string {
  const { key, value, createRevision, modRevision, version, lease } = kv ?? {};
  const text = (bytes?: Uint8Array): string => Buffer.from(bytes ?? []).toString();
  const before = prevKv === undefined ? '' : ` after ${text(prevKv.value)}@${prevKv.modRevision}`;
  return `${type === 0 ? 'put' : 'delete'} ${text(key)}=${text(value)}@${modRevision} v${version} from ${createRevision} lease ${lease}${before}`;
}
