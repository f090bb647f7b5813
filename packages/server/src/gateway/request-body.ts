import type { IncomingMessage } from 'node:http';
import type { Clock } from '@quorate/replica';
import { ApiError } from '../api/api-error.ts';
import type { RequestBudget } from '../grpc/request-budget.ts';
import { JsonSplitter } from './json-splitter.ts';

export type BodyLimits = {
  /** The largest body, or object of a body that is a stream of them, in bytes. */
  readonly maxBytes: number;
  /** Bounds what is received and not handled, over all connections. */
  readonly budget: RequestBudget;
};

/** Reads a whole body. Rejects with an ApiError if it is too large, comes too late, or breaks off. */
export async function readBody(
  request: IncomingMessage,
  { maxBytes, budget, clock, timeoutMs }: BodyLimits & { readonly clock: Clock; readonly timeoutMs: number },
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const timer = clock.setTimer(timeoutMs, () => {
    reject(new ApiError('deadline-exceeded', `the request was not complete after ${timeoutMs} ms`, 'none'));
  });
  const receive = (chunk: Buffer): void => {
    try {
      budget.take(chunk.length);
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > maxBytes) {
        throw new ApiError('resource-exhausted', `the request is larger than ${maxBytes} bytes`, 'none');
      }
    } catch (error) {
      reject(error);
    }
  };
  const breakOff = (): void => reject(new ApiError('cancelled', 'the client has gone', 'none'));
  request.on('data', receive);
  request.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
  request.once('error', breakOff);
  request.once('close', breakOff);
  try {
    return await promise;
  } finally {
    timer.cancel();
    request.off('data', receive);
    budget.giveBack(bytes);
  }
}

/** The JSON objects of a body, as they come. Fails with an ApiError; ends when the client goes. */
export async function* readObjects(
  request: IncomingMessage,
  { maxBytes, budget }: BodyLimits,
): AsyncGenerator<string> {
  const splitter = new JsonSplitter(maxBytes);
  let reserved = 0;
  const reserve = (bytes: number): void => {
    if (bytes > reserved) budget.take(bytes - reserved);
    else budget.giveBack(reserved - bytes);
    reserved = bytes;
  };
  try {
    for await (const chunk of chunksOf(request)) {
      splitter.add(chunk);
      reserve(splitter.heldBytes);
      for (let text = splitter.take(); text !== null; text = splitter.take()) yield text;
      reserve(splitter.heldBytes);
    }
    splitter.finish();
  } finally {
    reserve(0);
  }
}

/** A body that breaks off ends: its client has gone, which its call learns in another way. */
async function* chunksOf(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    yield* request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  } catch (error) {
    if (!request.destroyed) throw error;
  }
}
