import type { IncomingMessage, ServerResponse } from 'node:http';
import type { IncomingCall } from '../api/call-context.ts';
import { parseGrpcTimeout } from '../grpc/grpc-timeout.ts';

/**
 * One call that came by HTTP/1.1. Metadata are the headers that etcd's gateway passes on: `Authorization`, and
 * those with the prefix `Grpc-Metadata-`.
 */
export class HttpCall implements IncomingCall {
  readonly timeoutMs: number | null;
  readonly signal: AbortSignal;
  readonly connection: object;
  private readonly request: IncomingMessage;

  constructor(request: IncomingMessage, response: ServerResponse) {
    const controller = new AbortController();
    this.request = request;
    this.connection = request.socket;
    this.signal = controller.signal;
    this.timeoutMs = parseGrpcTimeout(this.header('grpc-timeout') ?? undefined);
    response.once('close', () => {
      if (!response.writableFinished) controller.abort();
    });
  }

  metadata(name: string): string | null {
    return this.header(name === 'authorization' ? name : `grpc-metadata-${name}`);
  }

  private header(name: string): string | null {
    const value = this.request.headers[name];
    return typeof value === 'string' ? value : null;
  }
}
