import type { Cluster } from '../cluster/cluster.ts';
import type { Report } from '../cluster/run-observer.ts';
import type { SimulatedMember } from '../cluster/simulated-member.ts';
import type { Life } from '../host/life.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Trace } from '../kernel/trace.ts';
import type { RunPlan } from '../plan/plan.ts';
import { put } from '../workload/requests.ts';

/** How often an unanswered member is asked again. */
const RETRY_MS = 100;
/** What TCP and restarts may take before anything can be expected of Raft. */
const SETTLING_MS = 6000;
/** How many election timeouts the cluster may take after that. */
const BOUND_ELECTION_TIMEOUTS = 20;

/**
 * Liveness: when all faults have ended, every usable member accepts a write and serves a linearizable read
 * within a bound of simulated time, and all come to the same applied index.
 */
export class Recovery {
  private readonly kernel: Kernel;
  private readonly trace: Trace;
  private readonly cluster: Cluster;
  private readonly report: Report;
  private readonly deadlineUs: number;
  private readonly boundMs: number;
  private readonly waiting = new Set<SimulatedMember>();
  private finished = false;
  private startedUs = 0;

  constructor(parts: {
    readonly kernel: Kernel;
    readonly trace: Trace;
    readonly cluster: Cluster;
    readonly plan: RunPlan;
    readonly report: Report;
  }) {
    this.kernel = parts.kernel;
    this.trace = parts.trace;
    this.cluster = parts.cluster;
    this.report = parts.report;
    const { tickMs, electionTimeoutTicks, disk } = parts.plan;
    this.boundMs =
      SETTLING_MS + BOUND_ELECTION_TIMEOUTS * tickMs * electionTimeoutTicks + (disk.syncMeanUs / 1000) * 200;
    this.startedUs = parts.kernel.nowUs;
    this.deadlineUs = parts.kernel.nowUs + this.boundMs * 1000;
  }

  get isDone(): boolean {
    return this.finished;
  }

  /** Simulated time that the cluster took, in milliseconds. */
  tookMs = 0;

  start(): void {
    for (const member of this.cluster.usable) {
      this.waiting.add(member);
      this.ask(member);
    }
    this.kernel.schedule(this.deadlineUs - this.kernel.nowUs, () => this.judge());
    this.converge();
  }

  /** Asks a member until it has served, one call at a time, and anew when its process is another one. */
  private ask(member: SimulatedMember): void {
    let asked: Life | null = null;
    const poll = (): void => {
      if (this.finished || !this.waiting.has(member)) {
        return;
      }
      const { life } = member;
      if (life !== null && life !== asked && member.replica !== null) {
        asked = life;
        life.after(0, () => {
          this.serve(member).then(
            () => this.waiting.delete(member),
            (error: unknown) => {
              this.trace.detail(member.identity.name, `does not serve yet: ${String(error)}`);
              asked = null;
            },
          );
        });
      }
      this.kernel.schedule(RETRY_MS * 1000, poll);
    };
    poll();
  }

  private async serve(member: SimulatedMember): Promise<void> {
    const { replica, clock, identity } = member;
    const call = put('recovery', identity.name);
    if (replica === null || clock === null || call.kind !== 'command') {
      throw new Error('it is not up');
    }
    await replica.propose(call.body, { deadlineMs: clock.monotonicMs() + 1000 });
    await replica.linearize({ deadlineMs: clock.monotonicMs() + 1000 });
  }

  private converge(): void {
    if (this.finished) {
      return;
    }
    for (const member of this.waiting) {
      if (this.cluster.isLost(member)) {
        this.waiting.delete(member);
      }
    }
    if (this.waiting.size === 0 && this.haveConverged()) {
      this.finished = true;
      this.tookMs = (this.kernel.nowUs - this.startedUs) / 1000;
      this.trace.story(
        'cluster',
        `serves again on every member, ${this.tookMs.toFixed(0)} ms after the faults`,
      );
      return;
    }
    this.kernel.schedule(RETRY_MS * 1000, () => this.converge());
  }

  private haveConverged(): boolean {
    const { usable } = this.cluster;
    const first = usable[0]?.replica?.status();
    return usable.every(({ replica }) => {
      const status = replica?.status();
      return (
        first !== undefined &&
        status !== undefined &&
        status.appliedIndex === first.appliedIndex &&
        status.lastIndex === status.appliedIndex
      );
    });
  }

  private judge(): void {
    if (this.finished) {
      return;
    }
    const states = this.cluster.usable.map(({ identity, replica }) => {
      const status = replica?.status();
      const state =
        status === undefined
          ? 'down'
          : `${status.role} in term ${status.term}, log ${status.lastIndex}, commit ${status.commitIndex}, applied ${status.appliedIndex}`;
      return `${identity.name} ${state}`;
    });
    const names = [...this.waiting].map((member) => member.identity.name);
    const who =
      names.length > 0 ? `${names.join(', ')} did not serve` : 'the members did not come to the same state';
    this.report({
      property: 'liveness',
      explanation: `${who} within ${this.boundMs} ms after all faults had ended: ${states.join('; ')}`,
    });
  }
}
