import type { ClientDuplexStream, StatusObject } from '@grpc/grpc-js';
import {
  type Event,
  type KeyValue,
  WatchCreateRequest,
  WatchRequest,
  WatchResponse,
  watchService,
} from '@quorate/protocol';
import type { CallSettings, TestClient } from './test-client.ts';
import { until } from './until.ts';

/** A client of the Watch service that writes down in words what it is told. */
export class WatchTester {
  /** Such as `0@3: put a=1@3`, and each word that a response sets. */
  readonly lines: string[] = [];
  readonly responses: WatchResponse[] = [];
  readonly status: Promise<StatusObject>;
  readonly stream: ClientDuplexStream<Buffer, Buffer>;

  constructor(client: TestClient, settings: CallSettings = {}) {
    this.stream = client.openStream(watchService.methods.watch.path, settings);
    this.stream.on('data', (bytes: Buffer) => {
      const response = WatchResponse.decode(bytes);
      this.responses.push(response);
      this.lines.push(describe(response));
    });
    this.status = new Promise((resolve) => {
      this.stream.on('status', resolve);
    });
  }

  create(
    key: string,
    {
      rangeEnd = '',
      ...options
    }: Partial<Omit<WatchCreateRequest, 'key' | 'rangeEnd'>> & { rangeEnd?: string } = {},
  ): void {
    const createRequest = WatchCreateRequest.create({
      ...options,
      key: Buffer.from(key),
      rangeEnd: Buffer.from(rangeEnd),
    });
    this.send({ $case: 'createRequest', createRequest });
  }

  cancel(watchId: bigint): void {
    this.send({ $case: 'cancelRequest', cancelRequest: { watchId } });
  }

  requestProgress(): void {
    this.send({ $case: 'progressRequest', progressRequest: {} });
  }

  send(requestUnion: WatchRequest['requestUnion']): void {
    this.stream.write(Buffer.from(WatchRequest.encode({ requestUnion }).finish()));
  }

  /** Waits until so many responses are there, and returns those that came since the last call. */
  async next(count: number): Promise<string[]> {
    await until(
      `${count} responses came, not only ${this.lines.join(' | ')}`,
      () => this.lines.length >= count,
    );
    return this.lines.splice(0);
  }
}

function describe(response: WatchResponse): string {
  const { header, watchId, created, canceled, compactRevision, cancelReason, fragment, events } = response;
  const words = [
    created ? 'created' : '',
    canceled ? 'canceled' : '',
    compactRevision === 0 ? '' : `compacted ${compactRevision}`,
    cancelReason,
    fragment ? 'fragment' : '',
    events.map(describeEvent).join(', '),
  ].filter((word) => word !== '');
  const about = `${watchId}@${header?.revision}`;
  return words.length === 0 ? about : `${about}: ${words.join(', ')}`;
}

function describeEvent({ type, kv, prevKv }: Event): string {
  const key = Buffer.from(kv?.key ?? []).toString();
  const what = type === 1 ? `delete ${key}` : `put ${key}=${valueOf(kv)}`;
  const before = prevKv === undefined ? '' : ` after ${valueOf(prevKv)}`;
  return `${what}@${kv?.modRevision}${before}`;
}

/** Long values by their length. */
function valueOf(kv: KeyValue | undefined): string {
  const value = Buffer.from(kv?.value ?? []);
  return value.length > 20 ? String(value.length) : value.toString();
}
