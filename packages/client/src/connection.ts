import {
  type ChannelInterface,
  Client,
  type ClientDuplexStream,
  connectivityState,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type { Settings } from './client-options.ts';
import type { Endpoint } from './endpoint.ts';
import type { TransportFailure } from './transport-failure.ts';

/** One try of a call on one connection. */
export type UnaryAttempt = {
  readonly path: string;
  /** The encoded request. */
  readonly body: Uint8Array;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
};

/**
 * - `ready`: a connection stands.
 * - `failed`: connecting failed and the library waits before it tries again; a call fails at once, with the reason.
 * - `gave-up`: the time was over, the signal aborted, or the connection was closed for good.
 */
export type ConnectResult = 'ready' | 'failed' | 'gave-up';

export type UnaryResult =
  | { readonly ok: true; readonly body: Uint8Array }
  | { readonly ok: false; readonly failure: TransportFailure };

/** A stream of messages both ways. Who does not receive slows the sender down. */
export type MessageStream = {
  send(body: Uint8Array): void;
  /** Tells the server that nothing more will be sent. */
  end(): void;
  /** Ends the stream: what was not received is dropped. */
  cancel(): void;
  /** What the server sends, and in the end why it sends no more; null if it ended the stream without an error. */
  messages(): AsyncGenerator<Uint8Array, TransportFailure | null, undefined>;
};

/**
 * The gRPC channel to one endpoint, and the only file that knows the gRPC library. Connects when it is first
 * needed and again when the connection is lost, with pauses that the library grows from 100 ms to 3 s.
 */
export class Connection {
  readonly #settings: Settings;
  readonly #endpoint: Endpoint;
  readonly #calls = new Set<{ cancel(): void }>();
  #client: Client | null = null;
  #closed = false;

  constructor(endpoint: Endpoint, settings: Settings) {
    this.#endpoint = endpoint;
    this.#settings = settings;
  }

  /** A connection stands, as far as this process knows. */
  get isReady(): boolean {
    if (this.#client === null) return false;
    return this.#client.getChannel().getConnectivityState(false) === connectivityState.READY;
  }

  /** Waits for a connection, for at most `timeoutMs`. */
  async connect(timeoutMs: number, signal: AbortSignal | undefined): Promise<ConnectResult> {
    if (this.#closed) return 'gave-up';
    const channel = this.#open().getChannel();
    const deadline = Date.now() + timeoutMs;
    let state = channel.getConnectivityState(true);
    while (state === connectivityState.IDLE || state === connectivityState.CONNECTING) {
      if (!(await changed(channel, state, deadline, signal)) || this.#closed) return 'gave-up';
      state = channel.getConnectivityState(true);
    }
    return state === connectivityState.READY ? 'ready' : 'failed';
  }

  /** Sends one request and waits for its answer, until the time is over, the signal aborts, or `close`. */
  unary(attempt: UnaryAttempt): Promise<UnaryResult> {
    if (this.#closed) return Promise.resolve({ ok: false, failure: closedBefore });
    return new Promise((resolve) => {
      const { signal, timeoutMs } = attempt;
      let isLate = false;
      const metadata = new Metadata();
      metadata.set('grpc-timeout', `${Math.max(1, Math.floor(timeoutMs - answerMarginMs(timeoutMs)))}m`);
      const call = this.#open().makeUnaryRequest<Uint8Array, Uint8Array>(
        attempt.path,
        toBuffer,
        (body) => body,
        attempt.body,
        metadata,
        {},
        (error, body) => {
          clearTimeout(timer);
          this.#calls.delete(call);
          signal?.removeEventListener('abort', onAbort);
          if (error === null) resolve({ ok: true, body: body ?? new Uint8Array(0) });
          else resolve({ ok: false, failure: isLate ? late(timeoutMs) : toFailure(error) });
        },
      );
      const timer = setTimeout(() => {
        isLate = true;
        call.cancel();
      }, timeoutMs);
      const onAbort = (): void => call.cancel();
      this.#calls.add(call);
      signal?.addEventListener('abort', onAbort);
    });
  }

  /** Opens a stream. A member without a leader ends it after a while if one is required. */
  openStream(path: string, requireLeader: boolean): MessageStream {
    if (this.#closed) return closedStream;
    const metadata = new Metadata();
    if (requireLeader) metadata.set('hasleader', 'true');
    const call = this.#open().makeBidiStreamRequest<Uint8Array, Uint8Array>(
      path,
      toBuffer,
      (body) => body,
      metadata,
    );
    // The iteration reports it; without a listener it would end the process if it came before that.
    call.on('error', () => undefined);
    this.#calls.add(call);
    call.once('close', () => this.#calls.delete(call));
    return {
      send: (body) => void call.write(body),
      end: () => call.end(),
      cancel: () => call.cancel(),
      messages: () => receiveAll(call),
    };
  }

  /** Drops the connection for good; calls in flight on it fail. */
  close(): void {
    this.#closed = true;
    for (const call of this.#calls) call.cancel();
    this.#client?.close();
    this.#client = null;
  }

  #open(): Client {
    if (this.#client !== null) return this.#client;
    const settings = this.#settings;
    this.#client = new Client(this.#endpoint.target, credentials.createInsecure(), {
      'grpc.primary_user_agent': 'quorate-client',
      'grpc.keepalive_time_ms': settings.keepaliveTimeMs,
      'grpc.keepalive_timeout_ms': settings.keepaliveTimeoutMs,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 3_000,
      'grpc.max_receive_message_length': settings.responseMaxBytes,
      // The client checks the size of requests itself, before it takes a slot.
      'grpc.max_send_message_length': -1,
      // A client's connections are its own: closing one client must not depend on another.
      'grpc.use_local_subchannel_pool': 1,
      // Members are reached directly. A proxy meant for the web would break calls to 127.0.0.1.
      'grpc.enable_http_proxy': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_channelz': 0,
    });
    return this.#client;
  }
}

/**
 * How much earlier than the client the server is to give up: so that its reason, such as "no leader", arrives
 * in time, instead of a mere silence.
 */
export function answerMarginMs(timeoutMs: number): number {
  return Math.min(timeoutMs / 10, 500);
}

/** Resolves to true when the channel has left `state`, to false when the deadline or an abort comes first. */
function changed(
  channel: ChannelInterface,
  state: connectivityState,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  return new Promise((resolve) => {
    const onAbort = (): void => resolve(false);
    signal?.addEventListener('abort', onAbort);
    channel.watchConnectivityState(state, deadline, (error) => {
      signal?.removeEventListener('abort', onAbort);
      resolve(error === undefined);
    });
  });
}

async function* receiveAll(
  call: ClientDuplexStream<Uint8Array, Uint8Array>,
): AsyncGenerator<Uint8Array, TransportFailure | null, undefined> {
  try {
    for await (const body of call) yield body as Uint8Array;
    return null;
  } catch (error) {
    return toFailure(error as ServiceError);
  } finally {
    call.cancel();
  }
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** What the library says when it could not hand the request to any connection. A test holds these wordings. */
const neverSentDetails =
  /^(No connection established|Name resolution failed|Channel closed before call started)/;

function late(timeoutMs: number): TransportFailure {
  return {
    grpcCode: status.DEADLINE_EXCEEDED,
    details: `no answer within ${Math.round(timeoutMs)} ms`,
    statedOutcome: null,
    neverSent: false,
  };
}

const closedStream: MessageStream = {
  send: () => undefined,
  end: () => undefined,
  cancel: () => undefined,
  // eslint-disable-next-line require-yield -- there is nothing to receive
  async *messages() {
    return closedBefore;
  },
};

const closedBefore: TransportFailure = {
  grpcCode: status.UNAVAILABLE,
  details: 'Channel closed before call started',
  statedOutcome: null,
  neverSent: true,
};

function toFailure(error: ServiceError): TransportFailure {
  const [stated] = error.metadata.get('quorate-outcome');
  return {
    grpcCode: error.code,
    details: error.details,
    statedOutcome: stated === 'none' || stated === 'unknown' ? stated : null,
    neverSent: error.code === status.UNAVAILABLE && neverSentDetails.test(error.details),
  };
}
