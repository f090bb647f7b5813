import type { History, OperationRecord } from '../linearizability/history.ts';
import type { SearchLimits } from '../linearizability/search.ts';
import { checkStore } from '../linearizability/store-model.ts';
import type { StoreOperation, StoreResult } from '../linearizability/store-operation.ts';
import { commandKey, type LogReplay } from './log-replay.ts';
import type { CallRecord } from '../workload/call.ts';
import { toOperation, toResult } from '../workload/call-translation.ts';

export type HistoryVerdict =
  | { readonly kind: 'linearizable' }
  | { readonly kind: 'violation'; readonly explanation: string }
  /** The search gave up: the history may be either. */
  | { readonly kind: 'undecided'; readonly reason: string };

/** Whose operations nobody recorded. */
const NOBODY = -1;

/** About a second at worst: a run that needs more is counted as undecided. */
const LIMITS: SearchLimits = { stepsMax: 1_000_000, configurationsMax: 200_000 };

/**
 * Judges what the clients of a run saw against a whole store (Herlihy and Wing, 1990).
 *
 * Commands without an answer make the search hopeless when there are many. The log knows better than the
 * clients what became of them, so the history is completed from it: those in the log get the answer that the
 * log gives, and may have taken effect at any time after they were invoked; those that are not had no effect.
 * An order for the completed history is one for the clients' history. If there is none, either the clients
 * can prove it or the log contradicts what they saw: both must not be.
 *
 * So it is with what no client recorded, the ends of leases and what was done under them: the log knows what that was
 * and which revision it made, and it may have happened at any time.
 */
export function judgeHistory(records: readonly CallRecord[], replay: LogReplay): HistoryVerdict {
  const end = records.length * 2 + 1_000_000;
  const callCounts = countCalls(records);
  const recorded = records
    .flatMap((record, position) => complete(record, replay, callCounts, end + position))
    .flatMap((record) => toOperationRecord(record));
  const unrecorded = replay.unrecorded.map(({ operation, result }, position) => {
    return { client: NOBODY, invoke: 0, return: end + records.length + position, operation, result };
  });
  const history: History<StoreOperation, StoreResult> = [...recorded, ...unrecorded];
  const verdict = checkStore(history, LIMITS);
  switch (verdict.kind) {
    case 'linearizable':
      return { kind: 'linearizable' };
    case 'violation':
      return { kind: 'violation', explanation: verdict.violation.text };
    case 'undecided':
      return { kind: 'undecided', reason: verdict.reason };
  }
}

function complete(
  record: CallRecord,
  replay: LogReplay,
  callCounts: ReadonlyMap<string, number>,
  returned: number,
): CallRecord[] {
  if (record.answer !== null || record.call.kind !== 'command') {
    return [record];
  }
  const { body } = record.call;
  const answer = replay.answerTo(body);
  if (answer === null) {
    return [];
  }
  // Which of several equal calls the log speaks of, nobody knows.
  const isAmbiguous = answer === 'ambiguous' || callCounts.get(commandKey(body)) !== 1;
  return isAmbiguous ? [record] : [{ ...record, return: returned, answer }];
}

function countCalls(records: readonly CallRecord[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { call } of records) {
    if (call.kind === 'command') {
      const key = commandKey(call.body);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return counts;
}

/** Nothing for a call that the API refuses whatever the state: it proves nothing. */
function toOperationRecord(record: CallRecord): OperationRecord<StoreOperation, StoreResult>[] {
  const { client, invoke, call, answer } = record;
  const operation = toOperation(call);
  if (answer === null) {
    return [{ client, invoke, return: null, operation, result: null }];
  }
  const result = toResult(answer);
  return result === null ? [] : [{ client, invoke, return: record.return, operation, result }];
}
