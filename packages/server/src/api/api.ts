import {
  authService,
  clusterService,
  healthService,
  kvService,
  leaseService,
  maintenanceService,
  type MethodDescription,
  WireError,
  watchService,
} from '@quorate/protocol';
import type { Clock, Logger } from '@quorate/replica';
import { ApiError } from './api-error.ts';
import type { ApiMethod, HandledMethod } from './api-method.ts';
import { CallContext, type CallTimes, type IncomingCall } from './call-context.ts';
import { clusterMethods } from './cluster-methods.ts';
import { toApiError } from './error-table.ts';
import type { Guard } from './guard.ts';
import type { HealthMethods } from './health-methods.ts';
import { kvMethods } from './kv-methods.ts';
import { maintenanceMethods } from './maintenance-methods.ts';
import type { Member } from './member.ts';

export type ApiOptions = {
  readonly member: Member;
  readonly health: HealthMethods;
  /** In the order in which they are asked. */
  readonly guards: readonly Guard[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly times: CallTimes;
};

const services = [
  kvService,
  watchService,
  leaseService,
  clusterService,
  maintenanceService,
  authService,
  healthService,
];

/** The names of all services, built or not. */
export const serviceNames: readonly string[] = services.map((service) => service.serviceName);

/** Every method of every service: those that are built with their handlers, the others say that they are not. */
export function createApi(options: ApiOptions): readonly ApiMethod[] {
  const handled = [
    ...kvMethods(options.member),
    ...clusterMethods(options.member),
    ...maintenanceMethods(options.member),
    ...options.health.methods(),
  ];
  const byPath = new Map(handled.map((method) => [method.description.path, method]));
  const descriptions = services.flatMap((service): MethodDescription<unknown, unknown>[] =>
    Object.values(service.methods),
  );
  return descriptions.map((description) => {
    return toApiMethod(byPath.get(description.path) ?? { kind: 'unimplemented', description }, options);
  });
}

function toApiMethod(method: HandledMethod, options: ApiOptions): ApiMethod {
  const {
    path,
    request: requestCodec,
    response: responseCodec,
    requestStream,
    responseStream,
  } = method.description;
  const { clock, times } = options;
  const begin = (bytes: Uint8Array, call: IncomingCall) => {
    const context = new CallContext(call, clock.monotonicMs(), times);
    const request = decode(path, requestCodec, bytes);
    return { request, context, end: admit(options.guards, { path, request, context }) };
  };
  switch (method.kind) {
    case 'unary':
      return {
        kind: 'unary',
        path,
        invoke: async (bytes, call) => {
          let end: (() => void) | null = null;
          try {
            const begun = begin(bytes, call);
            end = begun.end;
            return responseCodec.encode(await method.handle(begun.request, begun.context)).finish();
          } catch (error) {
            throw translate(error, path, options.logger);
          } finally {
            end?.();
          }
        },
      };
    case 'server-stream':
      return {
        kind: 'server-stream',
        path,
        invoke: async function* (bytes, call) {
          let end: (() => void) | null = null;
          try {
            const begun = begin(bytes, call);
            end = begun.end;
            for await (const response of method.handle(begun.request, begun.context)) {
              yield responseCodec.encode(response).finish();
            }
          } catch (error) {
            throw translate(error, path, options.logger);
          } finally {
            end?.();
          }
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

function decode(
  path: string,
  codec: MethodDescription<unknown, unknown>['request'],
  bytes: Uint8Array,
): unknown {
  try {
    return codec.decode(bytes);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    const message = `the request to ${path.slice(1)} is no valid protobuf message: ${error.message}`;
    throw new ApiError('invalid-argument', message, 'none', error);
  }
}

/** Asks every guard. Returns what ends the call for all of them. */
function admit(guards: readonly Guard[], call: Parameters<Guard>[0]): () => void {
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
