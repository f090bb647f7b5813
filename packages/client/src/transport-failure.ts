import type { Outcome } from './quorate-error.ts';

/** How one try of a call failed, before anyone has decided what it means for the call. */
export type TransportFailure = {
  /** The gRPC status code. */
  readonly grpcCode: number;
  /** The gRPC status message. */
  readonly details: string;
  /** What the server says in the trailer `quorate-outcome`, or null without one. */
  readonly statedOutcome: Outcome | null;
  /** The request certainly never left this process. */
  readonly neverSent: boolean;
};
