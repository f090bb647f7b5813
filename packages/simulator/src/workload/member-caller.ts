import { EngineError, StoreError } from '@quorate/kv';
import { type Call, ReplicaError, type Replica } from '@quorate/replica';
import type { Cluster } from '../cluster/cluster.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { Trace } from '../kernel/trace.ts';

/** After a failure clients wait a little, as real ones do. */
const PAUSE_AFTER_FAILURE_MS = 50;
const DEADLINE_MS = 1500;

/** One piece of work at a member, and what its client does then. */
export type Question<Answer> = {
  readonly what: string;
  readonly perform: (replica: Replica, call: Call) => Promise<Answer>;
  readonly answered: (answer: Answer) => void;
  /** Whether it had an effect is unknown. */
  readonly failed: () => void;
  /** It is over, one way or the other: called before the two above. */
  readonly over?: () => void;
};

/** Asks members on behalf of a client, each time whichever it likes, until the client is stopped. */
export class MemberCaller {
  private readonly name: string;
  private readonly kernel: Kernel;
  private readonly trace: Trace;
  private readonly cluster: Cluster;
  private readonly random: RandomStream;
  private hasStopped = false;

  constructor(parts: {
    readonly name: string;
    readonly kernel: Kernel;
    readonly trace: Trace;
    readonly cluster: Cluster;
    readonly random: RandomStream;
  }) {
    this.name = parts.name;
    this.kernel = parts.kernel;
    this.trace = parts.trace;
    this.cluster = parts.cluster;
    this.random = parts.random;
  }

  get isStopped(): boolean {
    return this.hasStopped;
  }

  /** Whoever looks for a member that is up gives that up. */
  stop(): void {
    this.hasStopped = true;
  }

  /** Asks some member. A client whose connection is lost hears nothing, until it loses its patience. */
  ask<Answer>(question: Question<Answer>): void {
    const { what, perform, answered, failed, over } = question;
    const member = this.random.pick(this.cluster.members);
    const { life, replica, clock } = member;
    if (life === null || replica === null || clock === null) {
      if (!this.hasStopped) this.after(PAUSE_AFTER_FAILURE_MS, () => this.ask(question));
      return;
    }
    this.trace.detail(this.name, () => `asks ${member.identity.name} ${what}`);
    const state = { isOpen: true };
    const close = (then: () => void): void => {
      if (!state.isOpen) return;
      state.isOpen = false;
      over?.();
      then();
    };
    this.after(DEADLINE_MS * 1.5, () => close(failed));
    life.after(0, () => {
      perform(replica, { deadlineMs: clock.monotonicMs() + DEADLINE_MS }).then(
        (answer) => life.alive && close(() => answered(answer)),
        (error: unknown) => {
          if (!(error instanceof ReplicaError || error instanceof StoreError || error instanceof EngineError))
            throw error;
          if (life.alive) close(() => this.after(PAUSE_AFTER_FAILURE_MS, failed));
        },
      );
    });
  }

  after(delayMs: number, callback: () => void): void {
    this.kernel.schedule(delayMs * 1000, callback);
  }
}
