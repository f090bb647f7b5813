import { kvService } from '@quorate/protocol';
import type { CallOptions, Caller } from './caller.ts';
import type { Comparison } from './compare.ts';
import { type Operation, type OperationResult, toOperationResult } from './operation.ts';
import { QuorateError } from './quorate-error.ts';

export type TransactionResult = {
  /** All conditions held, and the operations of `then` were done; otherwise those of `else`. */
  readonly succeeded: boolean;
  /** The store's revision after it: all changes of one transaction have this revision. */
  readonly revision: number;
  /** One result for each operation that was done, in order. */
  readonly results: readonly OperationResult[];
};

/**
 * Several operations done as one: all or none, at one revision, and only if every condition holds; otherwise
 * another list of operations is done instead.
 *
 *     await client.transaction()
 *       .if(compare('lock', 'version', '=', 0))
 *       .then(operation.put('lock', 'mine'))
 *       .else(operation.get('lock'))
 *       .commit();
 *
 * At most 128 conditions and 128 operations in each list. A key may be changed only once.
 */
export class Transaction {
  readonly #caller: Caller;
  readonly #conditions: Comparison[] = [];
  readonly #success: Operation[] = [];
  readonly #failure: Operation[] = [];

  /** Made by `QuorateClient.transaction`. */
  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Adds conditions. Without any, the operations of `then` are always done. */
  if(...conditions: readonly Comparison[]): this {
    this.#conditions.push(...conditions);
    return this;
  }

  /** Adds operations that are done if all conditions hold. */
  // The name is the one that etcd's clients gave it. `await` without `commit` is caught below.
  // oxlint-disable-next-line unicorn/no-thenable
  then(...operations: readonly Operation[]): this {
    if (operations.some((each) => typeof each === 'function')) {
      throw new QuorateError('invalid-argument', 'a transaction is no promise: await its commit()');
    }
    this.#success.push(...operations);
    return this;
  }

  /** Adds operations that are done if any condition fails. */
  else(...operations: readonly Operation[]): this {
    this.#failure.push(...operations);
    return this;
  }

  /**
   * Executes the transaction. One that only reads is repeated like any read; another is a write, and rejects
   * with `unknown-outcome` when its answer is lost. Rejects with `too-many-operations` and `duplicate-key`
   * as the cluster sees fit.
   */
  async commit(options: CallOptions = {}): Promise<TransactionResult> {
    const reads = [...this.#success, ...this.#failure].every((each) => each.isRead);
    const response = await this.#caller.call(
      {
        method: kvService.methods.txn,
        request: {
          compare: this.#conditions.map((condition) => condition.wire),
          success: this.#success.map((each) => each.wire),
          failure: this.#failure.map((each) => each.wire),
        },
        kind: reads ? 'read' : 'write',
        to: 'leader',
      },
      options,
    );
    return {
      succeeded: response.succeeded,
      revision: response.header?.revision ?? 0,
      results: response.responses.map(toOperationResult),
    };
  }
}
