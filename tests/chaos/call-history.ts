import { writeFile } from 'node:fs/promises';
import { QuorateError } from '@quorate/client';
import {
  hasChanged,
  isStateDependent,
  type OperationRecord,
  type StoreOperation,
  type StoreResult,
} from '@quorate/simulator';
import type { StoreAccess } from './store-access.ts';

export type CallRecord = OperationRecord<StoreOperation, StoreResult>;

/** What a client is told of its call: null if it failed, with or without an effect. */
export type Told = StoreResult | null;

/** The calls of all clients of a run and what came of them, on one clock that counts invocations and returns. */
export class CallHistory {
  readonly records: CallRecord[] = [];
  readonly counts = { answered: 0, unknown: 0, failed: 0 };
  /** The highest revision that an answer was about. */
  latestRevision = 1;
  /** Revisions made by writes that were answered. */
  readonly #claimed = new Set<number>();
  /** Calls that had no effect, by the code of the error. */
  readonly failures = new Map<string, number>();
  #now = 0;

  isClaimed(revision: number): boolean {
    return this.#claimed.has(revision);
  }

  /** Makes a call and records it. Rejects only with what no client should ever throw. */
  async call(
    client: number,
    operation: StoreOperation,
    access: StoreAccess,
    signal?: AbortSignal,
  ): Promise<Told> {
    this.#now += 1;
    const invoke = this.#now;
    try {
      const result = await access(operation, signal);
      this.#answered({ client, invoke, return: this.#tick(), operation, result });
      return result;
    } catch (error) {
      if (!(error instanceof QuorateError)) {
        throw error;
      }
      return this.#failed(client, invoke, operation, error);
    }
  }

  /** Writes the calls to a file, one a line as JSON, in the order in which they ended. */
  async save(path: string): Promise<void> {
    const lines = this.records.map((record) =>
      JSON.stringify(record, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    );
    await writeFile(path, `${lines.join('\n')}\n`);
  }

  #failed(client: number, invoke: number, operation: StoreOperation, error: QuorateError): Told {
    if (isStateDependent(error.code)) {
      const result: StoreResult = { type: 'refused', code: error.code };
      this.#answered({ client, invoke, return: this.#tick(), operation, result });
      return result;
    }
    if (error.outcome === 'unknown') {
      this.counts.unknown += 1;
      this.records.push({ client, invoke, return: null, operation, result: null });
    } else {
      // It certainly had no effect. If it had one after all, other calls cannot be explained.
      this.counts.failed += 1;
      this.failures.set(error.code, (this.failures.get(error.code) ?? 0) + 1);
    }
    return null;
  }

  #answered(record: CallRecord & { readonly result: StoreResult }): void {
    const { result } = record;
    this.counts.answered += 1;
    this.records.push(record);
    if (result.type !== 'refused' && result.revision !== null) {
      this.latestRevision = Math.max(this.latestRevision, result.revision);
      if (hasChanged(result)) {
        this.#claimed.add(result.revision);
      }
    }
  }

  #tick(): number {
    this.#now += 1;
    return this.#now;
  }
}
