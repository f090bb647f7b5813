import { checkStore, type SearchLimits } from '@quorate/simulator';
import type { CallRecord } from './call-history.ts';

/** A minute or so at worst: a history that needs more counts as a failed check. */
const limits: SearchLimits = { stepsMax: 20_000_000, configurationsMax: 2_000_000 };

/** What speaks against a history, in words; null if some order of its calls explains all answers. */
export function judge(records: readonly CallRecord[]): string | null {
  const verdict = checkStore(records, limits);
  switch (verdict.kind) {
    case 'linearizable':
      return null;
    case 'violation':
      return verdict.violation.text;
    case 'undecided':
      return `nobody knows whether the history is linearizable: the search ${verdict.reason}`;
  }
}
