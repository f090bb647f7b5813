import type { Socket } from 'node:net';
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Clock } from '@quorate/replica';
import { ApiError } from '../api/api-error.ts';
import type { ApiMethod } from '../api/api-method.ts';
import { GrpcCall } from './grpc-call.ts';
import { RequestBudget } from './request-budget.ts';

export type GrpcServerOptions = {
  readonly clock: Clock;
  /** The largest message that is accepted, in bytes. A larger one is answered `RESOURCE_EXHAUSTED`. */
  readonly messageMaxBytes: number;
  /**
   * The most bytes of requests that are being received, over all connections; and the most that streams of
   * requests hold. Beyond it: `RESOURCE_EXHAUSTED`.
   */
  readonly receivingMaxBytes: number;
  /** The most calls that one connection may have under way; further ones wait at the client. */
  readonly connectionCallsMax: number;
  /** An idle connection is asked for a sign of life so often, and closed if none comes within the timeout. */
  readonly keepaliveIntervalMs: number;
  readonly keepaliveTimeoutMs: number;
};

/** How much of a request a client may send before the server has read it, in bytes. */
const receiveWindowBytes = 256 * 1024;

/**
 * Carries the API over gRPC: HTTP/2 by Node.js, and gRPC's framing, status and metadata on top of it (the
 * protocol page "gRPC over HTTP/2"). Only adapts: connections come from outside, calls go to the methods as
 * bytes.
 */
export class GrpcServer {
  private readonly options: GrpcServerOptions;
  private readonly methods: ReadonlyMap<string, ApiMethod>;
  private readonly server: Http2Server;
  /** Of single requests, and of streams of them: neither can use up what the other needs. */
  private readonly budget: RequestBudget;
  private readonly streamBudget: RequestBudget;
  private readonly sessions = new Set<ServerHttp2Session>();
  private refusesCalls = false;

  constructor(methods: readonly ApiMethod[], options: GrpcServerOptions) {
    this.options = options;
    this.budget = new RequestBudget(options.receivingMaxBytes);
    this.streamBudget = new RequestBudget(options.receivingMaxBytes);
    this.methods = new Map(methods.map((method) => [method.path, method]));
    this.server = createServer({
      settings: {
        enablePush: false,
        maxConcurrentStreams: options.connectionCallsMax,
        initialWindowSize: receiveWindowBytes,
      },
    });
    this.server.on('session', (session) => this.welcome(session));
    this.server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) =>
      this.handle(stream, headers),
    );
  }

  /** Takes a connection that speaks HTTP/2. What was read from it must have been put back (`unshift`). */
  accept(socket: Socket): void {
    this.server.emit('connection', socket);
  }

  /** Asks all clients to open no more calls here. Those that run go on. */
  refuseNewCalls(): void {
    this.refusesCalls = true;
    for (const session of this.sessions) session.close();
  }

  private welcome(session: ServerHttp2Session): void {
    this.sessions.add(session);
    session.once('close', () => this.sessions.delete(session));
    // A broken connection: its calls see their streams close, and there is nothing else to do about it.
    session.on('error', () => undefined);
    this.awaitSilence(session);
    if (this.refusesCalls) session.close();
  }

  /** Node tells of one silence only. */
  private awaitSilence(session: ServerHttp2Session): void {
    session.setTimeout(this.options.keepaliveIntervalMs, () => this.askForLife(session));
  }

  private askForLife(session: ServerHttp2Session): void {
    if (session.destroyed) return;
    const timer = this.options.clock.setTimer(this.options.keepaliveTimeoutMs, () => session.destroy());
    const answered = (): void => {
      timer.cancel();
      session.off('close', answered);
      if (!session.destroyed) this.awaitSilence(session);
    };
    session.once('close', answered);
    session.ping(answered);
  }

  private handle(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const contentType = headers['content-type'] ?? '';
    const call = new GrpcCall(stream, headers);
    // Reset with the very packet that opened it: nothing can be answered on such a stream.
    if (call.isGone) return;
    if (headers[':method'] !== 'POST' || !contentType.startsWith('application/grpc')) {
      stream.respond({ ':status': 415 }, { endStream: true });
      stream.resume();
      return;
    }
    const path = headers[':path'] ?? '';
    const method = this.methods.get(path);
    if (method === undefined) {
      call.fail(new ApiError('unimplemented', `there is no method ${path}`, 'none'));
    } else if (method.kind === 'unimplemented') {
      call.fail(method.error);
    } else {
      this.invoke(method, call).catch((error: unknown) => call.fail(error));
    }
  }

  private async invoke(
    method: Exclude<ApiMethod, { readonly kind: 'unimplemented' }>,
    call: GrpcCall,
  ): Promise<void> {
    const { messageMaxBytes } = this.options;
    switch (method.kind) {
      case 'unary':
        call.answer(await method.invoke(await call.readRequest(messageMaxBytes, this.budget), call));
        return;
      case 'server-stream':
        await call.answerAll(method.invoke(await call.readRequest(messageMaxBytes, this.budget), call));
        return;
      case 'bidi-stream': {
        const requests = call.readRequests({
          messageMaxBytes,
          budget: this.streamBudget,
          windowBytes: receiveWindowBytes,
        });
        try {
          await call.answerAll(method.invoke(requests, call));
        } finally {
          await requests.return();
        }
      }
    }
  }
}
