import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Store, StoreError } from '@quorate/kv';
import type { RaftCore } from '@quorate/raft';
import { Cluster } from '../cluster/cluster.ts';
import { Audience, type MemberIdentity, type RunObserver, type Violation } from '../cluster/run-observer.ts';
import type { SimulatedMember } from '../cluster/simulated-member.ts';
import { FaultInjector } from '../faults/fault-injector.ts';
import { Kernel } from '../kernel/kernel.ts';
import { streamOf } from '../kernel/random-stream.ts';
import { Trace, type TraceLevel } from '../kernel/trace.ts';
import type { NetworkCounts } from '../network/wire.ts';
import type { RunPlan, WorkloadPlan } from '../plan/plan.ts';
import { NO_WEIGHTS } from '../plan/workloads.ts';
import { Client } from '../workload/client.ts';
import { HistoryRecorder } from '../workload/history-recorder.ts';
import { rangeRequest, toBytes, toText } from '../workload/requests.ts';
import { WatchingClient } from '../workload/watching-client.ts';
import { checkLeasePromises } from '../checkers/lease-promises.ts';
import { checkLeasesOverdue } from '../checkers/lease-overdue.ts';
import { LeaseEnds } from '../checkers/lease-ends.ts';
import type { LeaseRecord } from '../workload/lease-record.ts';
import { LeaseClient } from '../workload/lease-client.ts';
import { Checkers } from './checkers.ts';
import { EngineHosts } from './engine-hosts.ts';
import { judgeHistory } from './judge-history.ts';
import { type LockFigures, LockWorkload } from './lock-workload.ts';
import { LogReplay } from './log-replay.ts';
import { judgeWatches } from './judge-watches.ts';
import { judgeProcessEnd } from './process-ends.ts';
import { Recovery } from './recovery.ts';
import { SnapshotCounts, type SnapshotFigures } from './snapshot-counts.ts';

/** What a run was, and how it ended. */
export type RunResult = {
  readonly plan: RunPlan;
  readonly violation: Violation | null;
  readonly trace: readonly string[];
  readonly figures: RunFigures;
};

export type RunFigures = {
  readonly events: number;
  readonly simulatedMs: number;
  readonly operations: { readonly answered: number; readonly unknown: number; readonly failed: number };
  readonly messages: NetworkCounts;
  /** Processes that ended, by crash or by themselves. */
  readonly deaths: number;
  /** Simulated time from the end of the faults until every member served. */
  readonly recoveryMs: number;
  /** True if the search for a linearization gave up: nothing is known about this history then. */
  readonly undecided: boolean;
  readonly snapshots: SnapshotFigures;
  readonly locks: LockFigures;
};

/** How long clients that watch may take to hear everything, in simulated milliseconds. */
const WATCHERS_BOUND_MS = 20_000;

/** Runs a plan from start to end, or to the first violation. The result depends on nothing but the plan. */
export async function runPlan(plan: RunPlan, level: TraceLevel): Promise<RunResult> {
  const engineHosts = EngineHosts.create(plan);
  const rejections = new UnhandledRejections();
  try {
    const run = new Run(plan, level, engineHosts);
    await run.execute();
    await nextTurn(); // Node reports rejections that nobody handled when it comes to its event loop.
    return run.result(rejections.first);
  } finally {
    rejections.close();
    await engineHosts.close();
  }
}

class Run {
  private readonly plan: RunPlan;
  private readonly kernel: Kernel;
  private readonly trace: Trace;
  private readonly checkers: Checkers;
  private readonly recorder: HistoryRecorder;
  private readonly cluster: Cluster;
  private readonly injector: FaultInjector;
  private readonly clients: readonly Client[];
  private readonly watchers: readonly WatchingClient[];
  private readonly lessors: readonly LeaseClient[];
  private readonly locks: LockWorkload;
  private readonly leaseEnds: LeaseEnds;
  private recovery: Recovery | null = null;
  private violation: Violation | null = null;
  private readonly snapshotCounts = new SnapshotCounts();
  private undecided = false;
  private deaths = 0;
  private latestLeaderTerm = 0;
  private watchersDeadlineUs: number | null = null;
  private servingSinceUs: number | null = null;

  constructor(plan: RunPlan, level: TraceLevel, engineHosts: EngineHosts) {
    this.plan = plan;
    this.kernel = new Kernel(plan.engine === 'lmdb' ? 'never-fire' : 'forbidden');
    this.trace = new Trace(this.kernel, level);
    const report = (violation: Violation): void => this.report(violation);
    this.checkers = new Checkers(report, plan);
    this.leaseEnds = new LeaseEnds(() => this.kernel.nowUs);
    this.recorder = new HistoryRecorder((write) => this.checkers.acknowledged(write));
    const watcher: RunObserver = {
      processDied: (member) => this.processDied(member),
      messageSent: (message) => this.injector.messageSent(message),
      coreStepped: (member, core, input) => {
        this.noteLeader(member, core);
        this.snapshotCounts.observe(member.host, input);
        if (input.type === 'applied') {
          this.observeStore(member, false);
        } else if (input.type === 'snapshot-installed') {
          this.observeStore(member, true);
        } else if (input.type === 'tick') {
          this.observeBacklog(member);
        }
      },
      coreRestored: (member) => this.observeStore(member, false),
    };
    this.cluster = new Cluster({
      plan,
      kernel: this.kernel,
      trace: this.trace,
      audience: new Audience([
        ...this.checkers.observers,
        watcher,
        ...(plan.leases.clients > 0 ? [this.leaseEnds] : []),
      ]),
      engineHostOf: (host) => engineHosts.of(host),
      judgeEnd: (member, end) =>
        judgeProcessEnd(member, end, this.injector.injectedInto(member), report, (id) =>
          this.cluster.isMember(id),
        ),
    });
    const { kernel, trace, cluster, recorder } = this;
    this.injector = new FaultInjector({ kernel, trace, cluster, random: streamOf(plan.seed, 'faults') });
    this.clients = workloadsOf(plan).map(
      (workload, number) =>
        new Client({
          number,
          kernel,
          trace,
          cluster,
          workload,
          random: streamOf(plan.seed, `client.${number}`),
          recorder,
        }),
    );
    this.watchers = Array.from({ length: plan.watch.clients }, (_, number) => {
      const random = streamOf(plan.seed, `watcher.${number}`);
      const { keys } = plan.workload;
      return new WatchingClient({ number, kernel, trace, cluster, plan: plan.watch, keys, random });
    });
    this.lessors = Array.from({ length: plan.leases.clients }, (_, number) => {
      const random = streamOf(plan.seed, `lessor.${number}`);
      return new LeaseClient({ number, kernel, trace, cluster, plan: plan.leases, random });
    });
    this.locks = new LockWorkload(plan, { kernel, trace, cluster });
  }

  async execute(): Promise<void> {
    this.cluster.startAll();
    this.injector.schedule(this.plan.faults);
    for (const client of this.clients) {
      client.start();
    }
    for (const client of [...this.watchers, ...this.lessors]) {
      client.start();
    }
    this.locks.start();
    this.kernel.schedule(this.plan.durationMs * 1000, () => this.recover());
    try {
      await this.kernel.run(Number.MAX_SAFE_INTEGER, () => this.isOver);
      if (this.violation === null) {
        this.judgeEnd();
      }
    } catch (error) {
      // Something spins without simulated time passing, or threw where nothing may throw.
      this.report({ property: 'broken-run', explanation: textOf(error) });
    }
  }

  result(rejection: unknown): RunResult {
    if (rejection !== null) {
      this.report({ property: 'unhandled-rejection', explanation: `nobody handled ${textOf(rejection)}` });
    }
    const { plan, violation, trace, kernel, recorder, cluster, deaths, undecided, recovery } = this;
    return {
      plan,
      violation,
      trace: trace.lines,
      figures: {
        events: kernel.eventCount,
        simulatedMs: Math.round(kernel.nowUs / 1000),
        operations: recorder.counts,
        messages: cluster.network.counts,
        deaths,
        recoveryMs: recovery?.tookMs ?? 0,
        undecided,
        snapshots: this.snapshotCounts.figures,
        locks: this.locks.figures,
      },
    };
  }

  private get isOver(): boolean {
    if (this.violation !== null) return true;
    // A follower may fetch a snapshot even after the faults; what its state machine holds is not to be read then.
    const isInstalling = this.cluster.usable.some(({ store }) => store?.isInstalling === true);
    if (!(this.recovery?.isDone ?? false) || isInstalling) return false;
    return this.haveWatchersSeenAll() && this.haveLeasesEnded();
  }

  /** The time of faults and clients is over. */
  private recover(): void {
    for (const client of [...this.clients, ...this.lessors]) {
      client.stop();
    }
    this.locks.stop();
    this.injector.stop();
    this.cluster.retireStrangers();
    const { kernel, trace, cluster, plan, recorder } = this;
    this.recovery = new Recovery({
      kernel,
      trace,
      cluster,
      plan,
      recorder,
      report: (violation) => this.report(violation),
    });
    this.recovery.start();
    for (const watcher of this.watchers) {
      watcher.finish();
    }
  }

  /** Liveness of watches: when the members serve again, whoever watches hears everything within a bound. */
  private haveWatchersSeenAll(): boolean {
    const revision = Math.max(0, ...this.cluster.usable.map(({ store }) => store?.revision ?? 0));
    const waiting = this.watchers.filter((watcher) => !watcher.hasSeen(revision));
    if (waiting.length === 0) return true;
    this.watchersDeadlineUs ??= this.kernel.nowUs + WATCHERS_BOUND_MS * 1000;
    if (this.kernel.nowUs < this.watchersDeadlineUs) return false;
    const names = waiting.map(({ name, position }) => `${name} (${position})`).join(', ');
    const explanation = `${names} did not hear everything up to revision ${revision} within ${WATCHERS_BOUND_MS} ms after all members served`;
    this.report({ property: 'watch-liveness', explanation });
    return true;
  }

  /** Nobody keeps a lease alive any more, so that all must end within their bounds. */
  private haveLeasesEnded(): boolean {
    const records = this.leaseRecords;
    const exists = (id: bigint): boolean => this.cluster.usable.some(({ store }) => mayHaveLease(store, id));
    if (!records.some(({ id }) => exists(id))) return true;
    this.servingSinceUs ??= this.kernel.nowUs;
    const overdue = checkLeasesOverdue(records, exists, {
      servingSinceUs: this.servingSinceUs,
      nowUs: this.kernel.nowUs,
      slowestRate: Math.min(...this.cluster.clockRates),
    });
    if (overdue !== null) this.report(overdue);
    return false;
  }

  private judgeEnd(): void {
    for (const member of this.cluster.usable) {
      this.observeStore(member.identity, true);
      if (this.recovery?.includes(member) === true) this.judgeDurability(member);
    }
    this.checkers.revisionOrder.finish();
    const replay = LogReplay.run(this.checkers.stateMachineSafety.appliedEntries);
    for (const request of replay.requests) {
      this.checkers.atMostOnce.observe(request, request.index);
    }
    const { store } = replay;
    this.checkers.stateDigest.observe('the replayed log', store.appliedIndex, () => store.digest(), true);
    if (this.plan.leases.clients > 0) {
      this.judgeLeases(replay);
    }
    const verdict = judgeHistory(this.recorder.records, replay);
    if (verdict.kind === 'violation') {
      this.report({ property: 'linearizability', explanation: verdict.explanation });
    }
    this.undecided = verdict.kind === 'undecided';
    const watches = this.watchers.flatMap(({ records }) => records);
    const wrong = judgeWatches(watches, replay.truth) ?? this.locks.judge(replay);
    if (wrong !== null) {
      this.report(wrong);
    }
  }

  private judgeLeases({ leaseViolation }: LogReplay): void {
    const records = this.leaseRecords;
    const fastestRate = Math.max(...this.cluster.clockRates);
    const broken = checkLeasePromises(records, (id) => this.leaseEnds.of(id), fastestRate) ?? leaseViolation;
    if (broken !== null) {
      this.report(broken);
    }
  }

  private get leaseRecords(): readonly LeaseRecord[] {
    return [...this.lessors.flatMap(({ records }) => records), ...this.locks.leases];
  }

  private judgeDurability(member: SimulatedMember): void {
    const { store } = member;
    if (store === null) {
      return;
    }
    this.checkers.durability.finish(member.identity.name, store.compactedRevision, (key, revision) => {
      const kv = store.range(rangeRequest({ key: toBytes(key), revision })).kvs[0];
      return kv === undefined ? null : { value: toText(kv.value), modRevision: kv.modRevision };
    });
  }

  private observeStore(identity: MemberIdentity, always: boolean): void {
    const store = this.cluster.at(identity.host)?.store;
    if (store !== null && store !== undefined && !store.isInstalling) {
      this.checkers.revisionOrder.observe(identity.name, store.appliedIndex, store.revision);
      this.checkers.stateDigest.observe(identity.name, store.appliedIndex, () => store.digest(), always);
    }
  }

  private noteLeader({ host }: MemberIdentity, { role, term }: RaftCore): void {
    const member = this.cluster.at(host);
    if (role === 'leader' && term > this.latestLeaderTerm && member !== undefined) {
      this.latestLeaderTerm = term;
      this.injector.leaderElected(member);
    }
  }

  private observeBacklog(identity: MemberIdentity): void {
    const backlog = this.cluster.at(identity.host)?.replica?.measures();
    if (backlog !== undefined) {
      this.checkers.boundedMemory.observeBacklog(identity, backlog);
    }
  }

  private processDied(member: MemberIdentity): void {
    this.deaths += 1;
    for (const client of [...this.clients, ...this.watchers]) {
      client.processDied(member.host);
    }
  }

  private report(violation: Violation): void {
    if (this.violation === null) {
      this.violation = violation;
      this.trace.story('VIOLATION', `${violation.property}: ${violation.explanation}`);
    }
  }
}

/** A store that is taking over a snapshot does not tell. */
function mayHaveLease(store: Store | null, id: bigint): boolean {
  try {
    return store?.lease(id) !== undefined;
  } catch (error) {
    if (error instanceof StoreError) return true;
    throw error;
  }
}

/** What each client does. If the plan says so, there is one more, which compacts. */
function workloadsOf({ workload, watch }: RunPlan): readonly WorkloadPlan[] {
  const workloads = Array.from({ length: workload.clients }, () => workload);
  if (watch.compactMeanMs === null) return workloads;
  const weights = { ...NO_WEIGHTS, get: 1, compact: 1 };
  return [...workloads, { ...workload, thinkMeanMs: watch.compactMeanMs / 2, weights }];
}

/** Promises that were rejected while a run went on, and that nobody handled. */
class UnhandledRejections {
  first: unknown = null;
  private readonly note = (reason: unknown): void => {
    this.first ??= reason;
  };

  constructor() {
    process.on('unhandledRejection', this.note);
  }

  close(): void {
    process.off('unhandledRejection', this.note);
  }
}

function textOf(rejection: unknown): string {
  return rejection instanceof Error ? (rejection.stack ?? rejection.message) : String(rejection);
}
