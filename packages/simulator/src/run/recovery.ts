import { StoreError } from '@quorate/kv';
import { ReplicaError } from '@quorate/replica';
import type { Cluster } from '../cluster/cluster.ts';
import type { Report } from '../cluster/run-observer.ts';
import type { SimulatedMember } from '../cluster/simulated-member.ts';
import type { Life } from '../host/life.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Trace } from '../kernel/trace.ts';
import type { RunPlan } from '../plan/plan.ts';
import type { Answer, Call } from '../workload/call.ts';
import type { HistoryRecorder } from '../workload/history-recorder.ts';
import { put, rangeRequest, toBytes } from '../workload/requests.ts';

/** Clients are numbered from 0; the one that asks a recovering member, from here. */
const RECOVERY_CLIENT = 1000;
/** How often an unanswered member is asked again. */
const RETRY_MS = 100;
/** What TCP and restarts may take before anything can be expected of Raft. */
const SETTLING_MS = 6000;
/** How many election timeouts the cluster may take after that. */
const BOUND_ELECTION_TIMEOUTS = 20;

/** A call that is not answered yet. */
type OpenCall = { readonly client: number; readonly call: Call; readonly invoke: number };

/**
 * Liveness: when all faults have ended, every usable member accepts a write and serves a linearizable read
 * within a bound of simulated time, and all come to the same applied index.
 */
export class Recovery {
  private readonly kernel: Kernel;
  private readonly trace: Trace;
  private readonly cluster: Cluster;
  private readonly recorder: HistoryRecorder;
  private readonly report: Report;
  private readonly deadlineUs: number;
  private readonly boundMs: number;
  private readonly waiting = new Set<SimulatedMember>();
  private readonly open = new Set<OpenCall>();
  private recovered: readonly SimulatedMember[] = [];
  private finished = false;
  private startedUs = 0;

  constructor(parts: {
    readonly kernel: Kernel;
    readonly trace: Trace;
    readonly cluster: Cluster;
    readonly plan: RunPlan;
    readonly recorder: HistoryRecorder;
    readonly report: Report;
  }) {
    this.kernel = parts.kernel;
    this.trace = parts.trace;
    this.cluster = parts.cluster;
    this.recorder = parts.recorder;
    this.report = parts.report;
    this.boundMs = boundMs(parts.plan, lastIndexOf(parts.cluster));
    this.startedUs = parts.kernel.nowUs;
    this.deadlineUs = parts.kernel.nowUs + this.boundMs * 1000;
  }

  get isDone(): boolean {
    return this.finished;
  }

  /** Whether a member was among those that came to the same state. One that joins later may still lag. */
  includes(member: SimulatedMember): boolean {
    return this.recovered.includes(member);
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
              const isInstalling = error instanceof StoreError && error.code === 'installing';
              if (!(error instanceof ReplicaError || isInstalling)) {
                throw error; // Nobody handles it, so that the run is judged to have failed.
              }
              this.trace.detail(member.identity.name, () => `does not serve yet: ${String(error)}`);
              asked = null;
            },
          );
        });
      }
      this.kernel.schedule(RETRY_MS * 1000, poll);
    };
    poll();
  }

  /** A write and a read of everything, which become part of the history like those of any client. */
  private async serve(member: SimulatedMember): Promise<void> {
    const everything = rangeRequest({ key: toBytes('\0'), rangeEnd: toBytes('\0') });
    await this.record(member, put('recovery', `${member.identity.name}.${this.recorder.tick()}`));
    await this.record(member, { kind: 'range', request: everything });
  }

  private async record(member: SimulatedMember, call: Call): Promise<void> {
    const client = RECOVERY_CLIENT + member.identity.host;
    const open: OpenCall = { client, call, invoke: this.recorder.tick() };
    this.open.add(open);
    try {
      const answer = await this.perform(member, call);
      if (this.open.has(open)) {
        this.recorder.answered(client, call, open.invoke, answer);
      }
    } catch (error) {
      if (this.open.has(open) && (!(error instanceof ReplicaError) || error.code === 'unknown-outcome')) {
        this.recorder.unknown(client, call, open.invoke);
      }
      throw error;
    } finally {
      this.open.delete(open);
    }
  }

  private async perform(member: SimulatedMember, call: Call): Promise<Answer> {
    const { replica, clock } = member;
    if (replica === null || clock === null) {
      throw new ReplicaError('stopped', 'the process is gone');
    }
    const deadlineMs = clock.monotonicMs() + 1000;
    if (call.kind === 'command') {
      return { kind: 'command', response: await replica.propose(call.body, { deadlineMs }) };
    }
    await replica.linearize({ deadlineMs });
    return { kind: 'range', response: replica.store.range(call.request) };
  }

  private converge(): void {
    if (this.finished) {
      return;
    }
    for (const member of this.waiting) {
      if (!this.cluster.usable.includes(member)) {
        this.waiting.delete(member);
      }
    }
    if (this.waiting.size === 0 && this.haveConverged()) {
      this.finished = true;
      this.recovered = [...this.cluster.usable];
      this.leaveOpenCalls();
      this.tookMs = (this.kernel.nowUs - this.startedUs) / 1000;
      this.trace.story(
        'cluster',
        `serves again on every member, ${this.tookMs.toFixed(0)} ms after the faults`,
      );
      return;
    }
    this.kernel.schedule(RETRY_MS * 1000, () => this.converge());
  }

  /** A member that was removed meanwhile may still be asked: what it was asked for may have happened. */
  private leaveOpenCalls(): void {
    for (const { client, call, invoke } of this.open) {
      this.recorder.unknown(client, call, invoke);
    }
    this.open.clear();
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

/** The longest log of any member that is up. */
function lastIndexOf(cluster: Cluster): number {
  return Math.max(0, ...cluster.members.map(({ replica }) => replica?.status().lastIndex ?? 0));
}

function boundMs(plan: RunPlan, logLength: number): number {
  const { tickMs, electionTimeoutTicks, disk, network, mode, transfer, workload } = plan;
  // Vanilla Raft sends a follower that lags one entry per round trip, and whoever was down may lack them all.
  const catchUpUs = mode === 'vanilla' ? logLength * (6 * network.delayMeanUs + 4 * disk.syncMeanUs) : 0;
  // Whoever needs a snapshot fetches it piece by piece.
  const pieces = (logLength * (workload.valueBytes + 100)) / transfer.chunkMaxBytes;
  const transferUs = pieces * (6 * network.delayMeanUs + disk.syncMeanUs);
  const disksUs = disk.syncMeanUs * 200;
  return (
    SETTLING_MS +
    BOUND_ELECTION_TIMEOUTS * tickMs * electionTimeoutTicks +
    (disksUs + catchUpUs + transferUs) / 1000
  );
}
