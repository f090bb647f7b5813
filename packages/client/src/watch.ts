import {
  type Event,
  WatchCreateRequest,
  WatchCreateRequest_FilterType as FilterType,
  WatchRequest,
  WatchResponse,
  watchService,
} from '@quorate/protocol';
import { type Bytes, toBytes } from './bytes.ts';
import type { Caller } from './caller.ts';
import type { MessageStream } from './connection.ts';
import type { Route } from './endpoint-set.ts';
import { grpcStatus } from './grpc-status.ts';
import { type KeyRange, toWireRange } from './key-range.ts';
import { QuorateError } from './quorate-error.ts';
import { natural } from './read-options.ts';
import { toBatches, type WatchBatch, type WatchEvent } from './watch-event.ts';

export type WatchOptions = {
  /** The first revision to tell of, in the past or in the future. Default: what happens from now on. */
  readonly startRevision?: number;
  /** Tell the state before each change, too. Default false. */
  readonly previous?: boolean;
  /** Tell only of puts, or only of deletions. Default: of both. */
  readonly only?: 'puts' | 'deletions';
  /** Have the server tell from time to time how far everything was told; `batches` gives that. Default false. */
  readonly progress?: boolean;
  /** How long to go on, in milliseconds, while no member serves the watch. Default: as long as it takes. */
  readonly patienceMs?: number;
  /** Ends the watch with `cancelled` when aborted. */
  readonly signal?: AbortSignal | undefined;
};

/** The one watcher of a stream. Not 0, so that what the stream as a whole is told (-1) is not confused with it. */
const watchId = 1n;

/** What came of one stream. */
type StreamEnd = { readonly type: 'again' | 'pause' | 'fatal'; readonly error: QuorateError };

/**
 * The changes in a range of keys, in the order of their revisions, each once.
 *
 * Iterate over it for the events one by one, or over `batches()` for those of each revision together; not both. It
 * begins when it is iterated over, and ends with the iteration, `close`, or its client. When a stream breaks, its
 * member dies or loses its leader, it goes on at another endpoint right after what was told last. What is not
 * iterated over waits at the server: a slow consumer costs bounded memory, here and there.
 *
 * It fails with `compacted` if the next revision to tell of was compacted before: then changes are lost, and
 * the error's `compactedRevision` says from where on they are not.
 */
export class Watch implements AsyncIterable<WatchEvent>, AsyncDisposable {
  readonly #caller: Caller;
  readonly #request: WatchCreateRequest;
  readonly #patienceMs: number;
  readonly #signal: AbortSignal | undefined;
  /** Aborted by `close`. */
  readonly #ended = new AbortController();
  readonly #batches: AsyncGenerator<WatchBatch, void, undefined>;
  #stream: MessageStream | null = null;
  /** The first revision that was not told; 0 as long as it is whatever comes next. */
  #next: number;
  /** When the watch was served last. */
  #servedMs: number;

  /** Made by `QuorateClient.watch`. */
  constructor(caller: Caller, target: Bytes | KeyRange, options: WatchOptions) {
    const { only, patienceMs = Number.POSITIVE_INFINITY } = options;
    this.#caller = caller;
    this.#next = natural('startRevision', options.startRevision);
    this.#request = WatchCreateRequest.create({
      ...toWireRange(isRange(target) ? target : { key: toBytes(target) }),
      watchId,
      prevKv: options.previous ?? false,
      progressNotify: options.progress ?? false,
      filters: only === undefined ? [] : [only === 'puts' ? FilterType.NODELETE : FilterType.NOPUT],
      fragment: true,
    });
    this.#patienceMs =
      patienceMs === Number.POSITIVE_INFINITY ? patienceMs : natural('patienceMs', patienceMs);
    this.#signal = options.signal;
    this.#servedMs = caller.settings.clock.nowMs();
    this.#batches = this.#run();
  }

  /** All that is asked for up to this revision has been told or is about to be; 0 before the watch is served. */
  get revision(): number {
    return Math.max(0, this.#next - 1);
  }

  /** What happens, one revision at a time, and signs of progress (batches without events). */
  batches(): AsyncIterableIterator<WatchBatch> {
    return this.#batches;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchEvent, void, undefined> {
    for await (const { events } of this.#batches) yield* events;
  }

  /** Asks how far everything was told: `batches` gives a batch without events when that is known. May be lost. */
  requestProgress(): void {
    this.#stream?.send(
      WatchRequest.encode({ requestUnion: { $case: 'progressRequest', progressRequest: {} } }).finish(),
    );
  }

  /** Ends the watch. An iteration that waits ends, too. */
  async close(): Promise<void> {
    this.#ended.abort();
    this.#stream?.cancel();
    await this.#batches.return();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async *#run(): AsyncGenerator<WatchBatch, void, undefined> {
    const end = this.#ended.signal;
    const signal = this.#signal === undefined ? end : AbortSignal.any([end, this.#signal]);
    const onAbort = (): void => this.#stream?.cancel();
    signal.addEventListener('abort', onAbort);
    const tried = new Set<Route>();
    let pauses = 0;
    try {
      for (;;) {
        this.#throwIfEnded();
        if (end.aborted) return;
        const before = this.#servedMs;
        const { type, error } = yield* this.#runStream(tried, signal);
        this.#throwIfEnded();
        if (end.aborted) return;
        if (type === 'fatal') throw error;
        if (this.#servedMs > before) {
          pauses = 0;
          tried.clear();
        }
        if (this.#caller.settings.clock.nowMs() - this.#servedMs >= this.#patienceMs) throw error;
        if (type === 'again' && tried.size < this.#caller.endpoints.routes.length) continue;
        tried.clear();
        pauses += 1;
        await this.#caller.pauseBefore(pauses, signal);
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#ended.abort();
      this.#stream?.cancel();
      this.#stream = null;
    }
  }

  /** Watches at one endpoint until that ends. */
  async *#runStream(
    tried: Set<Route>,
    signal: AbortSignal,
  ): AsyncGenerator<WatchBatch, StreamEnd, undefined> {
    const opened = await this.#caller.openStream(watchService.methods.watch.path, tried, signal);
    const { route, stream } = opened;
    tried.add(route);
    if (stream === null) return { type: 'again', error: opened.failure.error };
    this.#stream = stream;
    if (signal.aborted) stream.cancel();
    stream.send(this.#createRequest());
    const messages = stream.messages();
    let fragments: Event[] = [];
    let fragmentBytes = 0;
    try {
      for (;;) {
        const message = await messages.next();
        if (message.done === true) return this.#endOf(route, message.value);
        const response = decode(message.value, route);
        if (response.canceled) return { type: 'fatal', error: refusal(response, route) };
        this.#servedMs = this.#caller.settings.clock.nowMs();
        // One by one: as arguments of one call, so many would not fit on the stack.
        for (const event of response.events) fragments.push(event);
        if (response.fragment) {
          fragmentBytes += message.value.length;
          this.#limitFragments(fragmentBytes, route);
          continue;
        }
        yield* this.#told(response, fragments);
        fragments = [];
        fragmentBytes = 0;
      }
    } finally {
      stream.cancel();
    }
  }

  /** Counts what was told before it is told: who is cut off in the middle is not told again. */
  *#told(response: WatchResponse, events: readonly Event[]): Generator<WatchBatch, void, undefined> {
    const revision = response.header?.revision ?? 0;
    if (events.length === 0) {
      // Nothing before this watch's beginning is its business. A member that is behind may speak of it, and etcd
      // before 3.6 told progress even before a start in the future.
      if (revision < this.#next - 1) return;
      this.#next = this.#next === 0 || !response.created ? revision + 1 : this.#next;
      if (!response.created) yield { revision, events: [] };
      return;
    }
    for (const batch of toBatches(events)) {
      if (batch.revision < this.#next) continue;
      this.#next = batch.revision + 1;
      yield batch;
    }
  }

  #createRequest(): Uint8Array {
    const createRequest = { ...this.#request, startRevision: this.#next };
    return WatchRequest.encode({ requestUnion: { $case: 'createRequest', createRequest } }).finish();
  }

  #endOf(route: Route, failure: Parameters<Caller['streamFailed']>[1] | null): StreamEnd {
    const { address } = route.endpoint;
    if (failure === null) {
      const message = `${address} ended the watch`;
      return { type: 'again', error: new QuorateError('unavailable', message, { endpoint: address }) };
    }
    const { error, advice } = this.#caller.streamFailed(route, failure);
    // It was not this side that cancelled: the member did, on its way out.
    if (failure.grpcCode === grpcStatus.cancelled) return { type: 'again', error };
    return { type: advice === 'give-up' ? 'fatal' : advice === 'pause' ? 'pause' : 'again', error };
  }

  #limitFragments(bytes: number, route: Route): void {
    const { responseMaxBytes } = this.#caller.settings;
    if (bytes <= responseMaxBytes) return;
    const message = `the events of one revision take more than ${responseMaxBytes} bytes`;
    throw new QuorateError('response-too-large', message, { endpoint: route.endpoint.address });
  }

  #throwIfEnded(): void {
    if (this.#ended.signal.aborted) return;
    if (this.#signal?.aborted === true) {
      throw new QuorateError('cancelled', 'the watch was cancelled', { cause: this.#signal.reason });
    }
    if (this.#caller.isClosed)
      throw new QuorateError('client-closed', 'the client was closed during the watch');
  }
}

function isRange(target: Bytes | KeyRange): target is KeyRange {
  return typeof target === 'object' && !(target instanceof Uint8Array);
}

function decode(body: Uint8Array, route: Route): WatchResponse {
  try {
    return WatchResponse.decode(body);
  } catch (cause) {
    const endpoint = route.endpoint.address;
    throw new QuorateError('server-error', `${endpoint} answered with a malformed message`, {
      endpoint,
      cause,
    });
  }
}

/** Why a server ended or did not create the watcher. */
function refusal({ compactRevision, cancelReason }: WatchResponse, route: Route): QuorateError {
  const endpoint = route.endpoint.address;
  if (compactRevision !== 0) {
    const message = `changes that the watch has not told are compacted; it can begin at revision ${compactRevision}`;
    return new QuorateError('compacted', message, { endpoint, compactedRevision: compactRevision });
  }
  const text = cancelReason.replace(/^etcdserver: /, '');
  if (text === 'too many requests')
    return new QuorateError('overloaded', 'the member has too many watchers', { endpoint });
  if (text === 'permission denied') return new QuorateError('permission-denied', text, { endpoint });
  return new QuorateError('server-error', text === '' ? `${endpoint} ended the watch` : text, { endpoint });
}
