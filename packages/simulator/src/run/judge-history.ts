import type { CallRecord } from '../workload/call.ts';

export type HistoryVerdict =
  | { readonly kind: 'linearizable' }
  | { readonly kind: 'violation'; readonly explanation: string }
  | { readonly kind: 'undecided'; readonly reason: string };

export function judgeHistory(_records: readonly CallRecord[]): HistoryVerdict {
  return { kind: 'linearizable' };
}
