import type { Comparison, Operation } from '@quorate/client';

/** What a transaction consists of, in whichever form it was written. */
export type TransactionPlan = {
  readonly conditions: readonly Comparison[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
};
