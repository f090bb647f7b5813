import { type Configuration, toMemberId } from '@quorate/raft';
import { SimulatedDisk } from '../disk/simulated-disk.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { streamOf } from '../kernel/random-stream.ts';
import type { Trace } from '../kernel/trace.ts';
import { urlOfHost } from '../network/host-url.ts';
import { Network } from '../network/network.ts';
import type { RunPlan } from '../plan/plan.ts';
import type { EngineHost } from './engine-host.ts';
import type { Audience, MemberIdentity } from './run-observer.ts';
import { type ProcessEnd, SimulatedMember } from './simulated-member.ts';

/** How long a process that ended itself stays down: what a service manager would wait. */
const RESTART_DELAY_MS = 500;

export type ClusterParts = {
  readonly plan: RunPlan;
  readonly kernel: Kernel;
  readonly trace: Trace;
  readonly audience: Audience;
  readonly engineHostOf: (host: number) => EngineHost;
  /**
   * A process ended itself. Says whether the member starts again, or is lost for good because its disk is
   * damaged.
   */
  readonly judgeEnd: (member: SimulatedMember, end: ProcessEnd) => 'restart' | 'lost';
};

/** All members of a run, and the network between them. */
export class Cluster {
  readonly network: Network;
  readonly members: readonly SimulatedMember[];
  private readonly parts: ClusterParts;
  /** Hosts that must not start a process before someone says so, by number: how many causes hold each down. */
  private readonly holds = new Map<number, number>();
  private readonly lost = new Set<number>();

  constructor(parts: ClusterParts) {
    this.parts = parts;
    const { plan, kernel, trace, audience } = parts;
    this.network = new Network({
      kernel,
      random: streamOf(plan.seed, 'network'),
      profile: plan.network,
      hostCount: plan.members,
      trace,
    });
    this.network.watchMessages((message) => audience.messageSent(message));
    const identities = Array.from({ length: plan.members }, (_, host) => identityOf(host));
    this.members = identities.map((identity) =>
      this.createMember(identity, foundingConfiguration(identities)),
    );
  }

  /** The member that believes to lead in the latest term, or null. */
  get leader(): SimulatedMember | null {
    let leader: SimulatedMember | null = null;
    let latestTerm = 0;
    for (const member of this.members) {
      const status = member.replica?.status();
      if (status?.role === 'leader' && status.term > latestTerm) {
        latestTerm = status.term;
        leader = member;
      }
    }
    return leader;
  }

  /** Members that are not lost for good. */
  get usable(): readonly SimulatedMember[] {
    return this.members.filter((member) => !this.lost.has(member.identity.host));
  }

  isLost(member: SimulatedMember): boolean {
    return this.lost.has(member.identity.host);
  }

  startAll(): void {
    for (const member of this.members) {
      member.start();
    }
  }

  /** Keeps a member down until the hold is released. */
  hold(member: SimulatedMember): void {
    const { host } = member.identity;
    this.holds.set(host, (this.holds.get(host) ?? 0) + 1);
  }

  /** Releases one hold; the member starts if it was the last. */
  release(member: SimulatedMember): void {
    const { host } = member.identity;
    const left = Math.max(0, (this.holds.get(host) ?? 0) - 1);
    this.holds.set(host, left);
    this.startIfFree(member);
  }

  /** Nothing keeps any member down any more, and whoever is down starts. */
  releaseAll(): void {
    this.holds.clear();
    for (const member of this.members) {
      this.startIfFree(member);
    }
  }

  private startIfFree(member: SimulatedMember): void {
    const { host } = member.identity;
    if ((this.holds.get(host) ?? 0) === 0 && !this.lost.has(host)) {
      member.start();
    }
  }

  private createMember(identity: MemberIdentity, founding: Configuration): SimulatedMember {
    const { plan, kernel, trace, audience, engineHostOf, judgeEnd } = this.parts;
    return new SimulatedMember({
      identity,
      plan,
      kernel,
      trace,
      network: this.network,
      disk: new SimulatedDisk(plan.disk, streamOf(plan.seed, `disk.${identity.host}`)),
      skew: { rate: plan.clockRates[identity.host] ?? 1, leapMs: 0, wallOffsetMs: 0 },
      engines: engineHostOf(identity.host),
      random: streamOf(plan.seed, `member.${identity.host}`),
      founding,
      audience,
      ended: (member, end) => {
        if (judgeEnd(member, end) === 'lost') {
          trace.story(identity.name, 'is lost for good');
          this.lost.add(identity.host);
        } else {
          kernel.schedule(RESTART_DELAY_MS * 1000, () => this.startIfFree(member));
        }
      },
    });
  }
}

function identityOf(host: number): MemberIdentity {
  return { host, id: toMemberId(BigInt(host + 1)), name: `n${host + 1}` };
}

function foundingConfiguration(identities: readonly MemberIdentity[]): Configuration {
  return {
    voters: identities.map((identity) => identity.id),
    outgoingVoters: [],
    learners: [],
    learnersNext: [],
    addresses: identities.map(({ id, name, host }) => ({ id, name, peerUrls: [urlOfHost(host)] })),
  };
}
