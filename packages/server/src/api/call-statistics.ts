import type { MethodDescription } from '@quorate/protocol';
import type { StatusName } from './api-error.ts';

/** In the words of gRPC's libraries for metrics. */
export type MethodKind = 'unary' | 'server_stream' | 'bidi_stream';

/** What has been counted of one method since the start. */
export type MethodCount = {
  readonly path: string;
  readonly kind: MethodKind;
  started: number;
  /** Those that ended, by how. */
  readonly handled: Map<StatusName | 'ok', number>;
  /** Messages without what the transport adds, in bytes. */
  receivedBytes: number;
  sentBytes: number;
};

/** Counts calls and streams by method, however they came. Plain numbers: it is called for every message. */
export class CallStatistics {
  private readonly counts = new Map<string, MethodCount>();

  /** The counters of a method; the same ones each time. */
  of({ path, requestStream, responseStream }: MethodDescription<unknown, unknown>): MethodCount {
    const known = this.counts.get(path);
    if (known !== undefined) return known;
    const kind = requestStream ? 'bidi_stream' : responseStream ? 'server_stream' : 'unary';
    const count: MethodCount = { path, kind, started: 0, handled: new Map(), receivedBytes: 0, sentBytes: 0 };
    this.counts.set(path, count);
    return count;
  }

  /** Of the methods that were asked for. */
  all(): Iterable<MethodCount> {
    return this.counts.values();
  }
}

/** Counts the end of a call. */
export function countEnd(count: MethodCount, status: StatusName | 'ok'): void {
  count.handled.set(status, (count.handled.get(status) ?? 0) + 1);
}

/** How many are under way. */
export function runningOf({ started, handled }: MethodCount): number {
  let ended = 0;
  for (const each of handled.values()) ended += each;
  return started - ended;
}
