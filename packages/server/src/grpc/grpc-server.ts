import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  type ServiceDefinition,
  status,
  type StatusObject,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { ApiError, type StatusName } from '../api/api-error.ts';
import type { ApiMethod } from '../api/api-method.ts';
import { GrpcCall } from './grpc-call.ts';

export type GrpcServerOptions = {
  /** The largest message that is accepted, in bytes. A larger one is answered `RESOURCE_EXHAUSTED`. */
  readonly messageMaxBytes: number;
  /** The most calls that one connection may have under way; further ones wait at the client. */
  readonly connectionCallsMax: number;
  /** An idle connection is asked for a sign of life so often, and closed if none comes within the timeout. */
  readonly keepaliveIntervalMs: number;
  readonly keepaliveTimeoutMs: number;
};

/** The trailing metadata of a failed call that says what is known of its effect: `none` or `unknown`. */
export const outcomeKey = 'quorate-outcome';

/**
 * Carries the API over gRPC, by means of grpc-js. Only adapts: connections come from outside, calls go to the
 * methods as bytes.
 */
export class GrpcServer {
  private readonly server: Server;
  private readonly injector: ReturnType<Server['createConnectionInjector']>;

  constructor(methods: readonly ApiMethod[], options: GrpcServerOptions) {
    this.server = new Server({
      'grpc.max_receive_message_length': options.messageMaxBytes,
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': options.connectionCallsMax,
      'grpc.keepalive_time_ms': options.keepaliveIntervalMs,
      'grpc.keepalive_timeout_ms': options.keepaliveTimeoutMs,
      'grpc.enable_channelz': 0,
    });
    this.server.addService(serviceDefinition(methods), implementation(methods));
    this.injector = this.server.createConnectionInjector(ServerCredentials.createInsecure());
  }

  /** Takes a connection that speaks HTTP/2. What was read from it must have been put back (`unshift`). */
  accept(socket: Socket): void {
    this.injector.injectConnection(socket);
  }

  /** Asks all clients to open no more calls here. Those that run go on. */
  refuseNewCalls(): void {
    this.injector.destroy();
  }
}

const identity = (bytes: Buffer): Buffer => bytes;

/** grpc-js wants Buffers; a message is one without a copy. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function serviceDefinition(methods: readonly ApiMethod[]): ServiceDefinition {
  return Object.fromEntries(
    methods.map((method) => [
      method.path,
      {
        path: method.path,
        requestStream: method.kind === 'unimplemented' && method.requestStream,
        responseStream:
          method.kind === 'server-stream' || (method.kind === 'unimplemented' && method.responseStream),
        requestSerialize: identity,
        requestDeserialize: identity,
        responseSerialize: identity,
        responseDeserialize: identity,
      },
    ]),
  );
}

function implementation(methods: readonly ApiMethod[]): UntypedServiceImplementation {
  return Object.fromEntries(methods.map((method) => [method.path, handlerOf(method)]));
}

function handlerOf(method: ApiMethod): UntypedServiceImplementation[string] {
  switch (method.kind) {
    case 'unary':
      return (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
        method.invoke(call.request, new GrpcCall(call)).then(
          (response) => answer(null, toBuffer(response)),
          (error: unknown) => answer(toStatus(error)),
        );
      };
    case 'server-stream':
      return (call: ServerWritableStream<Buffer, Buffer>) => {
        void stream(call, method.invoke(call.request, new GrpcCall(call)));
      };
    case 'unimplemented': {
      const status = toStatus(method.error);
      return method.responseStream
        ? (call: ServerWritableStream<Buffer, Buffer>) => call.emit('error', status)
        : (_call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => answer(status);
    }
  }
}

/** Sends each response when the client has room for it. Never rejects. */
async function stream(
  call: ServerWritableStream<Buffer, Buffer>,
  responses: AsyncIterable<Uint8Array>,
): Promise<void> {
  try {
    for await (const response of responses) {
      if (call.cancelled) return;
      if (!call.write(toBuffer(response))) await drained(call);
    }
    call.end();
  } catch (error) {
    call.emit('error', toStatus(error));
  }
}

/** Resolves when the stream takes more, or when nobody waits for it any longer. */
async function drained(call: ServerWritableStream<Buffer, Buffer>): Promise<void> {
  if (call.cancelled) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  call.once('drain', resolve);
  call.once('cancelled', resolve);
  await promise;
  call.off('drain', resolve);
  call.off('cancelled', resolve);
}

/** Methods fail with nothing but an `ApiError`. */
function toStatus(error: unknown): Partial<StatusObject> {
  assert(error instanceof ApiError, 'the API translates its errors');
  const metadata = new Metadata();
  metadata.set(outcomeKey, error.outcome);
  return { code: statusNumbers[error.status], details: error.message, metadata };
}

const statusNumbers: Readonly<Record<StatusName, status>> = {
  cancelled: status.CANCELLED,
  unknown: status.UNKNOWN,
  'invalid-argument': status.INVALID_ARGUMENT,
  'deadline-exceeded': status.DEADLINE_EXCEEDED,
  'not-found': status.NOT_FOUND,
  'resource-exhausted': status.RESOURCE_EXHAUSTED,
  'failed-precondition': status.FAILED_PRECONDITION,
  'out-of-range': status.OUT_OF_RANGE,
  unimplemented: status.UNIMPLEMENTED,
  internal: status.INTERNAL,
  unavailable: status.UNAVAILABLE,
  'data-loss': status.DATA_LOSS,
};
