import { join } from 'node:path';
import { QuorateClient } from '@quorate/client';
import { drawWorkload, streamOf, type WorkloadPlan } from '@quorate/simulator';
import { eventually } from '../system/harness/eventually.ts';
import { TestCluster } from '../system/harness/test-cluster.ts';
import { Auditor } from './auditor.ts';
import { CallHistory } from './call-history.ts';
import { ChaosClient } from './chaos-client.ts';
import type { ChaosOptions } from './chaos-options.ts';
import { ChaosWatcher, judgeWatchers } from './chaos-watcher.ts';
import { FaultInjector } from './fault-injector.ts';
import { judge } from './judge.ts';
import { LinkProxy } from './link-proxy.ts';
import { Members } from './members.ts';
import { clientsParty, Network } from './network.ts';
import type { Fault, FaultKind } from './schedule.ts';
import { accessThrough, type StoreAccess } from './store-access.ts';

/** One property: what speaks against it, in words, or null. */
export type Check = { readonly property: string; readonly problem: string | null };

export type ChaosFigures = {
  readonly answered: number;
  readonly unknown: number;
  readonly failed: number;
  readonly failures: ReadonlyMap<string, number>;
  readonly revision: number;
  readonly term: number;
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly killed: number;
  readonly restarted: number;
  readonly skipped: number;
  /** Snapshots that members fetched from each other, because the log did not go back far enough. */
  readonly snapshots: number;
  /** Pieces of data that went through proxies. */
  readonly chunks: number;
  /** From the end of the faults until every client was served again. */
  readonly recoveryMs: number | null;
  readonly judgeMs: number;
};

export type ChaosOutcome = {
  readonly checks: readonly Check[];
  readonly figures: ChaosFigures;
  readonly history: CallHistory;
};

/** Quick elections, and a short log: who was away for a second needs a snapshot. So much happens in a minute. */
const memberFlags = [
  '--heartbeat-interval=50',
  '--election-timeout=500',
  '--snapshot-count=100',
  '--snapshot-catchup-entries=10',
  '--log-level=info',
];

/** How many clients talk to each member alone, and to whoever answers. */
const clientsPerMember = 2;
const roamingClients = 2;
/** The cluster is live again when each client had so many answers since the faults ended. */
const answersToRecover = 10;

/** A cluster whose members and clients reach each other through proxies, and those who call it and harm it. */
export class ChaosRun implements AsyncDisposable {
  readonly cluster: TestCluster;
  readonly history = new CallHistory();
  readonly #stack: AsyncDisposableStack;
  readonly #network: Network;
  readonly #members: Members;
  readonly #clients: readonly ChaosClient[];
  readonly #watchers: readonly ChaosWatcher[];
  readonly #auditor: Auditor;
  readonly #injector: FaultInjector;

  private constructor(parts: {
    readonly options: ChaosOptions;
    readonly cluster: TestCluster;
    readonly network: Network;
    readonly doors: readonly string[];
    readonly stack: AsyncDisposableStack;
    readonly tell: (line: string) => void;
    readonly wrap: (access: StoreAccess) => StoreAccess;
  }) {
    const { options, cluster, network, doors, stack, tell, wrap } = parts;
    this.cluster = cluster;
    this.#stack = stack;
    this.#network = network;
    this.#members = new Members(cluster);
    this.#injector = new FaultInjector(this.#members, network, tell);
    const random = streamOf(options.seed, 'chaos.workload');
    const workload: WorkloadPlan = {
      ...drawWorkload(random, 'everything'),
      keys: random.between(2, 8),
      thinkMeanMs: random.pick([5, 10, 20]),
      cancelChance: 0.01,
    };
    const accessTo = (endpoints: readonly string[]): StoreAccess => {
      const client = new QuorateClient({ endpoints, timeoutMs: random.pick([500, 2_000, 6_000]) });
      stack.use(client);
      return wrap(accessThrough(client));
    };
    const loyal = doors.flatMap((door) => Array.from({ length: clientsPerMember }, () => [door]));
    const roaming = Array.from({ length: roamingClients }, () => doors);
    this.#clients = [...loyal, ...roaming].map(
      (endpoints, number) =>
        new ChaosClient({
          number,
          access: accessTo(endpoints),
          history: this.history,
          random: streamOf(options.seed, `chaos.client.${number}`),
          // The auditor compacts.
          workload: { ...workload, weights: { ...workload.weights, compact: 0 } },
        }),
    );
    // One watches at each member and nowhere else, one wherever it is served.
    this.#watchers = [...doors.map((door) => [door]), doors].map((endpoints, number) => {
      const client = stack.use(new QuorateClient({ endpoints }));
      return new ChaosWatcher(number, (startRevision) =>
        client.watch({ prefix: '' }, { startRevision, previous: true }),
      );
    });
    this.#auditor = new Auditor(this.#clients.length, accessTo(doors), this.history);
  }

  /** Starts the cluster. `wrap` may falsify what clients see, to find out whether anybody notices. */
  static async start(
    options: ChaosOptions,
    tell: (line: string) => void,
    wrap: (access: StoreAccess) => StoreAccess = (access) => access,
  ): Promise<ChaosRun> {
    await using stack = new AsyncDisposableStack();
    const network = new Network();
    const cluster = await TestCluster.prepare({
      members: options.members,
      flags: [
        ...memberFlags,
        `--engine=${options.engine}`,
        `--replication=${options.replication}`,
        `--reads=${options.reads}`,
      ],
      exposePeer: async (name, port) => stack.use(await LinkProxy.forPeers(network, name, port)).port,
    });
    stack.use(cluster);
    const doors: string[] = [];
    for (const { name, plan } of cluster.members) {
      const proxy = await LinkProxy.forClients(network, name, plan.clientPort, clientsParty);
      doors.push(stack.use(proxy).endpoint);
    }
    for (const member of cluster.members) {
      member.start();
    }
    await cluster.leader();
    for (const member of cluster.members) {
      network.introduce((await cluster.status(member)).memberId, member.name);
    }
    // From now on the proxies know who dials.
    network.resetAll();
    return new ChaosRun({ options, cluster, network, doors, stack: stack.move(), tell, wrap });
  }

  /** How things stand, for people who wait. */
  progress(): readonly string[] {
    const { answered, unknown, failed } = this.history.counts;
    const harm = [...this.#injector.counts.values()].reduce((sum, count) => sum + count, 0);
    return [`${answered} calls answered`, `${unknown} unknown`, `${failed} failed`, `${harm} faults`];
  }

  /** Calls and faults until the last fault is over and the cluster is live again; then everything is judged. */
  async run(faults: readonly Fault[]): Promise<ChaosOutcome> {
    const callers = [...this.#clients, this.#auditor];
    const watches = Promise.all(this.#watchers.map((watcher) => watcher.run()));
    const calls = Promise.all(callers.map((caller) => caller.run()));
    const checks: Check[] = [];
    const faultsAndRecovery = async (): Promise<number | null> => {
      await this.#injector.run(faults);
      const healedMs = performance.now();
      const problem = await problemOf(this.#recover());
      checks.push({ property: 'live again after the faults', problem });
      return problem === null ? performance.now() - healedMs : null;
    };
    const recovery = faultsAndRecovery().finally(() => {
      for (const caller of callers) {
        caller.stop();
      }
    });
    // If a caller fails, nobody waits for the rest.
    await Promise.race([calls, recovery.then(() => calls), watches.then(() => calls)]);
    const recoveryMs = await recovery;
    checks.push({
      property: 'the members agree',
      problem: await problemOf(this.#agree()),
    });
    checks.push({
      property: 'watchers are told everything',
      problem: (await problemOf(this.#hear())) ?? judgeWatchers(this.#watchers, this.history.records),
    });
    await Promise.all(this.#watchers.map((watcher) => watcher.stop()));
    await watches;
    this.#members.checkRunning(this.#members.all);
    const { problems } = this.#members;
    checks.push({
      property: 'processes end only when they are told to',
      problem: problems.length === 0 ? null : problems.join('\n'),
    });
    const term = await this.#members.term();
    await this.history.save(join(this.cluster.directory, 'history.jsonl'));
    const startedMs = performance.now();
    checks.push({ property: 'linearizability', problem: judge(this.history.records) });
    const figures = this.#figures(term, recoveryMs, performance.now() - startedMs);
    return { checks, figures, history: this.history };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }

  /** Every client, and so every member, is served again. */
  async #recover(): Promise<void> {
    const wanted = this.#clients.map((client) => client.answered + answersToRecover);
    await eventually('every client is served', () => {
      const waiting = this.#clients.filter((client, index) => client.answered < (wanted[index] ?? 0));
      if (waiting.length > 0) {
        throw new Error(`${waiting.length} of ${this.#clients.length} clients wait`);
      }
    });
  }

  /** Reads what is still open of the history, and compares the members. */
  async #agree(): Promise<void> {
    await eventually('the last revisions are read', async () => {
      if (!(await this.#auditor.finish())) {
        throw new Error('a read failed');
      }
    });
    await this.cluster.leader();
    await this.cluster.agreedContent();
  }

  /** Every watcher is told of the last revision. */
  async #hear(): Promise<void> {
    await eventually('every watcher hears of the last revision', () => {
      const { latestRevision } = this.history;
      const behind = this.#watchers
        .map(({ revision }) => revision)
        .filter((revision) => revision < latestRevision);
      if (behind.length > 0) {
        throw new Error(
          `of ${this.#watchers.length}, some are at ${behind.join(', ')}, not at ${latestRevision}`,
        );
      }
    });
  }

  #figures(term: number, recoveryMs: number | null, judgeMs: number): ChaosFigures {
    return {
      ...this.history.counts,
      failures: this.history.failures,
      revision: this.history.latestRevision,
      term,
      faults: this.#injector.counts,
      killed: this.#injector.killed,
      restarted: this.#injector.restarted,
      skipped: this.#injector.skipped,
      snapshots: this.#members.count(/^has fetched the snapshot/),
      chunks: this.#network.chunks,
      recoveryMs,
      judgeMs,
    };
  }
}

async function problemOf(work: Promise<void>): Promise<string | null> {
  try {
    await work;
    return null;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    return `${String(error)}${cause}`;
  }
}
