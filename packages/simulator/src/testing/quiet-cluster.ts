import assert from 'node:assert/strict';
import type { Replica } from '@quorate/replica';
import { durableMemoryMedium, EngineHost } from '../cluster/engine-host.ts';
import { Cluster } from '../cluster/cluster.ts';
import { Audience } from '../cluster/run-observer.ts';
import { Kernel } from '../kernel/kernel.ts';
import { streamOf } from '../kernel/random-stream.ts';
import { Trace } from '../kernel/trace.ts';
import type { RunPlan } from '../plan/plan.ts';
import { planWith } from '../scenarios/scenario.ts';

/** A cluster of three without faults or clients: nothing happens to it but what a test does. */
export class QuietCluster {
  readonly plan: RunPlan;
  readonly kernel = new Kernel();
  readonly trace = new Trace(this.kernel, 'off');
  readonly cluster: Cluster;

  private constructor(changes: Partial<Omit<RunPlan, 'seed' | 'faults'>>) {
    this.plan = planWith(1, { members: 3 }, changes, []);
    const { plan, kernel, trace } = this;
    this.cluster = new Cluster({
      plan,
      kernel,
      trace,
      audience: new Audience([]),
      engineHostOf: (host) => new EngineHost(durableMemoryMedium(), streamOf(plan.seed, `engine.${host}`)),
      judgeEnd: (_member, { error }) => assert.fail(error),
    });
  }

  /** Resolves when it has a leader. */
  static async start(changes: Partial<Omit<RunPlan, 'seed' | 'faults'>>): Promise<QuietCluster> {
    const quiet = new QuietCluster(changes);
    quiet.cluster.startAll();
    await quiet.until(() => quiet.cluster.leader !== null);
    return quiet;
  }

  get leader(): Replica {
    return this.cluster.leader?.replica ?? assert.fail('nobody leads');
  }

  /** Lets simulated time pass until something is so. */
  async until(condition: () => boolean): Promise<void> {
    const { kernel } = this;
    await kernel.run(kernel.nowUs + 60_000_000, condition);
    assert(condition(), 'nothing came of it in a minute of simulated time');
  }

  /** Lets simulated time pass until an answer is there. */
  async answerOf<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    const state: { answer: Promise<Answer> | null } = { answer: null };
    this.kernel.schedule(0, () => {
      const asked = ask();
      void asked.finally(() => {
        state.answer = asked;
      });
    });
    await this.until(() => state.answer !== null);
    return state.answer ?? assert.fail();
  }
}
