import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { QuorateClient } from '@quorate/client';
import { Histogram, type HistogramSnapshot } from './histogram.ts';
import { RequestErrorCounts, type RequestErrors } from './request-errors.ts';
import { keyName, valueOf, Workload } from './workload.ts';

/** What a load thread is started with. */
export type LoadPlan = {
  readonly endpoints: readonly string[];
  /** Requests that this thread keeps in flight. */
  readonly clients: number;
  readonly valueSizeBytes: number;
  readonly keys: number;
  /** The keys from here up to `fillTo` are written once before the load starts, by this thread. */
  readonly fillFrom: number;
  readonly fillTo: number;
  readonly reads: number;
  readonly seed: number;
};

export type LoadCommand = 'start' | 'measure' | 'stop';

export type LoadReport =
  | { readonly type: 'filled' }
  | { readonly type: 'progress'; readonly operations: number }
  | { readonly type: 'result'; readonly result: LoadResult };

/** What one thread saw between `measure` and `stop`. */
export type LoadResult = {
  readonly gets: HistogramSnapshot;
  readonly puts: HistogramSnapshot;
  readonly errors: RequestErrors;
  /** The share of the time in which the thread was busy; near 1 the load, not the cluster, is the limit. */
  readonly busy: number;
};

const progressIntervalMs = 500;
const fillBatch = 100;
const startTimeoutMs = 30_000;

/** Keeps a fixed number of requests in flight and records how long each took. */
class Load {
  readonly #plan: LoadPlan;
  readonly #client: QuorateClient;
  readonly #value: Uint8Array;
  readonly #workload: Workload;
  #gets = new Histogram();
  #puts = new Histogram();
  #errors = new RequestErrorCounts();
  #utilization = performance.eventLoopUtilization();
  #operations = 0;
  #stopping = false;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    this.#client = new QuorateClient({ endpoints: plan.endpoints, callsMax: Math.max(plan.clients, 1) });
    this.#value = valueOf(plan.valueSizeBytes);
    this.#workload = new Workload(plan);
  }

  get operations(): number {
    return this.#operations;
  }

  /** Waits until the cluster answers, then writes this thread's part of the keys. */
  async fill(): Promise<void> {
    const { fillFrom, fillTo } = this.#plan;
    await this.#client.get(keyName(0), { timeoutMs: startTimeoutMs });
    for (let first = fillFrom; first < fillTo; first += fillBatch) {
      const count = Math.min(fillBatch, fillTo - first);
      await this.#client.putMany(
        Array.from({ length: count }, (_, index) => [keyName(first + index), this.#value] as const),
      );
    }
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: this.#plan.clients }, () => this.#loop()));
    await this.#client.close();
  }

  measure(): void {
    this.#gets = new Histogram();
    this.#puts = new Histogram();
    this.#errors = new RequestErrorCounts();
    this.#utilization = performance.eventLoopUtilization();
  }

  stop(): LoadResult {
    this.#stopping = true;
    return {
      gets: this.#gets.snapshot(),
      puts: this.#puts.snapshot(),
      errors: this.#errors.counts,
      busy: performance.eventLoopUtilization(this.#utilization).utilization,
    };
  }

  async #loop(): Promise<void> {
    while (!this.#stopping) {
      const { kind, key } = this.#workload.next();
      const startMs = performance.now();
      try {
        if (kind === 'get') {
          await this.#client.get(key);
        } else {
          await this.#client.put(key, this.#value);
        }
        const elapsedUs = (performance.now() - startMs) * 1000;
        (kind === 'get' ? this.#gets : this.#puts).record(elapsedUs);
      } catch (error) {
        this.#errors.record(error);
      }
      this.#operations += 1;
    }
  }
}

async function main(): Promise<void> {
  const port = parentPort;
  assert(port !== null, 'this file runs as a worker thread');
  const report = (message: LoadReport): void => {
    port.postMessage(message);
  };
  const plan: LoadPlan = workerData;
  const load = new Load(plan);
  const started = Promise.withResolvers<void>();
  port.on('message', (command: LoadCommand) => {
    switch (command) {
      case 'start':
        started.resolve();
        return;
      case 'measure':
        load.measure();
        return;
      case 'stop':
        report({ type: 'result', result: load.stop() });
        return;
    }
  });
  await load.fill();
  report({ type: 'filled' });
  await started.promise;
  const progress = setInterval(
    () => report({ type: 'progress', operations: load.operations }),
    progressIntervalMs,
  );
  await load.run();
  clearInterval(progress);
  port.close();
}

await main();
