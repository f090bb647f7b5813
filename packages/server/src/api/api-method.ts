import type { MethodDescription } from '@quorate/protocol';
import type { CallContext, IncomingCall } from './call-context.ts';
import type { ApiError } from './api-error.ts';

/** Answers a request. Whatever it throws is translated by the error table. */
export type UnaryHandler<Request, Response> = (request: Request, context: CallContext) => Promise<Response>;

/** Answers a request with any number of responses. */
export type StreamHandler<Request, Response> = (
  request: Request,
  context: CallContext,
) => AsyncIterable<Response>;

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
      readonly invoke: (request: Uint8Array, call: IncomingCall) => AsyncIterable<Uint8Array>;
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
