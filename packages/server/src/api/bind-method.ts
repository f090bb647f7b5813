import { type MethodDescription, WireError } from '@quorate/protocol';
import type { Clock, Logger } from '@quorate/replica';
import { ApiError, type StatusName } from './api-error.ts';
import { type ApiMethod, EncodedMessages, type HandledMethod } from './api-method.ts';
import { type CallStatistics, countEnd } from './call-statistics.ts';
import { CallContext, type CallTimes, type IncomingCall } from './call-context.ts';
import { toApiError } from './error-table.ts';
import type { Guard, GuardedCall } from './guard.ts';
import { StreamContext } from './stream-context.ts';
import { untilAborted } from './until-aborted.ts';

export type BindOptions = {
  /** In the order in which they are asked. */
  readonly guards: readonly Guard[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly times: CallTimes;
  readonly statistics: CallStatistics;
};

type HandledAs<Kind extends HandledMethod['kind']> = Extract<HandledMethod, { readonly kind: Kind }>;

/** Makes what adapters carry of a method and its handler: decode, ask the guards, handle, encode, translate errors. */
export function bindMethod(method: HandledMethod, options: BindOptions): ApiMethod {
  const { path, requestStream, responseStream } = method.description;
  switch (method.kind) {
    case 'unary':
      return { kind: 'unary', path, invoke: async (bytes, call) => answer(method, options, bytes, call) };
    case 'server-stream':
      return {
        kind: 'server-stream',
        path,
        invoke: (bytes, call) => {
          return streamAnswers(method, options, call, (context) => {
            options.statistics.of(method.description).receivedBytes += bytes.length;
            const request = decode(method.description, bytes);
            return { request, handle: () => method.handle(request, context) };
          });
        },
      };
    case 'bidi-stream':
      return {
        kind: 'bidi-stream',
        path,
        invoke: (requests, call) => {
          return streamAnswers(method, options, call, (context) => {
            const decoded = decodeAll(method, options, requests, context);
            return { request: null, handle: () => method.handle(decoded, context) };
          });
        },
      };
    case 'unimplemented':
      return {
        kind: 'unimplemented',
        path,
        requestStream,
        responseStream,
        error: new ApiError('unimplemented', `${path.slice(1)} is not built yet`, 'none'),
      };
  }
}

async function answer(
  { description, handle }: HandledAs<'unary'>,
  { guards, clock, logger, times, statistics }: BindOptions,
  bytes: Uint8Array,
  call: IncomingCall,
): Promise<Uint8Array> {
  const { path } = description;
  const count = statistics.of(description);
  let end: (() => void) | null = null;
  count.started += 1;
  count.receivedBytes += bytes.length;
  try {
    const context = new CallContext(call, clock.monotonicMs(), times);
    const request = decode(description, bytes);
    end = admit(guards, { kind: 'call', path, request, context });
    const response = description.response.encode(await handle(request, context)).finish();
    count.sentBytes += response.length;
    countEnd(count, 'ok');
    return response;
  } catch (error) {
    const failure = translate(error, path, logger);
    countEnd(count, failure.status);
    throw failure;
  } finally {
    end?.();
  }
}

/** Runs the handler of a stream until it returns, or until the stream is over. */
async function* streamAnswers(
  { description }: HandledAs<'server-stream' | 'bidi-stream'>,
  { guards, clock, logger, times, statistics }: BindOptions,
  call: IncomingCall,
  begin: (context: StreamContext) => {
    readonly request: unknown;
    readonly handle: () => AsyncIterable<unknown>;
  },
): AsyncGenerator<readonly Uint8Array[]> {
  const { path, response: codec } = description;
  const context = new StreamContext(call, clock, times);
  const count = statistics.of(description);
  let end: (() => void) | null = null;
  let status: StatusName | 'ok' = 'cancelled';
  count.started += 1;
  try {
    const { request, handle } = begin(context);
    end = admit(guards, { kind: 'stream', path, request, context });
    for await (const response of untilAborted(handle(), context.signal)) {
      const messages =
        response instanceof EncodedMessages ? response.messages : [codec.encode(response).finish()];
      for (const message of messages) count.sentBytes += message.length;
      yield messages;
    }
    if (context.failure !== null) throw context.failure;
    if (!context.signal.aborted) status = 'ok';
  } catch (error) {
    const failure = translate(error, path, logger);
    status = failure.status;
    throw failure;
  } finally {
    countEnd(count, status);
    context.close();
    end?.();
  }
}

/** The requests of a stream, each let in by the guards. What is wrong with one ends the stream, and with it these. */
async function* decodeAll(
  { description }: HandledAs<'bidi-stream'>,
  { guards, logger, statistics }: BindOptions,
  requests: AsyncIterable<Uint8Array>,
  context: StreamContext,
): AsyncGenerator<unknown> {
  const { path } = description;
  const count = statistics.of(description);
  try {
    for await (const bytes of untilAborted(requests, context.signal)) {
      count.receivedBytes += bytes.length;
      const request = decode(description, bytes);
      const end = admit(guards, { kind: 'stream-request', path, request, context });
      try {
        yield request;
      } finally {
        end();
      }
    }
  } catch (error) {
    context.fail(translate(error, path, logger));
  }
}

function decode({ path, request: codec }: MethodDescription<unknown, unknown>, bytes: Uint8Array): unknown {
  try {
    return codec.decode(bytes);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    const message = `the request to ${path.slice(1)} is no valid protobuf message: ${error.message}`;
    throw new ApiError('invalid-argument', message, 'none', error);
  }
}

/** Asks every guard. Returns what ends the call for all of them. */
function admit(guards: readonly Guard[], call: GuardedCall): () => void {
  const ends: (() => void)[] = [];
  const end = (): void => {
    for (const each of ends) each();
  };
  try {
    for (const guard of guards) {
      const release = guard(call);
      if (release !== null) ends.push(release);
    }
  } catch (error) {
    end();
    throw error;
  }
  return end;
}

/** Errors that no table knows are faults of the server. Clients learn that there was one; the log says which. */
function translate(error: unknown, path: string, logger: Logger): ApiError {
  const known = toApiError(error);
  if (known !== null) return known;
  logger.error(
    { err: error, path },
    `a call of ${path.slice(1)} failed in a way that is a fault of the server`,
  );
  return new ApiError('internal', 'etcdserver: internal error, see the log of the member', 'unknown', error);
}
