import { replicaFailure, streamFailure } from './error-table.ts';
import type { Guard } from './guard.ts';
import type { StreamContext } from './stream-context.ts';

export type StreamMaxima = {
  /** The most streams at a time, over all connections. */
  readonly streamsMax: number;
  /** And over one connection. */
  readonly connectionStreamsMax: number;
};

/**
 * Knows the streams that are open. Turns away those beyond the maxima, which are streams' own: streams last,
 * and must not keep calls from being let in. Ends all of them when the server stops.
 */
export class StreamLimit {
  private readonly maxima: StreamMaxima;
  private readonly open = new Set<StreamContext>();
  private readonly openByConnection = new Map<object, number>();
  private stopping = false;

  constructor(maxima: StreamMaxima) {
    this.maxima = maxima;
  }

  /** How many streams are open. */
  get size(): number {
    return this.open.size;
  }

  readonly guard: Guard = (call) => {
    if (call.kind !== 'stream') return null;
    const { context } = call;
    const { connection } = context;
    const overConnection = this.openByConnection.get(connection) ?? 0;
    if (this.stopping) throw replicaFailure('stopped');
    if (this.open.size >= this.maxima.streamsMax) throw streamFailure('too-many-streams');
    if (overConnection >= this.maxima.connectionStreamsMax) {
      throw streamFailure('too-many-streams-over-connection');
    }
    this.open.add(context);
    this.openByConnection.set(connection, overConnection + 1);
    return () => {
      this.open.delete(context);
      const left = (this.openByConnection.get(connection) ?? 0) - 1;
      if (left > 0) this.openByConnection.set(connection, left);
      else this.openByConnection.delete(connection);
    };
  };

  /** Lets in no more streams, and ends those that are open. */
  stop(): void {
    this.stopping = true;
    for (const context of this.open) context.fail(replicaFailure('stopped'));
  }
}
