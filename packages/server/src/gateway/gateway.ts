import type { IncomingMessage, ServerResponse } from 'node:http';
import type { MethodDescription } from '@quorate/protocol';
import {
  fromJson,
  gatewayRoutes,
  JsonFormatError,
  methodShapes,
  parseJson,
  toJson,
} from '@quorate/protocol/json';
import type { Clock } from '@quorate/replica';
import { ApiError } from '../api/api-error.ts';
import type { ApiMethod } from '../api/api-method.ts';
import { RequestBudget } from '../grpc/request-budget.ts';
import { HttpCall } from './http-call.ts';
import { failureOf, streamFailureOf } from './http-failure.ts';
import { readBody, readObjects } from './request-body.ts';

export type GatewayOptions = {
  readonly clock: Clock;
  /** The largest request, in bytes of JSON. */
  readonly bodyMaxBytes: number;
  /** A request with one answer must be complete by then, in milliseconds. */
  readonly bodyTimeoutMs: number;
  /** The most bytes of requests that are being received, over all connections. */
  readonly receivingMaxBytes: number;
};

/** A method that is spoken in JSON: what an adapter carries, and how to get to its bytes and back. */
type JsonMethod = {
  readonly method: ApiMethod;
  readonly encodeRequest: (text: string) => Uint8Array;
  readonly decodeResponse: (bytes: Uint8Array) => string;
};

/** Where etcd's gateway is, and where it was before etcd 3.4. */
const prefixes = /^\/v3(beta)?\//;

/**
 * Carries the API in JSON over HTTP/1.1, as etcd's gateway does: a POST with the request, the answer as one
 * object, and the answers of a stream as one object a line. Only adapts: the methods are those that gRPC
 * carries, guards included.
 */
export class Gateway {
  private readonly options: GatewayOptions;
  private readonly budget: RequestBudget;
  private readonly methods: ReadonlyMap<string, JsonMethod>;

  constructor(
    methods: readonly ApiMethod[],
    descriptions: readonly MethodDescription<unknown, unknown>[],
    options: GatewayOptions,
  ) {
    this.options = options;
    this.budget = new RequestBudget(options.receivingMaxBytes);
    const described = new Map(descriptions.map((description) => [description.path, description]));
    const spoken = methods.map((method) => [method.path, jsonMethod(method, described)] as const);
    this.methods = new Map(
      spoken.filter((entry): entry is readonly [string, JsonMethod] => entry[1] !== null),
    );
  }

  /** Whether a path is one of the gateway's, known or not. */
  serves(path: string): boolean {
    return prefixes.test(path);
  }

  async handle(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const route = gatewayRoutes[path.replace(prefixes, '/v3/')];
    if (route === undefined) {
      answerPlainly(response, 404, { error: 'Not Found', message: `nothing is served at ${path}`, code: 5 });
    } else if (request.method !== 'POST') {
      response.setHeader('allow', 'POST');
      answerPlainly(response, 405, {
        error: 'Method Not Allowed',
        message: `${path} answers POST only`,
        code: 12,
      });
    } else {
      try {
        await this.call(route, request, response);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        fail(response, error);
      }
    }
  }

  private async call(route: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const found = this.methods.get(route);
    if (found === undefined)
      throw new ApiError('unimplemented', `${route.slice(1)} is not built yet`, 'none');
    const { method, encodeRequest, decodeResponse } = found;
    const call = new HttpCall(request, response);
    const limits = { maxBytes: this.options.bodyMaxBytes, budget: this.budget };
    const readOne = async (): Promise<Uint8Array> => {
      const { clock, bodyTimeoutMs } = this.options;
      return encodeRequest(await readBody(request, { ...limits, clock, timeoutMs: bodyTimeoutMs }));
    };
    switch (method.kind) {
      case 'unary':
        answer(response, 200, decodeResponse(await method.invoke(await readOne(), call)));
        return;
      case 'server-stream':
        await answerAll(response, method.invoke(await readOne(), call), decodeResponse);
        return;
      case 'bidi-stream': {
        const requests = encodeAll(readObjects(request, limits), encodeRequest);
        await answerAll(response, method.invoke(requests, call), decodeResponse);
        return;
      }
      case 'unimplemented':
        throw method.error;
    }
  }
}

function jsonMethod(
  method: ApiMethod,
  descriptions: ReadonlyMap<string, MethodDescription<unknown, unknown>>,
): JsonMethod | null {
  const description = descriptions.get(method.path);
  const shape = methodShapes[method.path];
  if (description === undefined || shape === undefined) return null;
  return {
    method,
    encodeRequest: (text) => {
      try {
        // No body is an empty request.
        const message = fromJson(shape.request, text.trim() === '' ? null : parseJson(text));
        return description.request.encode(message).finish();
      } catch (error) {
        if (!(error instanceof JsonFormatError)) throw error;
        throw new ApiError('invalid-argument', `the request is not valid: ${error.message}`, 'none', error);
      }
    },
    decodeResponse: (bytes) => JSON.stringify(toJson(shape.response, description.response.decode(bytes))),
  };
}

async function* encodeAll(
  texts: AsyncIterable<string>,
  encode: JsonMethod['encodeRequest'],
): AsyncGenerator<Uint8Array> {
  for await (const text of texts) yield encode(text);
}

/** Sends answer after answer, each when the client has room for it. */
async function answerAll(
  response: ServerResponse,
  answers: AsyncIterable<readonly Uint8Array[]>,
  decode: JsonMethod['decodeResponse'],
): Promise<void> {
  for await (const messages of answers) {
    if (response.destroyed) return;
    if (!response.headersSent) response.writeHead(200, headers);
    const lines = messages.map((bytes) => `{"result":${decode(bytes)}}\n`).join('');
    if (!response.write(lines)) await drained(response);
  }
  if (!response.headersSent && !response.destroyed) response.writeHead(200, headers);
  response.end();
}

/** Resolves when the connection takes more, or is gone. */
async function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once('drain', resolve);
  response.once('close', resolve);
  await promise;
  response.off('drain', resolve);
  response.off('close', resolve);
}

const headers = { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' };

function fail(response: ServerResponse, error: ApiError): void {
  if (response.destroyed) return;
  if (response.headersSent) {
    response.end(`${JSON.stringify(streamFailureOf(error))}\n`);
    return;
  }
  const { httpStatus, body } = failureOf(error);
  response.setHeader('quorate-outcome', error.outcome);
  // Whatever is left of the request is of no interest any more.
  if (!response.req.complete) response.setHeader('connection', 'close');
  answerPlainly(response, httpStatus, body);
}

function answerPlainly(response: ServerResponse, status: number, body: object): void {
  answer(response, status, JSON.stringify(body));
}

function answer(response: ServerResponse, status: number, text: string): void {
  if (response.destroyed) return;
  const body = Buffer.from(text);
  response.writeHead(status, { ...headers, 'content-length': body.length });
  response.end(body);
}
