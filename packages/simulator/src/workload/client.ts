import { StoreError } from '@quorate/kv';
import { ReplicaError } from '@quorate/replica';
import type { Cluster } from '../cluster/cluster.ts';
import type { SimulatedMember } from '../cluster/simulated-member.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { Trace } from '../kernel/trace.ts';
import type { WorkloadPlan } from '../plan/plan.ts';
import type { Answer, Call } from './call.ts';
import { CallGenerator } from './call-generator.ts';
import { describeAnswer, describeCall } from './call-text.ts';
import { toResult } from './call-translation.ts';
import type { HistoryRecorder } from './history-recorder.ts';

/** How a call ended, in the eyes of its client. */
type Outcome =
  | { readonly kind: 'answered'; readonly answer: Answer }
  /** It certainly has no effect. */
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/** After a failure clients wait a little, as real ones do. */
const PAUSE_AFTER_FAILURE_MS = 50;

/** One client: makes one call after the other, at whatever member it likes, until it is stopped. */
export class Client {
  private readonly number: number;
  private readonly kernel: Kernel;
  private readonly trace: Trace;
  private readonly cluster: Cluster;
  private readonly workload: WorkloadPlan;
  private readonly random: RandomStream;
  private readonly recorder: HistoryRecorder;
  private readonly generator: CallGenerator;
  private favourite: number;
  private stopped = false;
  /** Ends the call that is under way because its member's process is gone. */
  private connectionLost: ((host: number) => void) | null = null;

  constructor(parts: {
    readonly number: number;
    readonly kernel: Kernel;
    readonly trace: Trace;
    readonly cluster: Cluster;
    readonly workload: WorkloadPlan;
    readonly random: RandomStream;
    readonly recorder: HistoryRecorder;
  }) {
    this.number = parts.number;
    this.kernel = parts.kernel;
    this.trace = parts.trace;
    this.cluster = parts.cluster;
    this.workload = parts.workload;
    this.random = parts.random;
    this.recorder = parts.recorder;
    this.generator = new CallGenerator(parts.number, parts.workload, parts.random);
    this.favourite = parts.random.integer(parts.cluster.members.length);
  }

  start(): void {
    this.think();
  }

  /** No more calls; the one under way goes on. */
  stop(): void {
    this.stopped = true;
  }

  /** The process on this host died. */
  processDied(host: number): void {
    this.connectionLost?.(host);
  }

  private think(): void {
    this.kernel.schedule(this.random.exponential(this.workload.thinkMeanMs * 1000), () => this.act());
  }

  private act(): void {
    if (this.stopped || this.recorder.count >= this.workload.operationsMax) {
      return;
    }
    if (this.random.chance(0.1)) {
      this.favourite = this.random.integer(this.cluster.members.length);
    }
    const member = this.cluster.members[this.favourite];
    const life = member?.life;
    if (member === undefined || member.replica === null || life === null || life === undefined) {
      this.favourite = this.random.integer(this.cluster.members.length);
      this.kernel.schedule(PAUSE_AFTER_FAILURE_MS * 1000, () => this.act());
      return;
    }
    const call = this.generator.next();
    const invoke = this.recorder.tick();
    this.trace.detail(`c${this.number}`, () => `asks ${member.identity.name}: ${describeCall(call)}`);
    let open = true;
    const end = (outcome: Outcome): void => {
      if (open) {
        open = false;
        this.connectionLost = null;
        this.ended(call, invoke, outcome);
      }
    };
    // A client's patience is a little longer than the deadline that it gives to the member.
    this.kernel.schedule(this.workload.deadlineMs * 1500, () =>
      end({ kind: 'unknown', reason: 'no answer in time' }),
    );
    this.connectionLost = (host) => {
      if (host === member.identity.host) {
        this.kernel.schedule(1000, () => end({ kind: 'unknown', reason: 'the connection is lost' }));
      }
    };
    // The call reaches the process as an event of its own: a paused process takes it up when it goes on.
    life.after(0, () => {
      this.perform(member, call, this.cancellation()).then(
        (answer) => this.answered(life.alive, end, { kind: 'answered', answer }),
        (error: unknown) => this.answered(life.alive, end, outcomeOf(error)),
      );
    });
  }

  /** A process that died in this very event does not get to answer. */
  private answered(alive: boolean, end: (outcome: Outcome) => void, outcome: Outcome): void {
    if (alive) {
      end(outcome);
    }
  }

  /** Now and then a client loses patience at a random time. */
  private cancellation(): AbortSignal | null {
    if (!this.random.chance(this.workload.cancelChance)) {
      return null;
    }
    const controller = new AbortController();
    this.kernel.schedule(this.random.exponential(5000), () => controller.abort());
    return controller.signal;
  }

  private async perform(member: SimulatedMember, call: Call, signal: AbortSignal | null): Promise<Answer> {
    const { replica, clock } = member;
    if (replica === null || clock === null) {
      throw new ReplicaError('stopped', 'the process is gone');
    }
    const deadlineMs = clock.monotonicMs() + this.workload.deadlineMs;
    const options = signal === null ? { deadlineMs } : { deadlineMs, signal };
    if (call.kind === 'command') {
      return { kind: 'command', response: await replica.propose(call.body, options) };
    }
    if (!call.request.serializable) {
      await replica.linearize(options);
    }
    return { kind: 'range', response: replica.store.range(call.request) };
  }

  private learn(answer: Answer): void {
    const result = toResult(answer);
    if (result !== null) {
      this.generator.learn(result);
    }
  }

  private ended(call: Call, invoke: number, outcome: Outcome): void {
    switch (outcome.kind) {
      case 'answered':
        this.recorder.answered(this.number, call, invoke, outcome.answer);
        this.learn(outcome.answer);
        this.trace.detail(`c${this.number}`, () => `is told ${describeAnswer(outcome.answer)}`);
        return this.think();
      case 'unknown':
        this.recorder.unknown(this.number, call, invoke);
        break;
      case 'failed':
        this.recorder.failed();
        break;
    }
    this.trace.detail(`c${this.number}`, () => `gets no answer to ${describeCall(call)}: ${outcome.reason}`);
    this.favourite = this.random.integer(this.cluster.members.length);
    this.kernel.schedule(PAUSE_AFTER_FAILURE_MS * 1000, () => this.act());
  }
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof StoreError) {
    if (error.code === 'installing') {
      return { kind: 'failed', reason: error.code };
    }
    return { kind: 'answered', answer: { kind: 'refused', code: error.code } };
  }
  if (error instanceof ReplicaError) {
    const isUnknown = error.code === 'unknown-outcome' || error.code === 'cancelled';
    return { kind: isUnknown ? 'unknown' : 'failed', reason: error.code };
  }
  // A store that failed, for instance because its engine did, answers with that failure.
  return { kind: 'unknown', reason: String(error) };
}
