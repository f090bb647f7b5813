import type { Clock } from '@quorate/replica';
import { replicaFailure } from './error-table.ts';
import type { Guard } from './guard.ts';

/**
 * Counts the calls that are being handled, streams apart. Turns away those beyond the maximum, and all of them once the
 * server stops: what is promised to those that run is kept, and no more is promised.
 */
export class CallLimit {
  private readonly callsMax: number;
  private running = 0;
  private stopping = false;
  private idle: (() => void) | null = null;

  constructor(callsMax: number) {
    this.callsMax = callsMax;
  }

  readonly guard: Guard = (call) => {
    if (call.kind !== 'call') return null;
    if (this.stopping) throw replicaFailure('stopped');
    if (this.running >= this.callsMax) throw replicaFailure('overloaded');
    this.running += 1;
    return () => {
      this.running -= 1;
      if (this.running === 0) this.idle?.();
    };
  };

  /** Admits no more calls; resolves when the last one has ended, or after `graceMs`. Called once. */
  async drain(clock: Clock, graceMs: number): Promise<void> {
    this.stopping = true;
    if (this.running === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.idle = resolve;
    const timer = clock.setTimer(graceMs, resolve);
    await promise;
    timer.cancel();
  }
}
