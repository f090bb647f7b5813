import { setTimeout as sleep } from 'node:timers/promises';
import type { MemberProcess } from '../system/harness/member-process.ts';
import type { Members } from './members.ts';
import { clientsParty, type Network, type Party, type Path } from './network.ts';
import { type Cut, type Fault, type FaultKind, faultText, type Target } from './schedule.ts';

/** Does to a cluster what a schedule says. */
export class FaultInjector {
  /** How often each kind happened. */
  readonly counts = new Map<FaultKind, number>();
  /** Processes that were ended by kill -9, and by SIGTERM. */
  killed = 0;
  restarted = 0;
  /** Faults of processes that were left out, because another one was not over. */
  skipped = 0;
  readonly #members: Members;
  readonly #network: Network;
  readonly #tell: (line: string) => void;

  /** `tell` gets a line for each fault. */
  constructor(members: Members, network: Network, tell: (line: string) => void) {
    this.#members = members;
    this.#network = network;
    this.#tell = tell;
  }

  /** Begins each fault at its time. Resolves when all are over: every process was started and every path is right. */
  async run(faults: readonly Fault[]): Promise<void> {
    const startedMs = performance.now();
    const underWay: Promise<void>[] = [];
    for (const fault of faults) {
      await sleep(Math.max(0, startedMs + fault.atMs - performance.now()));
      this.#tell(faultText(fault));
      this.counts.set(fault.kind, (this.counts.get(fault.kind) ?? 0) + 1);
      const noted = this.#inject(fault).catch((error: unknown) => {
        this.#members.problems.push(`after "${faultText(fault)}": ${String(error)}`);
      });
      underWay.push(noted);
    }
    await Promise.all(underWay);
  }

  async #inject(fault: Fault): Promise<void> {
    switch (fault.kind) {
      case 'kill':
        return this.#kill([await this.#resolve(fault.target)], fault.downMs);
      case 'kill-all':
        return this.#kill(this.#members.all, fault.downMs);
      case 'restart':
        return this.#restart(await this.#resolve(fault.target), fault.downMs);
      case 'rolling-restart':
        return this.#rollingRestart();
      case 'pause':
        return this.#pause(await this.#resolve(fault.target), fault.forMs);
      case 'partition': {
        const group = fault.group.map((position) => this.#members.at(position));
        return this.#cut(bothWays(this.#between(group)), fault.cut, fault.forMs);
      }
      case 'isolate-leader': {
        const leader = await this.#resolve('leader');
        return this.#cut(bothWays(this.#between([leader])), fault.cut, fault.forMs);
      }
      case 'one-way': {
        const outward = this.#between([await this.#resolve(fault.target)]);
        return this.#cut(fault.direction === 'out' ? outward : outward.map(reverse), fault.cut, fault.forMs);
      }
      case 'broken-link': {
        const [one, other] = fault.pair.map((position) => this.#members.at(position).name);
        return this.#cut(bothWays([{ from: one ?? '', to: other ?? '' }]), fault.cut, fault.forMs);
      }
      case 'delay':
      case 'slow': {
        const paths = this.#between([await this.#resolve(fault.target)]);
        const heal = this.#network.disturb(
          paths,
          fault.kind === 'delay'
            ? { kind: 'delay', delayMs: fault.delayMs }
            : { kind: 'throttle', bytesPerSecond: fault.bytesPerSecond },
        );
        await sleep(fault.forMs);
        return heal();
      }
      case 'reset': {
        const member = await this.#resolve(fault.target);
        this.#network.reset([...this.#between([member]), { from: clientsParty, to: member.name }]);
        return;
      }
      case 'lost-answers': {
        const member = await this.#resolve(fault.target);
        return this.#cut([{ from: member.name, to: clientsParty }], fault.cut, fault.forMs);
      }
    }
  }

  async #kill(members: readonly MemberProcess[], downMs: number): Promise<void> {
    await this.#claim(members, async () => {
      this.killed += members.length;
      await Promise.all(members.map((member) => member.kill()));
      await sleep(downMs);
      for (const member of members) {
        member.start();
      }
    });
  }

  async #restart(member: MemberProcess, downMs: number): Promise<void> {
    await this.#claim([member], async () => {
      this.restarted += 1;
      await this.#members.stop(member);
      await sleep(downMs);
      member.start();
    });
  }

  async #rollingRestart(): Promise<void> {
    for (const member of this.#members.all) {
      await this.#restart(member, 0);
      await this.#members.serves(member);
    }
  }

  async #pause(member: MemberProcess, forMs: number): Promise<void> {
    await this.#claim([member], async () => {
      member.pause();
      await sleep(forMs);
      member.resume();
    });
  }

  async #claim(members: readonly MemberProcess[], work: () => Promise<void>): Promise<void> {
    if (!(await this.#members.claim(members, work))) {
      this.skipped += 1;
    }
  }

  async #cut(paths: readonly Path[], cut: Cut, forMs: number): Promise<void> {
    const heal = this.#network.disturb(paths, { kind: cut === 'refused' ? 'refuse' : 'hold' });
    await sleep(forMs);
    if (cut === 'lost') {
      this.#network.reset(paths);
    }
    heal();
  }

  /** A leader if it is asked for and there is one; otherwise the member, or the first one. */
  async #resolve(target: Target): Promise<MemberProcess> {
    if (target !== 'leader') {
      return this.#members.at(target);
    }
    return (await this.#members.leader()) ?? this.#members.at(0);
  }

  /** From each of these members to each of the others. */
  #between(group: readonly MemberProcess[]): Path[] {
    const others = this.#members.all.filter((member) => !group.includes(member));
    return group.flatMap(({ name: from }) => others.map(({ name: to }) => ({ from, to })));
  }
}

function reverse({ from, to }: Path): { from: Party; to: Party } {
  return { from: to, to: from };
}

function bothWays(paths: readonly Path[]): Path[] {
  return [...paths, ...paths.map(reverse)];
}
