import { QuorateClient, type MemberStatus } from '@quorate/client';
import type { MemberProcess } from '../system/harness/member-process.ts';
import type { TestCluster } from '../system/harness/test-cluster.ts';

/** Whoever does not answer by then is not the leader that a fault is for. */
const statusTimeoutMs = 500;
/** How long a rolling restart waits for each member. */
const servesTimeoutMs = 5_000;

/**
 * The processes of a cluster, and who may do something to them. Kills, restarts and pauses of one process exclude
 * each other, so a process that nobody has claimed runs; one that does not has ended itself.
 */
export class Members {
  readonly #cluster: TestCluster;
  readonly #claimed = new Set<MemberProcess>();
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

  /** Does something to these processes. False, and nothing is done, if somebody does something to one of them. */
  async claim(members: readonly MemberProcess[], work: () => Promise<void>): Promise<boolean> {
    if (members.some((member) => this.#claimed.has(member))) {
      return false;
    }
    for (const member of members) {
      this.#claimed.add(member);
    }
    try {
      this.checkRunning(members);
      await work();
      return true;
    } finally {
      for (const member of members) {
        this.#claimed.delete(member);
      }
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

  /** Waits until a process answers a read for which it needs the others, or does not for some seconds. */
  async serves(member: MemberProcess): Promise<void> {
    await using client = new QuorateClient({ endpoints: member.endpoint, timeoutMs: servesTimeoutMs });
    await client.count({ prefix: '' }).catch(() => undefined); // Others do harm as well: it may not get there.
  }

  async #status(member: MemberProcess): Promise<MemberStatus | null> {
    return this.#cluster.client.status(member.endpoint, { timeoutMs: statusTimeoutMs }).catch(() => null);
  }
}
