import { relative } from 'node:path';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { formatTable } from '../format/table.ts';
import { styled } from '../output.ts';
import { memberEnvironment, type MemberPlan } from './cluster-plan.ts';
import { ClusterView, type LeaderView } from './cluster-view.ts';
import { MemberProcess } from './member-process.ts';
import type { StopSignals } from './stop-signals.ts';
import type { MemberReport } from './supervision.ts';

export type LocalClusterOptions = {
  readonly plans: readonly MemberPlan[];
  readonly directory: string;
  readonly signals: StopSignals;
  readonly context: Context;
};

/** How long members may take to stop before they are killed. Their data survives either way. */
const stopTimeoutMs = 15_000;

/** The members of `quorate up`: starts them, tells people what happens to them, and stops them. */
export class LocalCluster {
  readonly #options: LocalClusterOptions;
  readonly #members: MemberProcess[] = [];
  readonly #view = new ClusterView();
  readonly #up = new Set<string>();
  readonly #failures = new Map<string, string>();
  readonly #ready = Promise.withResolvers<LeaderView>();
  readonly #startFailed = Promise.withResolvers<CliError>();
  readonly #allGone = Promise.withResolvers<void>();
  /** Who leads already, while members are missing: a majority can elect a leader without them. */
  #early: LeaderView | null = null;
  #phase: 'starting' | 'running' | 'stopping' = 'starting';

  constructor(options: LocalClusterOptions) {
    this.#options = options;
  }

  /** Runs the cluster until someone asks it to stop. Rejects if a member cannot start, or when none is left. */
  async run(): Promise<void> {
    const { signals } = this.#options;
    try {
      this.#start();
      const stopped = signals.first.then(() => null);
      const outcome = await Promise.race([this.#ready.promise, this.#startFailed.promise, stopped]);
      if (outcome instanceof CliError) throw outcome;
      if (outcome === null) return;
      this.#phase = 'running';
      this.#announceReady(outcome);
      const end = await Promise.race([stopped, this.#allGone.promise.then(() => 'gone' as const)]);
      if (end === 'gone')
        throw new CliError('all members have ended', { hint: `See ${this.#path('m1.log')}.` });
    } finally {
      await this.#stop();
    }
  }

  #start(): void {
    const { plans, context } = this.#options;
    for (const plan of plans) {
      const member = MemberProcess.start({
        plan,
        entry: context.entry,
        environment: memberEnvironment(context.environment),
        onReport: (report) => this.#heard(plan, report),
        onExit: (reason) => this.#exited(plan, reason),
      });
      this.#members.push(member);
    }
  }

  #heard(plan: MemberPlan, report: MemberReport): void {
    switch (report.kind) {
      case 'up':
        this.#up.add(plan.id);
        if (this.#up.size === this.#options.plans.length) this.#announceMembers();
        return;
      case 'leader':
        this.#tellLeader(this.#view.heard(plan.id, report));
        return;
      case 'refused':
        this.#startFailed.resolve(new CliError(`${plan.name} cannot start: ${report.message}`));
        return;
      case 'failed':
        this.#failures.set(plan.id, report.message);
    }
  }

  #exited(plan: MemberPlan, reason: string): void {
    if (this.#phase === 'starting') {
      const why = this.#failures.get(plan.id) ?? reason;
      const hint = `See ${this.#path(`${plan.name}.log`)}.`;
      this.#startFailed.resolve(new CliError(`${plan.name} ended while it started: ${why}`, { hint }));
    }
    if (this.#phase === 'running') this.#tellLoss(plan, reason);
    if (this.#members.every((member) => member.isGone)) this.#allGone.resolve();
  }

  #tellLoss(plan: MemberPlan, reason: string): void {
    const why = this.#failures.get(plan.id) ?? reason;
    const file = relative(this.#options.context.directory, plan.configFile);
    this.#tell(`${plan.name} is gone: ${why}. To start it again, in another terminal:`, 'yellow');
    this.#line(`            ${this.#command()} serve --config-file ${file}`);
    const left = this.#members.filter((member) => !member.isGone).length;
    const majority = Math.floor(this.#members.length / 2) + 1;
    if (left < majority) {
      const verb = left === 1 ? 'is' : 'are';
      this.#tell(
        `${left} of ${this.#members.length} members ${verb} left; it takes ${majority} to go on.`,
        'red',
      );
    }
    this.#tellLeader(this.#view.lost(plan.id));
  }

  #tellLeader(news: LeaderView | 'none' | null): void {
    if (news === null || this.#phase === 'stopping') return;
    if (news === 'none') {
      if (this.#phase === 'running') this.#tell('no leader at the moment', 'yellow');
      return;
    }
    if (this.#phase === 'running')
      this.#tell(`${this.#nameOf(news.leader)} leads in term ${news.term}`, 'green');
    else if (this.#up.size === this.#options.plans.length) this.#ready.resolve(news);
    else this.#early = news;
  }

  #announceMembers(): void {
    const rows = this.#members.map((member) => {
      const { name, clientPort, peerPort } = member.plan;
      return [`  ${name}`, `127.0.0.1:${clientPort}`, `127.0.0.1:${peerPort}`, String(member.pid)];
    });
    this.#options.context.stdout.write(formatTable(['  MEMBER', 'CLIENTS', 'PEERS', 'PID'], rows));
    if (this.#early !== null) this.#ready.resolve(this.#early);
  }

  #announceReady({ leader, term }: LeaderView): void {
    const { plans, directory, context } = this.#options;
    const endpoints = plans.map(({ clientPort }) => `127.0.0.1:${clientPort}`).join(',');
    const data = relative(context.directory, directory) || directory;
    this.#line('');
    this.#line(styled(context.stdout, 'green', `Ready: ${this.#nameOf(leader)} leads in term ${term}.`));
    this.#line('Now, in another terminal:\n');
    this.#line(`  export QUORATE_ENDPOINTS=${endpoints}`);
    this.#line(`  ${this.#command()} put greeting hello`);
    this.#line(`  ${this.#command()} get greeting\n`);
    this.#line(`Ctrl-C stops the cluster. Data and logs stay in ${data}; quorate up starts it again.\n`);
  }

  async #stop(): Promise<void> {
    const wasRunning = this.#phase === 'running';
    this.#phase = 'stopping';
    const living = this.#members.filter((member) => !member.isGone);
    if (living.length === 0) return;
    if (wasRunning) this.#tell('stopping', 'cyan');
    const all = Promise.all(living.map((member) => member.gone));
    for (const member of living) member.kill('SIGTERM');
    const force = (why: string): void => {
      this.#tell(`${why}: killing ${living.filter((member) => !member.isGone).length} members`, 'yellow');
      for (const member of living) member.kill('SIGKILL');
    };
    const timer = setTimeout(() => force('they take too long to stop'), stopTimeoutMs);
    let isStopped = false;
    void this.#options.signals.second.then(() => {
      if (!isStopped) force('asked twice');
    });
    await all;
    isStopped = true;
    clearTimeout(timer);
    if (wasRunning) this.#tell('stopped', 'cyan');
  }

  #tell(text: string, colour: 'cyan' | 'green' | 'red' | 'yellow'): void {
    const time = new Date().toTimeString().slice(0, 8);
    this.#line(`${time}  ${styled(this.#options.context.stdout, colour, text)}`);
  }

  #line(text: string): void {
    this.#options.context.stdout.write(`${text}\n`);
  }

  #nameOf(id: string | null): string {
    return this.#options.plans.find((plan) => plan.id === id)?.name ?? `member ${id}`;
  }

  #path(file: string): string {
    const { directory, context } = this.#options;
    return `${relative(context.directory, directory) || '.'}/${file}`;
  }

  /** How this program is called. */
  #command(): string {
    return this.#options.context.entry.endsWith('.ts') ? 'npx quorate' : 'quorate';
  }
}
