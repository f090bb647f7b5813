import type { Metadata } from '@grpc/grpc-js';
import type { IncomingCall } from '../api/call-context.ts';

/** The part of grpc-js's calls that is needed here, whatever their kind. */
type CarriedCall = {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  getDeadline(): Date | number;
  once(event: 'cancelled', listener: () => void): unknown;
};

/** A call of grpc-js in the terms of the API. */
export class GrpcCall implements IncomingCall {
  readonly timeoutMs: number | null;
  private readonly call: CarriedCall;
  private abortSignal: AbortSignal | null = null;

  constructor(call: CarriedCall) {
    this.call = call;
    const deadline = call.getDeadline();
    const deadlineMs = typeof deadline === 'number' ? deadline : deadline.getTime();
    // grpc-js turns the client's timeout into a point on the wall clock; turned back before it can shift.
    this.timeoutMs = Number.isFinite(deadlineMs) ? Math.max(0, deadlineMs - Date.now()) : null;
  }

  get signal(): AbortSignal {
    if (this.abortSignal === null) {
      const controller = new AbortController();
      this.abortSignal = controller.signal;
      if (this.call.cancelled) controller.abort();
      else this.call.once('cancelled', () => controller.abort());
    }
    return this.abortSignal;
  }

  metadata(name: string): string | null {
    const [value] = this.call.metadata.get(name);
    return value === undefined ? null : value.toString();
  }
}
