import { setTimeout as sleep } from 'node:timers/promises';
import { CallGenerator, type RandomStream, toOperation, type WorkloadPlan } from '@quorate/simulator';
import type { CallHistory } from './call-history.ts';
import type { StoreAccess } from './store-access.ts';

/** After a failure clients wait a little. */
const pauseAfterFailureMs = 50;
/** A call that is given up before its time is given up within this time on average. */
const meanPatienceMs = 10;

/** Makes one call after the other until it is stopped. */
export class ChaosClient {
  /** Calls that were answered. */
  answered = 0;
  readonly #number: number;
  readonly #access: StoreAccess;
  readonly #history: CallHistory;
  readonly #random: RandomStream;
  readonly #workload: WorkloadPlan;
  readonly #generator: CallGenerator;
  #stopping = false;

  constructor(parts: {
    readonly number: number;
    readonly access: StoreAccess;
    readonly history: CallHistory;
    readonly random: RandomStream;
    readonly workload: WorkloadPlan;
  }) {
    this.#number = parts.number;
    this.#access = parts.access;
    this.#history = parts.history;
    this.#random = parts.random;
    this.#workload = parts.workload;
    this.#generator = new CallGenerator(parts.number, parts.workload, parts.random);
  }

  /** Resolves when it was stopped and its last call has ended. */
  async run(): Promise<void> {
    while (!this.#stopping) {
      const operation = toOperation(this.#generator.next());
      const told = await this.#history.call(this.#number, operation, this.#access, this.#patience());
      if (told === null) {
        await sleep(pauseAfterFailureMs);
      } else {
        this.answered += 1;
        this.#generator.learn(told);
        await sleep(this.#random.exponential(this.#workload.thinkMeanMs));
      }
    }
  }

  stop(): void {
    this.#stopping = true;
  }

  /** Now and then a client loses patience at a random time. */
  #patience(): AbortSignal | undefined {
    return this.#random.chance(this.#workload.cancelChance)
      ? AbortSignal.timeout(Math.ceil(this.#random.exponential(meanPatienceMs)))
      : undefined;
  }
}
