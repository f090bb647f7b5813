import { QuorateClient, type MemberStatus } from '@quorate/client';
import { eventually } from '../system/harness/eventually.ts';
import type { MemberProcess } from '../system/harness/member-process.ts';
import type { TestCluster } from '../system/harness/test-cluster.ts';

/** Whoever does not answer by then is not the leader that a fault is for. */
const statusTimeoutMs = 500;

/**
 * The processes of a cluster, and who may do something to them. Kills, restarts and pauses of one process exclude
 * each other, so a process that nobody has claimed runs; one that does not has ended itself.
 */
export class Members {
  readonly #cluster: TestCluster;
  readonly #claimed = new Set<MemberProcess>();
  readonly #released = new Set<() => void>();
  /** What processes did that they must not do, in words. */
  readonly problems: string[] = [];

  constructor(cluster: TestCluster) {
    this.#cluster = cluster;
  }

  get all(): readonly MemberProcess[] {
    return this.#cluster.members;
  }

  at(position: number): MemberProcess {
    return this.#cluster.member(position);
  }

  /** Whoever claims to lead in the highest term, or null if nobody who answers does. */
  async leader(): Promise<MemberProcess | null> {
    const statuses = await Promise.all(this.all.map((member) => this.#status(member)));
    const leading = statuses.flatMap((status, position) =>
      status?.isLeader === true ? [{ member: this.at(position), term: status.term }] : [],
    );
    leading.sort((one, other) => other.term - one.term);
    return leading[0]?.member ?? null;
  }

  /** The highest term that a member is in. */
  async term(): Promise<number> {
    const statuses = await Promise.all(this.all.map((member) => this.#status(member)));
    return Math.max(0, ...statuses.map((status) => status?.term ?? 0));
  }

  /** How many messages of this kind the members have logged. */
  count(message: RegExp): number {
    return this.all.flatMap((member) => member.logLines()).filter(({ msg }) => message.test(msg)).length;
  }

  /** Waits until nobody else does something to these processes, does it, and lets go of them. */
  async claim(members: readonly MemberProcess[], work: () => Promise<void>): Promise<void> {
    while (members.some((member) => this.#claimed.has(member))) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#released.add(resolve);
      await promise;
    }
    for (const member of members) {
      this.#claimed.add(member);
    }
    try {
      this.checkRunning(members);
      await work();
    } finally {
      for (const member of members) {
        this.#claimed.delete(member);
      }
      for (const resolve of this.#released) {
        resolve();
      }
      this.#released.clear();
    }
  }

  /** Notes which of these, which should run, do not. */
  checkRunning(members: readonly MemberProcess[]): void {
    for (const member of members) {
      if (!member.isRunning) {
        this.problems.push(`${member.name} ended itself:\n${member.lastOutput()}`);
      }
    }
  }

  /** Asks a process to stop, and notes if it does not do so properly. One that is only just starting may die of it. */
  async stop(member: MemberProcess): Promise<void> {
    const code = await member.stop();
    if (code !== 0 && member.signal !== 'SIGTERM') {
      const how = code ?? member.signal;
      this.problems.push(`${member.name} was asked to stop and ended with ${how}:\n${member.lastOutput()}`);
    }
  }

  /** Waits until a process answers a read for which it needs the others. */
  async serves(member: MemberProcess): Promise<void> {
    await using client = new QuorateClient({ endpoints: member.endpoint, timeoutMs: 2_000 });
    await eventually(`${member.name} serves`, () => client.count({ prefix: '' }));
  }

  async #status(member: MemberProcess): Promise<MemberStatus | null> {
    return this.#cluster.client.status(member.endpoint, { timeoutMs: statusTimeoutMs }).catch(() => null);
  }
}
