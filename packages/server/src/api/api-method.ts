import type { MethodDescription } from '@quorate/protocol';
import type { CallContext, IncomingCall } from './call-context.ts';
import type { ApiError } from './api-error.ts';
import type { StreamContext } from './stream-context.ts';

/** Answers a request. Whatever it throws is translated by the error table. */
export type UnaryHandler<Request, Response> = (request: Request, context: CallContext) => Promise<Response>;

/**
 * Answers a request with any number of responses. Each is asked for when the client has room for it: a client
 * that does not read pauses the handler.
 */
export type StreamHandler<Request, Response> = (
  request: Request,
  context: StreamContext,
) => AsyncIterable<Response>;

/** Responses that are sent together, and that their handler has encoded itself, because it knows a cheaper way. */
export class EncodedMessages {
  readonly messages: readonly Uint8Array[];

  constructor(messages: readonly Uint8Array[]) {
    this.messages = messages;
  }
}

/**
 * Answers any number of requests with any number of responses, in whatever order. The requests never throw:
 * they end when the client has sent its last one, and when the stream is over (`context.signal`). They are read
 * from the network only as they are asked for. The stream ends when the handler returns.
 */
export type BidiHandler<Request, Response> = (
  requests: AsyncIterable<Request>,
  context: StreamContext,
) => AsyncIterable<Response | EncodedMessages>;

/** A method of the API with its handler, or without one. */
export type HandledMethod =
  | {
      readonly kind: 'unary';
      readonly description: MethodDescription<unknown, unknown>;
      readonly handle: UnaryHandler<unknown, unknown>;
    }
  | {
      readonly kind: 'server-stream';
      readonly description: MethodDescription<unknown, unknown>;
      readonly handle: StreamHandler<unknown, unknown>;
    }
  | {
      readonly kind: 'bidi-stream';
      readonly description: MethodDescription<unknown, unknown>;
      readonly handle: BidiHandler<unknown, unknown>;
    }
  | { readonly kind: 'unimplemented'; readonly description: MethodDescription<unknown, unknown> };

/**
 * A method as an adapter carries it: bytes in, bytes out, and nothing fails but with an `ApiError`. No adapter
 * needs to know a message type, and no handler a transport.
 */
export type ApiMethod = { readonly path: string } & (
  | {
      readonly kind: 'unary';
      readonly invoke: (request: Uint8Array, call: IncomingCall) => Promise<Uint8Array>;
    }
  | {
      readonly kind: 'server-stream';
      /** Gives answers as they come: several at once if they were ready at once, and belong together in their size. */
      readonly invoke: (request: Uint8Array, call: IncomingCall) => AsyncIterable<readonly Uint8Array[]>;
    }
  | {
      readonly kind: 'bidi-stream';
      /** `requests` fails with an `ApiError`, or ends with the client's last request or with its connection. */
      readonly invoke: (
        requests: AsyncIterable<Uint8Array>,
        call: IncomingCall,
      ) => AsyncIterable<readonly Uint8Array[]>;
    }
  | {
      readonly kind: 'unimplemented';
      readonly requestStream: boolean;
      readonly responseStream: boolean;
      readonly error: ApiError;
    }
);

/** Binds a handler to a method with one answer. */
export function unary<Request, Response>(
  description: MethodDescription<Request, Response, false, false>,
  handle: UnaryHandler<Request, Response>,
): HandledMethod {
  return { kind: 'unary', description, handle } as unknown as HandledMethod;
}

/** Binds a handler to a method with a stream of answers. */
export function serverStream<Request, Response>(
  description: MethodDescription<Request, Response, false, true>,
  handle: StreamHandler<Request, Response>,
): HandledMethod {
  return { kind: 'server-stream', description, handle } as unknown as HandledMethod;
}

/** Binds a handler to a method with a stream of requests and a stream of answers. */
export function bidiStream<Request, Response>(
  description: MethodDescription<Request, Response, true, true>,
  handle: BidiHandler<Request, Response>,
): HandledMethod {
  return { kind: 'bidi-stream', description, handle } as unknown as HandledMethod;
}
