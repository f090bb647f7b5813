import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Histogram } from './histogram.ts';
import type { LoadCommand, LoadPlan, LoadReport, LoadResult } from './load-worker.ts';
import type { BenchmarkOptions } from './options.ts';
import type { RequestErrors } from './request-errors.ts';

/** What happens at the edges of the measurement, and how a person follows it. */
export type LoadObserver = {
  progress(text: string): void;
  /** Called when the measurement starts and again when it ends. */
  mark(): void;
};

/** What the whole load saw while it was measured. */
export type LoadOutcome = {
  readonly seconds: number;
  readonly gets: Histogram;
  readonly puts: Histogram;
  readonly errors: RequestErrors;
  /** The busiest thread's share of busy time. */
  readonly busy: number;
};

/** Fills the keys, warms up, measures and stops. Rejects if a thread fails or the signal aborts. */
export async function runLoad(
  endpoints: readonly string[],
  options: BenchmarkOptions,
  observer: LoadObserver,
  signal: AbortSignal,
): Promise<LoadOutcome> {
  const workers = planLoad(endpoints, options).map((plan) => new LoadThread(plan));
  const everyone = (command: LoadCommand): void => {
    for (const worker of workers) {
      worker.send(command);
    }
  };
  const failed = Promise.race(workers.map((worker) => worker.failed));
  const orFailure = <T>(work: Promise<T>): Promise<T> => Promise.race([work, failed]);
  try {
    observer.progress(`writing ${options.keys} keys`);
    await orFailure(Promise.all(workers.map((worker) => worker.filled)));
    everyone('start');
    await orFailure(passTime('warming up', options.warmUpSeconds, workers, observer, signal));
    everyone('measure');
    const startMs = performance.now();
    observer.mark();
    await orFailure(passTime('measuring', options.durationSeconds, workers, observer, signal));
    observer.mark();
    everyone('stop');
    const seconds = (performance.now() - startMs) / 1000;
    return combine(seconds, await orFailure(Promise.all(workers.map((worker) => worker.result))));
  } finally {
    await Promise.all(workers.map((worker) => worker.close()));
  }
}

/** Divides clients and keys among the threads. */
export function planLoad(endpoints: readonly string[], options: BenchmarkOptions): LoadPlan[] {
  const threads = Math.min(options.workers, options.clients);
  const part = (total: number, index: number): number => Math.floor((total * index) / threads);
  return Array.from({ length: threads }, (_, index) => ({
    endpoints,
    clients: part(options.clients, index + 1) - part(options.clients, index),
    valueSizeBytes: options.valueSizeBytes,
    keys: options.keys,
    fillFrom: part(options.keys, index),
    fillTo: part(options.keys, index + 1),
    reads: options.reads,
    seed: options.seed + index,
  }));
}

async function passTime(
  what: string,
  seconds: number,
  workers: readonly LoadThread[],
  observer: LoadObserver,
  signal: AbortSignal,
): Promise<void> {
  let before = operationsOf(workers);
  for (let second = 0; second < seconds; second += 1) {
    await sleep(1000, undefined, { signal });
    const now = operationsOf(workers);
    observer.progress(`${what} ${second + 1}/${seconds} s, ${now - before} operations/s`);
    before = now;
  }
}

function operationsOf(workers: readonly LoadThread[]): number {
  return workers.reduce((sum, worker) => sum + worker.operations, 0);
}

function combine(seconds: number, results: readonly LoadResult[]): LoadOutcome {
  const gets = new Histogram();
  const puts = new Histogram();
  const errors: Record<string, RequestErrors[string]> = {};
  for (const result of results) {
    gets.add(result.gets);
    puts.add(result.puts);
    for (const [code, { count, example }] of Object.entries(result.errors)) {
      errors[code] = { count: (errors[code]?.count ?? 0) + count, example };
    }
  }
  return { seconds, gets, puts, errors, busy: Math.max(...results.map((result) => result.busy)) };
}

/** One worker thread and the promises of what it reports. */
class LoadThread {
  readonly filled: Promise<void>;
  readonly result: Promise<LoadResult>;
  /** Rejects if the thread ends before its result. Never resolves. */
  readonly failed: Promise<never>;
  readonly #worker: Worker;
  #operations = 0;

  constructor(plan: LoadPlan) {
    const filled = Promise.withResolvers<void>();
    const result = Promise.withResolvers<LoadResult>();
    const failed = Promise.withResolvers<never>();
    this.filled = filled.promise;
    this.result = result.promise;
    this.failed = failed.promise;
    this.failed.catch(() => undefined); // Heard by whoever waits at the moment, or by nobody after the end.
    this.#worker = new Worker(new URL('./load-worker.ts', import.meta.url), { workerData: plan });
    this.#worker.on('error', (error) => failed.reject(error));
    this.#worker.on('exit', () => failed.reject(new Error('a load thread ended early')));
    this.#worker.on('message', (report: LoadReport) => {
      switch (report.type) {
        case 'filled':
          filled.resolve();
          return;
        case 'progress':
          this.#operations = report.operations;
          return;
        case 'result':
          result.resolve(report.result);
          return;
      }
    });
  }

  /** Operations so far, as last reported. */
  get operations(): number {
    return this.#operations;
  }

  send(command: LoadCommand): void {
    this.#worker.postMessage(command);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
