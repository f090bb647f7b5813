import type { RandomStream } from '../kernel/random-stream.ts';
import { OPERATION_KINDS, type OperationKind, type WorkloadPlan } from '../plan/plan.ts';
import type { StoreResult } from '../linearizability/store-operation.ts';
import type { Call } from './call.ts';
import {
  compact,
  deleteOperation,
  deleteRange,
  get,
  getOperation,
  hasValue,
  isUnused,
  modifiedAt,
  put,
  putOperation,
  rangeRequest,
  toBytes,
  transaction,
} from './requests.ts';

/** What a client remembers of a key: enough to make comparisons that sometimes hold. */
type Seen = { readonly value: string; readonly modRevision: number };

/**
 * Thinks of the next call of one client. Nearly every command differs from all others of the run, so that it
 * can be recognised in the log.
 */
export class CallGenerator {
  private readonly client: number;
  private readonly workload: WorkloadPlan;
  private readonly random: RandomStream;
  private readonly totalWeight: number;
  private readonly seen = new Map<string, Seen>();
  private latestRevision = 1;
  private valueCount = 0;

  constructor(client: number, workload: WorkloadPlan, random: RandomStream) {
    this.client = client;
    this.workload = workload;
    this.random = random;
    this.totalWeight = OPERATION_KINDS.reduce((sum, kind) => sum + workload.weights[kind], 0);
  }

  next(): Call {
    const key = this.pickKey();
    switch (this.pickKind()) {
      case 'get':
        return get(key);
      case 'put':
        return put(key, this.newValue(), this.random.chance(0.2));
      case 'delete':
        return this.deleteOne(key);
      case 'range':
        return this.range();
      case 'compare-and-set':
        return this.compareAndSet(key);
      case 'transaction':
        return this.multiKeyTransaction();
      case 'delete-range':
        return this.deleteSeveral(key);
      case 'compact':
        return compact(Math.max(1, this.latestRevision - this.random.pick([0, 0, 1, 3, 10, 30])));
    }
  }

  /** Learns from an answer. */
  learn(result: StoreResult): void {
    if (result.type === 'range' || result.type === 'put') {
      this.latestRevision = Math.max(this.latestRevision, result.revision ?? 0);
    }
    if (result.type === 'range') {
      for (const { key, value, modRevision } of result.records) {
        this.seen.set(key, { value, modRevision });
      }
    }
  }

  /** All keys, some of them, or what there was some revisions ago. */
  private range(): Call {
    const key = toBytes(this.random.chance(0.5) ? '\0' : this.pickKey());
    const rangeEnd = toBytes('\0');
    const limit = this.random.pick([0, 0, 1, 2]);
    const isPast = this.random.chance(0.2);
    const revision = isPast ? Math.max(1, this.latestRevision - this.random.integer(8)) : 0;
    const serializable = this.random.chance(0.1);
    return { kind: 'range', request: rangeRequest({ key, rangeEnd, limit, revision, serializable }) };
  }

  /** A range that begins with a key and ends right behind it is another way to say the same. */
  private deleteOne(key: string): Call {
    const end = this.random.chance(0.5) ? `${key}\0${this.newName()}` : null;
    return deleteRange(key, end, this.random.chance(0.5));
  }

  private deleteSeveral(key: string): Call {
    const end = this.random.chance(0.5) ? `~${this.newName()}` : `${this.pickKey()}\0${this.newName()}`;
    return deleteRange(key, end, this.random.chance(0.5));
  }

  private compareAndSet(key: string): Call {
    const seen = this.seen.get(key);
    const compare =
      seen !== undefined && seen.value !== '' && this.random.chance(0.5)
        ? hasValue(key, seen.value)
        : modifiedAt(key, seen?.modRevision ?? 0);
    const onFailure = this.random.chance(0.7) ? [getOperation(key)] : [];
    return transaction([compare, isUnused(this.newName())], [putOperation(key, this.newValue())], onFailure);
  }

  /** Moves several keys together, as a transfer between accounts does. */
  private multiKeyTransaction(): Call {
    const keys = [...new Set([this.pickKey(), this.pickKey(), this.pickKey()])];
    const compared = keys[0] ?? '';
    const seen = this.seen.get(compared);
    const compare = this.random.chance(0.6) ? [modifiedAt(compared, seen?.modRevision ?? 0)] : [];
    const changes = keys.map((key) =>
      this.random.chance(0.85) ? putOperation(key, this.newValue()) : deleteOperation(key),
    );
    return transaction(
      [...compare, isUnused(this.newName())],
      [...changes, ...keys.map(getOperation)],
      keys.map(getOperation),
    );
  }

  private pickKey(): string {
    const { keys, hotness } = this.workload;
    const isHot = this.random.chance(hotness * 0.5);
    return `k${this.random.integer(isHot ? Math.min(2, keys) : keys)}`;
  }

  private pickKind(): OperationKind {
    let left = this.random.fraction() * this.totalWeight;
    for (const kind of OPERATION_KINDS) {
      left -= this.workload.weights[kind];
      if (left < 0) {
        return kind;
      }
    }
    return 'get';
  }

  /** Never the same twice in a run. */
  private newName(): string {
    this.valueCount += 1;
    return `c${this.client}.${this.valueCount}`;
  }

  private newValue(): string {
    return this.newName().padEnd(this.workload.valueBytes, '.');
  }
}
