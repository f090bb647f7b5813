import type { Configuration, MemberId } from '@quorate/raft';
import { type MembershipChange, ReplicaError } from '@quorate/replica';
import type { Cluster } from '../cluster/cluster.ts';
import type { SimulatedMember } from '../cluster/simulated-member.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { Trace } from '../kernel/trace.ts';
import { urlOfHost } from '../network/host-url.ts';
import type { MembershipFault } from '../plan/fault.ts';

/** How long an operator waits for a change. */
const PATIENCE_MS = 3000;

/**
 * Changes who belongs to the cluster, as operators do: one change after the other, asked of any member. What it
 * must not do is what loses a quorum for good: there is no recovery from that to be tested.
 */
export class MembershipDriver {
  private readonly cluster: Cluster;
  private readonly random: RandomStream;
  private readonly trace: Trace;
  private busy = false;

  constructor(parts: { readonly cluster: Cluster; readonly random: RandomStream; readonly trace: Trace }) {
    this.cluster = parts.cluster;
    this.random = parts.random;
    this.trace = parts.trace;
  }

  change(fault: MembershipFault): void {
    const running = this.cluster.usable.filter(({ replica }) => replica !== null);
    if (this.busy || running.length === 0) {
      return;
    }
    const asked = this.random.pick(running);
    const configuration = asked.replica?.status().configuration;
    if (configuration === undefined) {
      return;
    }
    const plan = this.plan(fault.change, configuration);
    if (plan !== null) {
      void this.make(asked, plan);
    }
  }

  private plan(change: MembershipFault['change'], current: Configuration): Plan | null {
    switch (change) {
      case 'add':
      case 'add-learner':
        return this.addition(change === 'add');
      case 'promote': {
        const [id] = this.random.shuffled(current.learners);
        return id === undefined ? null : { changes: [{ kind: 'promote', id }], host: null };
      }
      case 'remove':
        return this.removal(current, 1);
      case 'remove-two':
        return this.removal(current, 2);
      case 'swap': {
        const [learner] = this.random.shuffled(current.learners);
        const [voter] = this.random.shuffled(current.voters);
        if (learner === undefined || voter === undefined || !this.leavesQuorum(current, [voter])) {
          return null;
        }
        return {
          changes: [
            { kind: 'promote', id: learner },
            { kind: 'remove', id: voter },
          ],
          host: null,
        };
      }
      case 'lose':
        return this.loss(current);
    }
  }

  private addition(becomesVoter: boolean): Plan | null {
    const host = this.cluster.reserveHost();
    if (host === null) {
      return null;
    }
    const peerUrls = [urlOfHost(host)];
    return { changes: [{ kind: 'add', name: `n${host + 1}`, peerUrls, becomesVoter }], host };
  }

  private removal(current: Configuration, count: number): Plan | null {
    const ids = this.random.shuffled([...current.voters, ...current.learners]).slice(0, count);
    if (ids.length < count || !this.leavesQuorum(current, ids)) {
      return null;
    }
    return { changes: ids.map((id) => ({ kind: 'remove', id })), host: null };
  }

  /** A disk is lost for good, and its member replaced by a new one with another id. */
  private loss(current: Configuration): Plan | null {
    const [id] = this.random.shuffled(current.voters);
    const member = this.cluster.memberOf(id ?? null);
    const others = current.voters.filter((other) => other !== id);
    const addition =
      id === undefined ||
      member === null ||
      !this.cluster.isSettled ||
      !this.cluster.isQuorum(others, current.voters.length)
        ? null
        : this.addition(true);
    if (id === undefined || member === null || addition === null) {
      return null;
    }
    this.cluster.lose(member);
    return { ...addition, changes: [{ kind: 'remove', id }, ...addition.changes] };
  }

  private leavesQuorum({ voters }: Configuration, removed: readonly MemberId[]): boolean {
    const left = voters.filter((id) => !removed.includes(id));
    return left.length > 0 && this.cluster.isQuorum(left, left.length);
  }

  private async make(asked: SimulatedMember, { changes, host }: Plan): Promise<void> {
    const { replica, clock } = asked;
    if (replica === null || clock === null) {
      return;
    }
    this.busy = true;
    const { life } = asked;
    // A process that dies never answers.
    this.cluster.afterMs(PATIENCE_MS, () => {
      if (asked.life !== life) {
        this.busy = false;
      }
    });
    const names = changes.map((change) => change.kind).join(' and ');
    this.trace.story('operator', `asks ${asked.identity.name} to ${names}`);
    try {
      const call = { deadlineMs: clock.monotonicMs() + PATIENCE_MS };
      const { added } = await replica.changeMembership(changes, call);
      this.trace.story('operator', `is told that it was done: ${names}`);
      const [id] = added;
      if (id !== undefined && host !== null) {
        this.cluster.join(host, id);
      }
    } catch (error) {
      if (!(error instanceof ReplicaError)) {
        throw error; // Nobody handles it, so that the run is judged to have failed.
      }
      this.trace.story('operator', `is told that it was not done: ${error.code}`);
    }
    this.busy = false;
  }
}

/** `host` is where the added member is to run; null if none is added. */
type Plan = { readonly changes: readonly MembershipChange[]; readonly host: number | null };
