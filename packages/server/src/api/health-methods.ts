import { health, healthService } from '@quorate/protocol';
import { ApiError } from './api-error.ts';
import { type HandledMethod, serverStream, unary } from './api-method.ts';
import type { StreamContext } from './stream-context.ts';

type ServingStatus = health.HealthCheckResponse_ServingStatus;
const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = health.HealthCheckResponse_ServingStatus;

/**
 * gRPC's standard health check. The server serves from its start to its end, with or without a leader: a
 * member without one still answers serializable reads, and `hasleader` is there for clients who want more.
 */
export class HealthMethods {
  private readonly services: ReadonlySet<string>;
  private readonly stopped = new AbortController();

  /** `services` are the names that may be asked for, beside the empty one that means all. */
  constructor(services: readonly string[]) {
    this.services = new Set(['', ...services]);
  }

  /** Tells everyone who watches that the server stops, and ends their streams. */
  stop(): void {
    this.stopped.abort();
  }

  methods(): readonly HandledMethod[] {
    return [
      unary(healthService.methods.check, async ({ service }) => {
        if (!this.services.has(service))
          throw new ApiError('not-found', `unknown service ${service}`, 'none');
        return { status: this.status() };
      }),
      serverStream(healthService.methods.watch, ({ service }, context) => this.watch(service, context)),
    ];
  }

  private status(): ServingStatus {
    return this.stopped.signal.aborted ? NOT_SERVING : SERVING;
  }

  private async *watch(service: string, context: StreamContext): AsyncGenerator<health.HealthCheckResponse> {
    if (!this.services.has(service)) {
      yield { status: SERVICE_UNKNOWN };
      return;
    }
    yield { status: this.status() };
    const end = AbortSignal.any([this.stopped.signal, context.signal]);
    if (!end.aborted) {
      await new Promise((resolve) => {
        end.addEventListener('abort', resolve, { once: true });
      });
    }
    if (!context.signal.aborted) yield { status: NOT_SERVING };
  }
}
