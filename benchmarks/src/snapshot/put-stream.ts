import { type CommandBody, encodeCommand, type Store } from '@quorate/kv';
import { CompactionRequest, PutRequest } from '@quorate/protocol';
import { Histogram } from '../histogram.ts';
import { keyName, valueOf, Workload } from '../workload.ts';

const batchPuts = 32;
const batchEveryMs = 2;
const loadBatchPuts = 64;
/** How often a member does what is left to idle times. */
const tickMs = 100;

/** Gives a store commands as a log would. */
export class PutStream {
  private readonly store: Store;
  private readonly value: Uint8Array;
  private readonly workload: Workload;
  private latencies = new Histogram();
  private timers: NodeJS.Timeout[] = [];

  constructor(store: Store, keys: number, valueSizeBytes: number) {
    this.store = store;
    this.value = valueOf(valueSizeBytes);
    this.workload = new Workload({ keys, reads: 0, seed: 1 });
  }

  /** Puts every key from 0 on once, as fast as possible. */
  async putAll(keys: number): Promise<void> {
    for (let key = 0; key < keys; key += loadBatchPuts) {
      const count = Math.min(loadBatchPuts, keys - key);
      this.apply(Array.from({ length: count }, (_, index) => this.put(key + index)));
      if (key % (loadBatchPuts * 64) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  compact(): void {
    this.apply([
      {
        $case: 'compaction',
        compaction: CompactionRequest.create({ revision: this.store.revision }),
      },
    ]);
  }

  /** Begins to put random keys, at an even rate, and to do what a member does at each tick. */
  start(): void {
    this.timers = [
      setInterval(() => {
        const startedMs = performance.now();
        this.apply(Array.from({ length: batchPuts }, () => this.put(this.workload.nextKeyNumber())));
        this.latencies.record((performance.now() - startedMs) * 1000);
      }, batchEveryMs),
      setInterval(() => this.store.tidy(), tickMs),
    ];
  }

  stop(): void {
    for (const timer of this.timers) clearInterval(timer);
  }

  /** The 99th percentile of what a batch of puts took since this was asked last, in milliseconds. */
  takeP99Ms(): number {
    const { latencies } = this;
    this.latencies = new Histogram();
    return latencies.quantile(0.99) / 1000;
  }

  private put(key: number): CommandBody {
    const put = PutRequest.create({ key: Buffer.from(keyName(key)), value: this.value });
    return { $case: 'put', put };
  }

  private apply(bodies: readonly CommandBody[]): void {
    const first = this.store.appliedIndex + 1;
    this.store.apply(
      bodies.map((body, offset) => ({
        index: first + offset,
        term: 1,
        data: encodeCommand({ requestId: { member: 1n, sequence: first + offset }, body }),
      })),
    );
  }
}
