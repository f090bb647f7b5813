import type { MonotonicMs } from '@quorate/raft';

/** How long a caller waits. */
export type Call = {
  /** When to give up, on the member's monotonic clock. */
  readonly deadlineMs: MonotonicMs;
  readonly signal?: AbortSignal;
};
