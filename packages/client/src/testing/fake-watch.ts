import type { ServerDuplexStream } from '@grpc/grpc-js';
import { type Event, type WatchCreateRequest, WatchRequest, WatchResponse } from '@quorate/protocol';

/** A stream of watches as a member sees it. The test decides what is answered. */
export class FakeWatch {
  /** What the client asked for to be watched, progress and ends, in order. */
  readonly requests: WatchRequest[] = [];
  /** The client has ended the stream, or its connection broke. */
  isGone = false;
  /** The value of the metadata `hasleader`. */
  readonly hasLeader: string | null;
  readonly #call: ServerDuplexStream<Buffer, Uint8Array>;
  readonly #memberId: bigint;

  constructor(call: ServerDuplexStream<Buffer, Uint8Array>, memberId: bigint) {
    this.#call = call;
    this.#memberId = memberId;
    this.hasLeader = call.metadata.get('hasleader')[0]?.toString() ?? null;
    call.on('data', (bytes: Buffer) => this.requests.push(WatchRequest.decode(bytes)));
    call.on('cancelled', () => {
      this.isGone = true;
    });
    call.on('error', () => undefined);
  }

  /** The first request, which must be one that creates a watcher. */
  get created(): WatchCreateRequest {
    const union = this.requests[0]?.requestUnion;
    if (union?.$case !== 'createRequest') throw new Error('no watcher was asked for');
    return union.createRequest;
  }

  /** Responds. Returns false if the client should read before more is written. */
  respond(revision: number, response: Partial<WatchResponse> = {}): boolean {
    const header = { clusterId: 0xc1n, memberId: this.#memberId, revision, raftTerm: 1 };
    const { watchId } = this.created;
    const complete = { ...WatchResponse.create({ watchId, ...response, events: [] }), header };
    return this.#call.write(WatchResponse.encode({ ...complete, events: response.events ?? [] }).finish());
  }

  /** Tells of puts, as `key@revision`. */
  tell(...puts: readonly string[]): void {
    const events = puts.map(toPut);
    this.respond(events.at(-1)?.kv?.modRevision ?? 0, { events });
  }

  /** Ends the stream with a status. */
  fail(code: number, details: string): void {
    this.#call.emit('error', { code, details });
  }

  end(): void {
    this.#call.end();
  }
}

/** A put, such as `a@3`. */
export function toPut(text: string): Event {
  const [key = '', revision = '0'] = text.split('@');
  const modRevision = Number(revision);
  const value = Buffer.from(`${key}-${revision}`);
  return {
    type: 0,
    kv: { key: Buffer.from(key), value, createRevision: modRevision, modRevision, version: 1, lease: 0n },
    prevKv: undefined,
  };
}
