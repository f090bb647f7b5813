import type { Compare, ResponseOp, TxnRequest, TxnResponse } from '@quorate/protocol';
import { holds } from './comparison.ts';
import { executeRange } from './range.ts';
import { responseHeader } from './response-header.ts';
import { StoreError } from './store-error.ts';
import type { VersionedMap } from './versioned-map.ts';
import { checkPut, executeDeleteRange, executePut } from './write.ts';

/**
 * Executes a valid transaction, all of it or, if it throws a StoreError, nothing: every comparison is evaluated
 * and every operation is checked before the first one is executed.
 */
export function executeTransaction(map: VersionedMap, request: TxnRequest): TxnResponse {
  const plan = decide(map, request);
  check(map, plan);
  const response = execute(map, plan);
  return { ...response, header: responseHeader(map.revision) };
}

/** One operation that will be executed. */
type Step =
  | Exclude<NonNullable<TxnRequest['success'][number]['request']>, { $case: 'requestTxn' }>
  | { readonly $case: 'plan'; readonly plan: Plan };

/** A transaction whose comparisons, and those of the transactions within it, are evaluated. */
type Plan = { readonly succeeded: boolean; readonly steps: readonly Step[] };

/** All comparisons see the state before the transaction, even those of a transaction that comes after a put. */
function decide(map: VersionedMap, request: TxnRequest): Plan {
  const succeeded = request.compare.every((compare: Compare) => holds(map, compare));
  const steps = (succeeded ? request.success : request.failure).map(({ request: operation }): Step => {
    if (operation === undefined) {
      throw new StoreError('key-not-found');
    }
    return operation.$case === 'requestTxn'
      ? { $case: 'plan', plan: decide(map, operation.requestTxn) }
      : operation;
  });
  return { succeeded, steps };
}

function check(map: VersionedMap, plan: Plan): void {
  for (const step of plan.steps) {
    switch (step.$case) {
      case 'requestRange':
        map.resolveRevision(step.requestRange.revision);
        break;
      case 'requestPut':
        checkPut(map, step.requestPut);
        break;
      case 'requestDeleteRange':
        break;
      case 'plan':
        check(map, step.plan);
        break;
    }
  }
}

/** Operations see what those before them changed. */
function execute(map: VersionedMap, plan: Plan): TxnResponse {
  const responses = plan.steps.map((step): ResponseOp => {
    switch (step.$case) {
      case 'requestRange':
        return answer({ $case: 'responseRange', responseRange: executeRange(map, step.requestRange) });
      case 'requestPut':
        return answer({ $case: 'responsePut', responsePut: executePut(map, step.requestPut) });
      case 'requestDeleteRange':
        return answer({
          $case: 'responseDeleteRange',
          responseDeleteRange: executeDeleteRange(map, step.requestDeleteRange),
        });
      case 'plan':
        return answer({ $case: 'responseTxn', responseTxn: execute(map, step.plan) });
    }
  });
  // As with etcd, the answer of a transaction within another has a header without a revision.
  return { header: responseHeader(0), succeeded: plan.succeeded, responses };
}

function answer(response: NonNullable<ResponseOp['response']>): ResponseOp {
  return { response };
}
