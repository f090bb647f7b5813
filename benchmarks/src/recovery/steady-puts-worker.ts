import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { QuorateClient } from '@quorate/client';
import { Histogram, type HistogramSnapshot } from '../histogram.ts';
import { RequestErrorCounts, type RequestErrors } from '../request-errors.ts';
import { valueOf, Workload } from '../workload.ts';

/** What the thread is started with. */
export type SteadyPutsPlan = {
  readonly endpoints: readonly string[];
  readonly keys: number;
  readonly valueSizeBytes: number;
  readonly putsPerSecond: number;
};

/** `begin` starts a measurement; `end` asks for its result. */
export type SteadyPutsCommand = 'begin' | 'end';

/** The puts that were sent between `begin` and `end`, all answered by now. Latencies in microseconds. */
export type SteadyPutsResult = { readonly latencies: HistogramSnapshot; readonly errors: RequestErrors };

/** After a longer pause than this the thread does not send what it missed: that would be no steady rate. */
const catchUpMaxMs = 200;

/**
 * Sends puts at a steady rate, whether or not earlier ones have been answered, and records how long each took from
 * when it was sent. What may be under way is bounded by the client.
 */
class SteadyPuts {
  readonly #plan: SteadyPutsPlan;
  readonly #client: QuorateClient;
  readonly #workload: Workload;
  readonly #value: Uint8Array;
  readonly #inFlight = new Set<Promise<void>>();
  #latencies = new Histogram();
  #errors = new RequestErrorCounts();

  constructor(plan: SteadyPutsPlan) {
    this.#plan = plan;
    this.#client = new QuorateClient({ endpoints: plan.endpoints });
    this.#workload = new Workload({ keys: plan.keys, reads: 0, seed: 1 });
    this.#value = valueOf(plan.valueSizeBytes);
  }

  /** Runs until the thread is ended. */
  async run(): Promise<never> {
    const intervalMs = 1000 / this.#plan.putsPerSecond;
    let dueMs = performance.now();
    for (;;) {
      const nowMs = performance.now();
      dueMs = Math.max(dueMs, nowMs - catchUpMaxMs);
      for (; dueMs <= nowMs; dueMs += intervalMs) this.#send();
      await sleep(1);
    }
  }

  begin(): void {
    this.#latencies = new Histogram();
    this.#errors = new RequestErrorCounts();
  }

  async end(): Promise<SteadyPutsResult> {
    const latencies = this.#latencies;
    const errors = this.#errors;
    this.begin();
    await Promise.all(this.#inFlight);
    return { latencies: latencies.snapshot(), errors: errors.counts };
  }

  #send(): void {
    const put = this.#put(this.#latencies, this.#errors).finally(() => this.#inFlight.delete(put));
    this.#inFlight.add(put);
  }

  async #put(latencies: Histogram, errors: RequestErrorCounts): Promise<void> {
    const startMs = performance.now();
    try {
      await this.#client.put(this.#workload.next().key, this.#value);
      latencies.record((performance.now() - startMs) * 1000);
    } catch (error) {
      errors.record(error);
    }
  }
}

async function main(): Promise<void> {
  const port = parentPort;
  assert(port !== null, 'this file runs as a worker thread');
  const puts = new SteadyPuts(workerData as SteadyPutsPlan);
  port.on('message', (command: SteadyPutsCommand) => {
    switch (command) {
      case 'begin':
        puts.begin();
        return;
      case 'end':
        void puts.end().then((result) => port.postMessage(result));
        return;
    }
  });
  await puts.run();
}

await main();
