import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Histogram } from '../histogram.ts';
import type { PutFigures } from './recovery-result.ts';
import type { SteadyPutsCommand, SteadyPutsPlan, SteadyPutsResult } from './steady-puts-worker.ts';

/** Puts at a steady rate, from a thread of their own: what else the benchmark does must not delay them. */
export class SteadyPuts implements AsyncDisposable {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  static async start(plan: SteadyPutsPlan): Promise<SteadyPuts> {
    const worker = new Worker(new URL('./steady-puts-worker.ts', import.meta.url), { workerData: plan });
    await once(worker, 'online');
    return new SteadyPuts(worker);
  }

  /** What the puts were like that were sent while `work` was done. Rejects if it does, or if the thread fails. */
  async during(work: () => Promise<void>): Promise<PutFigures> {
    this.#send('begin');
    const ended = once(this.#worker, 'message'); // Rejects with an error of the thread.
    const [[message]] = await Promise.all([ended, work().then(() => this.#send('end'))]);
    const { latencies, errors } = message as SteadyPutsResult;
    const histogram = new Histogram();
    histogram.add(latencies);
    return {
      count: histogram.total,
      p50Us: histogram.quantile(0.5),
      p99Us: histogram.quantile(0.99),
      maxUs: histogram.max,
      errors,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  #send(command: SteadyPutsCommand): void {
    this.#worker.postMessage(command);
  }
}
