import {
  type Configuration,
  type LoggedConfiguration,
  type MemberId,
  membersOf,
  toMemberId,
} from '@quorate/raft';
import { SimulatedDisk } from '../disk/simulated-disk.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { streamOf } from '../kernel/random-stream.ts';
import type { Trace } from '../kernel/trace.ts';
import { urlOfHost } from '../network/host-url.ts';
import { Network } from '../network/network.ts';
import type { RunPlan } from '../plan/plan.ts';
import type { EngineHost } from './engine-host.ts';
import type { Audience, MemberIdentity } from './run-observer.ts';
import { type Origin, type ProcessEnd, SimulatedMember } from './simulated-member.ts';

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
  /** Those who were ever there. */
  readonly members: SimulatedMember[];
  private readonly parts: ClusterParts;
  /** Hosts that must not start a process before someone says so, by number: how many causes hold each down. */
  private readonly holds = new Map<number, number>();
  private readonly lost = new Set<number>();
  private nextHost: number;
  private latest: LoggedConfiguration | null = null;

  constructor(parts: ClusterParts) {
    this.parts = parts;
    const { plan, kernel, trace, audience } = parts;
    this.network = new Network({
      kernel,
      random: streamOf(plan.seed, 'network'),
      profile: plan.network,
      hostCount: plan.members + plan.spares,
      trace,
    });
    this.network.watchMessages((message) => audience.messageSent(message));
    this.nextHost = plan.members;
    const identities = Array.from({ length: plan.members }, (_, host) => identityOf(host));
    const founding = foundingConfiguration(identities);
    this.members = identities.map((identity) =>
      this.createMember(identity, { founding, joinedAt: null, joinedPeers: [] }),
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

  /** Members that belong to the cluster and are not lost for good. */
  get usable(): readonly SimulatedMember[] {
    const { current } = this;
    const ids = current === null ? null : membersOf(current);
    return this.members.filter(
      ({ identity: { host, id } }) => !this.lost.has(host) && ids?.includes(id) !== false,
    );
  }

  /** How fast the clocks of those run who were ever there: a member that was added may lead as any other. */
  get clockRates(): readonly number[] {
    return this.members.map(({ skew }) => skew.rate);
  }

  /** Whether no change of membership is under way anywhere, as far as those who run know, and all run. */
  get isSettled(): boolean {
    return this.usable.every(({ core }) => core !== null && core.configurations.length <= 1);
  }

  /** Whether those of these members that are not lost are a majority of `count`. */
  isQuorum(ids: readonly MemberId[], count: number): boolean {
    const sound = ids.filter((id) => {
      const member = this.memberOf(id);
      return member !== null && !this.isLost(member);
    });
    return sound.length > count / 2;
  }

  /** Whether the latest committed configuration that anybody knows names this member. */
  isMember(id: MemberId): boolean {
    return this.current === null || membersOf(this.current).includes(id);
  }

  at(host: number): SimulatedMember | undefined {
    return this.members.find((member) => member.identity.host === host);
  }

  memberOf(id: MemberId | null): SimulatedMember | null {
    return this.members.find((member) => member.identity.id === id) ?? null;
  }

  /** A host on which nobody has ever run; null if there are no more. */
  reserveHost(): number | null {
    const { members, spares } = this.parts.plan;
    if (this.nextHost >= members + spares) {
      return null;
    }
    this.nextHost += 1;
    return this.nextHost - 1;
  }

  /** Starts a member that was added, on a host that was reserved for it, if anybody who runs can tell it since when. */
  join(host: number, id: MemberId): void {
    const known = this.members
      .flatMap(({ core }) => core?.settled ?? [])
      .find(({ configuration }) => membersOf(configuration).includes(id));
    if (known === undefined) {
      return;
    }
    const joinedPeers = known.configuration.addresses
      .filter((address) => address.id !== id)
      .map((address) => ({ id: address.id, urls: address.peerUrls }));
    const identity = { host, id, name: `n${host + 1}` };
    const member = this.createMember(identity, { founding: null, joinedAt: known.index, joinedPeers });
    this.members.push(member);
    member.start();
  }

  /** A host is gone for good. */
  lose(member: SimulatedMember): void {
    this.lost.add(member.identity.host);
    member.kill(true);
    this.parts.trace.story(member.identity.name, 'is lost for good');
  }

  /**
   * Switches off who does not belong to the cluster any more and cannot learn it, because all its former peers are
   * gone, or may not be able to, because it does not run and so nobody knows who they are.
   */
  retireStrangers(): void {
    const { usable } = this;
    const canLearn = ({ acquaintances }: SimulatedMember): boolean =>
      usable.some(({ identity }) => acquaintances.includes(identity.id));
    for (const member of this.members) {
      if (!usable.includes(member) && !this.isLost(member) && !canLearn(member)) {
        this.lost.add(member.identity.host);
        member.kill(false);
      }
    }
  }

  afterMs(delayMs: number, work: () => void): void {
    this.parts.kernel.schedule(delayMs * 1000, work);
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

  /** The committed configuration with the highest index that a running member knows, or knew. */
  private get current(): Configuration | null {
    for (const { core } of this.members) {
      const settled = core?.settled ?? null;
      if (settled !== null && settled.index > (this.latest?.index ?? 0)) {
        this.latest = settled;
      }
    }
    return this.latest?.configuration ?? null;
  }

  private startIfFree(member: SimulatedMember): void {
    const { host } = member.identity;
    if ((this.holds.get(host) ?? 0) === 0 && !this.lost.has(host)) {
      member.start();
    }
  }

  private createMember(identity: MemberIdentity, origin: Origin): SimulatedMember {
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
      origin,
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
