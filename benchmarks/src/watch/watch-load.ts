import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { QuorateClient } from '@quorate/client';
import { Histogram } from '../histogram.ts';
import type { WatchBenchmarkOptions } from './watch-options.ts';
import { WatchReceiver } from './watch-receiver.ts';

/** What the watchers saw while it was measured. */
export type WatchOutcome = {
  readonly seconds: number;
  readonly puts: number;
  /** From when a put was sent until a watcher was told of it, in microseconds: one value for each event. */
  readonly delays: Histogram;
};

type Put = { readonly sentMs: number; waiting: number; readonly done: () => void };

/** Digits of a put's number, with which its value begins. */
const numberDigits = 16;
const startTimeoutMs = 30_000;

/** Watches, writes, and measures; `mark` is called when the measurement starts and when it ends. */
export async function runWatchLoad(
  endpoints: readonly string[],
  keys: number,
  options: WatchBenchmarkOptions,
  mark: () => void,
): Promise<WatchOutcome> {
  const load = new WatchLoad(keys, options);
  try {
    await load.open(endpoints);
    const writing = load.write();
    await sleep(options.warmUpSeconds * 1000);
    load.measure();
    mark();
    const startMs = performance.now();
    await Promise.race([sleep(options.durationSeconds * 1000), writing]);
    const outcome = load.outcome(performance.now() - startMs);
    mark();
    load.stop();
    await writing;
    return outcome;
  } finally {
    await load.close();
  }
}

class WatchLoad {
  readonly #keys: number;
  readonly #options: WatchBenchmarkOptions;
  readonly #underWay = new Map<number, Put>();
  #receivers: WatchReceiver[] = [];
  #client: QuorateClient | null = null;
  #delays = new Histogram();
  #puts = 0;
  #next = 0;
  #stopping = false;

  constructor(keys: number, options: WatchBenchmarkOptions) {
    this.#keys = keys;
    this.#options = options;
  }

  async open(endpoints: readonly string[]): Promise<void> {
    const { watchers, streams } = this.#options;
    this.#client = new QuorateClient({ endpoints });
    await this.#client.get('k0', { timeoutMs: startTimeoutMs });
    const watched = Array.from({ length: watchers }, (_, index) => `k${index % this.#keys}`);
    for (let stream = 0; stream < streams; stream += 1) {
      const mine = watched.filter((_, index) => index % streams === stream);
      const url = endpoints[stream % endpoints.length] ?? '';
      this.#receivers.push(await WatchReceiver.open(url, mine, (value) => this.#told(value)));
    }
  }

  measure(): void {
    this.#delays = new Histogram();
    this.#puts = 0;
  }

  outcome(elapsedMs: number): WatchOutcome {
    return { seconds: elapsedMs / 1000, puts: this.#puts, delays: this.#delays };
  }

  /** Puts key after key until `stop`, and resolves when all watchers were told. */
  async write(): Promise<void> {
    const writers = this.#keys === 1 ? 1 : this.#options.inFlight;
    await Promise.all(Array.from({ length: writers }, () => this.#writeOn()));
  }

  stop(): void {
    this.#stopping = true;
  }

  async close(): Promise<void> {
    for (const receiver of this.#receivers) receiver.close();
    this.#receivers = [];
    await this.#client?.close();
  }

  async #writeOn(): Promise<void> {
    const { valueSizeBytes, watchers } = this.#options;
    while (!this.#stopping) {
      const number = this.#next;
      this.#next += 1;
      const key = number % this.#keys;
      const waiting = Math.floor((watchers - 1 - key) / this.#keys) + 1;
      const told = Promise.withResolvers<void>();
      this.#underWay.set(number, { sentMs: performance.now(), waiting, done: told.resolve });
      const value = String(number).padStart(numberDigits, '0').padEnd(valueSizeBytes, '.');
      await this.#client?.put(`k${key}`, value);
      await told.promise;
      this.#puts += 1;
    }
  }

  #told(value: Uint8Array): void {
    const number = Number(Buffer.from(value.buffer, value.byteOffset, numberDigits).toString('latin1'));
    const put = this.#underWay.get(number);
    if (put === undefined) return;
    this.#delays.record((performance.now() - put.sentMs) * 1000);
    put.waiting -= 1;
    if (put.waiting > 0) return;
    this.#underWay.delete(number);
    put.done();
  }
}
