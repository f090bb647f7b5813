import type { MemberId, Message } from '@quorate/raft';
import type { Cluster } from '../cluster/cluster.ts';
import type { SimulatedMember } from '../cluster/simulated-member.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import { MembershipDriver } from './membership-driver.ts';
import type { Trace } from '../kernel/trace.ts';
import { type CrashPoint, type Fault, faultText, type Target } from '../plan/fault.ts';

/** A crash at a point of disk work that the member does not come to happens after this time anyway. */
const CRASH_POINT_PATIENCE_MS = 2000;

/** Which faults were really injected into a host, for those who judge how its member takes them. */
export type InjectedFaults = {
  /** Data that it had acknowledged may have changed on its disk. */
  damaged: boolean;
  misdirectedReads: boolean;
  diskErrors: boolean;
  engineErrors: boolean;
};

type Invitation = { readonly lateMs: number; readonly deafMs: number };

/** Carries out the faults of a plan at their times, and undoes them when it is their time to end. */
export class FaultInjector {
  private readonly kernel: Kernel;
  private readonly trace: Trace;
  private readonly cluster: Cluster;
  private readonly random: RandomStream;
  private readonly injected = new Map<number, InjectedFaults>();
  private readonly membership: MembershipDriver;
  /** What is to happen when a leader invites its successor. */
  private readonly invitations = new Map<MemberId, Invitation>();
  private readonly coups = new Set<Extract<Fault, { kind: 'coup' }>>();
  private stopped = false;

  constructor(parts: {
    readonly kernel: Kernel;
    readonly trace: Trace;
    readonly cluster: Cluster;
    readonly random: RandomStream;
  }) {
    this.kernel = parts.kernel;
    this.trace = parts.trace;
    this.cluster = parts.cluster;
    this.random = parts.random;
    this.membership = new MembershipDriver(parts);
  }

  schedule(faults: readonly Fault[]): void {
    for (const fault of faults) {
      this.kernel.schedule(fault.atMs * 1000, () => {
        if (!this.stopped) {
          this.trace.story('fault', faultText(fault));
          this.inject(fault);
        }
      });
    }
  }

  /** A message left a member. */
  messageSent(message: Message): void {
    const invitation = message.type === 'timeout-now' ? this.invitations.get(message.from) : undefined;
    const member = this.cluster.members.find(({ identity }) => identity.id === message.from);
    if (invitation === undefined || member === undefined) {
      return;
    }
    this.invitations.delete(message.from);
    if (invitation.lateMs > 0) {
      const to = this.cluster.memberOf(message.to)?.identity.host;
      if (to !== undefined) {
        this.slowDown([[member.identity.host, to]], invitation.lateMs, 0);
      }
    }
    if (invitation.deafMs > 0) {
      this.after(invitation.lateMs, () => this.block(this.directions(member, 'in'), invitation.deafMs));
    }
  }

  /** A member has become leader. */
  leaderElected(member: SimulatedMember): void {
    const { life } = member;
    for (const coup of this.coups) {
      this.after(this.random.exponential(coup.afterMs), () => {
        if (member.life === life) {
          this.strikeDown(member, coup);
        }
      });
    }
  }

  injectedInto(member: SimulatedMember): InjectedFaults {
    const { host } = member.identity;
    const known = this.injected.get(host);
    if (known !== undefined) {
      return known;
    }
    const none = { damaged: false, misdirectedReads: false, diskErrors: false, engineErrors: false };
    this.injected.set(host, none);
    return none;
  }

  /** Ends everything: networks and disks work again, whoever is down or paused goes on. Damage stays. */
  stop(): void {
    this.trace.story('fault', 'all faults end');
    this.stopped = true;
    this.coups.clear();
    this.invitations.clear();
    this.cluster.network.heal();
    for (const member of this.cluster.members) {
      const { trouble } = member.disk;
      trouble.stalledUntilUs = 0;
      trouble.full = false;
      trouble.failingSyncs = 0;
      trouble.failingWrites = 0;
      trouble.misdirectsNextRead = false;
      member.engines.failingCommits = 0;
      member.resume();
    }
    this.cluster.releaseAll();
  }

  private inject(fault: Fault): void {
    switch (fault.kind) {
      case 'crash':
      case 'power-loss':
        return this.crash(
          this.memberOf(fault.target),
          fault.point,
          fault.kind === 'power-loss',
          fault.downMs,
        );
      case 'crash-all':
        for (const member of this.cluster.members) {
          this.crash(member, 'now', fault.power, fault.downMs);
        }
        return;
      case 'rolling-restart':
        return this.restart(0, fault.downMs, fault.gapMs);
      case 'pause':
        return this.pause(this.memberOf(fault.target), fault.forMs);
      case 'partition':
      case 'one-way':
      case 'broken-link':
      case 'slow-link':
      case 'reset':
        return this.disturbNetwork(fault);
      case 'disk-stall':
      case 'disk-full':
      case 'sync-failure':
      case 'write-failure':
      case 'misdirected-read':
      case 'bit-flip':
      case 'engine-failure':
        return this.disturbDisk(fault);
      case 'clock-leap':
        this.memberOf(fault.target).skew.leapMs += fault.byMs;
        return;
      case 'wall-clock-jump':
        this.memberOf(fault.target).skew.wallOffsetMs += fault.byMs;
        return;
      case 'transfer':
        return this.transfer(fault.to, fault);
      case 'membership':
        return this.membership.change(fault);
      case 'fade':
        return this.fade(fault);
      case 'usurp':
        return this.usurp(fault);
      case 'ping-pong':
        return this.pingPong(fault.rounds, fault.gapMs);
      case 'coup':
        this.coups.add(fault);
        return this.after(fault.forMs, () => this.coups.delete(fault));
    }
  }

  private crash(member: SimulatedMember, point: CrashPoint, power: boolean, downMs: number): void {
    let done = false;
    const crash = (): void => {
      if (done || this.stopped) {
        return;
      }
      done = true;
      this.cluster.hold(member);
      member.kill(power);
      this.after(downMs, () => this.cluster.release(member));
    };
    if (point === 'now' || !member.crashAt(point, crash)) {
      crash();
    } else {
      this.after(CRASH_POINT_PATIENCE_MS, crash);
    }
  }

  /** Members stop one after the other, from `host` on. */
  private restart(host: number, downMs: number, gapMs: number): void {
    const member = this.cluster.at(host);
    if (member === undefined || this.stopped) {
      return;
    }
    this.cluster.hold(member);
    const stopped = (): void => {
      if (this.stopped) {
        this.cluster.release(member); // The faults ended while it was stopping.
      }
      this.after(downMs, () => {
        this.cluster.release(member);
        this.after(gapMs, () => this.restart(host + 1, downMs, gapMs));
      });
    };
    // A stop that fails, for instance because the disk is full, ends the process as well.
    member.stop().then(stopped, () => {
      member.kill(false);
      stopped();
    });
  }

  private pause(member: SimulatedMember, forMs: number): void {
    const { life } = member;
    member.pause();
    this.after(forMs, () => {
      if (member.life === life) {
        member.resume();
      }
    });
  }

  private disturbNetwork(
    fault: Extract<Fault, { kind: 'partition' | 'one-way' | 'broken-link' | 'slow-link' | 'reset' }>,
  ): void {
    const hosts = this.cluster.members.map((member) => member.identity.host);
    switch (fault.kind) {
      case 'partition': {
        const others = hosts.filter((host) => !fault.group.includes(host));
        return this.block([...pairs(fault.group, others), ...pairs(others, fault.group)], fault.forMs);
      }
      case 'one-way':
        return this.block(this.directions(this.memberOf(fault.target), fault.direction), fault.forMs);
      case 'broken-link': {
        const [one, other] = fault.hosts;
        return this.block([...pairs([one], [other]), ...pairs([other], [one])], fault.forMs);
      }
      case 'slow-link':
        return this.slowLink(fault, hosts);
      case 'reset': {
        const { host } = this.memberOf(fault.target).identity;
        for (const other of hosts) {
          this.cluster.network.reset(host, other);
          this.cluster.network.reset(other, host);
        }
        return;
      }
    }
  }

  private slowLink(fault: Extract<Fault, { kind: 'slow-link' }>, hosts: readonly number[]): void {
    const member = this.memberOf(fault.target);
    const { host } = member.identity;
    const others = hosts.filter((other) => other !== host);
    const slowed =
      fault.direction === 'out-to-one'
        ? pairs([host], [this.random.pick(others)])
        : this.directions(member, fault.direction);
    this.slowDown(slowed, fault.delayMs, fault.forMs);
  }

  private slowDown(directions: readonly (readonly [number, number])[], delayMs: number, forMs: number): void {
    const { paths } = this.cluster.network;
    for (const [from, to] of directions) {
      paths.slowDown(from, to, delayMs * 1000);
    }
    this.after(forMs, () => {
      for (const [from, to] of directions) {
        paths.slowDown(from, to, 0);
      }
    });
  }

  /** The paths from a member to all others, or to it. */
  private directions(member: SimulatedMember, which: 'in' | 'out' | 'both'): (readonly [number, number])[] {
    const { host } = member.identity;
    const others = this.cluster.members.map((other) => other.identity.host).filter((other) => other !== host);
    return [
      ...(which === 'in' ? [] : pairs([host], others)),
      ...(which === 'out' ? [] : pairs(others, [host])),
    ];
  }

  private block(directions: readonly (readonly [number, number])[], forMs: number): void {
    const { network } = this.cluster;
    for (const [from, to] of directions) {
      network.paths.block(from, to);
    }
    this.after(forMs, () => {
      for (const [from, to] of directions) {
        network.paths.unblock(from, to);
      }
      network.flush();
    });
  }

  private disturbDisk(
    fault: Extract<
      Fault,
      {
        kind:
          | 'disk-stall'
          | 'disk-full'
          | 'sync-failure'
          | 'write-failure'
          | 'misdirected-read'
          | 'bit-flip'
          | 'engine-failure';
      }
    >,
  ): void {
    const member = this.memberOf(fault.target);
    const { trouble } = member.disk;
    const injected = this.injectedInto(member);
    switch (fault.kind) {
      case 'disk-stall':
        trouble.stalledUntilUs = this.kernel.nowUs + fault.forMs * 1000;
        return;
      case 'disk-full':
        trouble.full = true;
        injected.diskErrors = true;
        return this.after(fault.forMs, () => {
          trouble.full = false;
        });
      case 'sync-failure':
        trouble.failingSyncs += 1;
        injected.diskErrors = true;
        return;
      case 'write-failure':
        trouble.failingWrites += 1;
        injected.diskErrors = true;
        return;
      case 'misdirected-read':
        trouble.misdirectsNextRead = true;
        injected.misdirectedReads = true;
        return;
      case 'bit-flip': {
        const inSnapshot = fault.inSnapshot === true;
        const where = member.disk.flipBit(inSnapshot);
        injected.damaged ||= where !== null && !inSnapshot;
        return this.trace.story(
          member.identity.name,
          where === null ? 'has nothing to damage' : `a bit flips in ${where}`,
        );
      }
      case 'engine-failure':
        member.engines.failingCommits = 1;
        injected.engineErrors = true;
        return;
    }
  }

  /** Asks the leader to hand over. */
  private transfer(to: number, invitation: Invitation): void {
    const { leader } = this.cluster;
    const target = this.cluster.at(to);
    const replica = leader?.replica ?? null;
    const clock = leader?.clock ?? null;
    if (leader === null || replica === null || clock === null || target === undefined || leader.isPaused) {
      return;
    }
    this.invitations.set(leader.identity.id, invitation);
    const call = { deadlineMs: clock.monotonicMs() + 1000 };
    replica.transferLeadership(target.identity.id, call).then(
      () => this.trace.story(leader.identity.name, `handed leadership to ${target.identity.name}`),
      (error: unknown) =>
        this.trace.story(leader.identity.name, `could not hand over leadership: ${String(error)}`),
    );
  }

  private pingPong(rounds: number, gapMs: number): void {
    const { leader, members } = this.cluster;
    const others = members.filter((member) => member !== leader && member.replica !== null);
    if (rounds > 0) {
      if (others.length > 0) {
        this.transfer(this.random.pick(others).identity.host, { lateMs: 0, deafMs: 0 });
      }
      this.after(gapMs, () => this.pingPong(rounds - 1, gapMs));
    }
  }

  private fade(fault: Extract<Fault, { kind: 'fade' }>): void {
    const member = this.memberOf('leader');
    const forMs = fault.muteAfterMs + fault.muteMs;
    this.slowDown(this.directions(member, 'in'), fault.delayMs, forMs);
    this.after(fault.muteAfterMs, () => this.block(this.directions(member, 'out'), fault.muteMs));
  }

  private usurp(fault: Extract<Fault, { kind: 'usurp' }>): void {
    const { leader } = this.cluster;
    const others = this.random.shuffled(this.cluster.members.filter((member) => member !== leader));
    const [usurper, ...voters] = others;
    if (leader === null || usurper === undefined) {
      return;
    }
    const apart = (one: SimulatedMember, other: SimulatedMember): (readonly [number, number])[] => [
      [one.identity.host, other.identity.host],
      [other.identity.host, one.identity.host],
    ];
    this.block(apart(leader, usurper), fault.afterMs + fault.forMs);
    for (const voter of voters) {
      voter.disk.trouble.stalledUntilUs = this.kernel.nowUs + fault.afterMs * 1000;
    }
    this.after(fault.afterMs, () => {
      for (const voter of voters) {
        this.block(apart(leader, voter), fault.forMs);
        this.crash(voter, 'now', false, fault.downMs);
      }
    });
  }

  private strikeDown(member: SimulatedMember, coup: Extract<Fault, { kind: 'coup' }>): void {
    const { strike, lastsMs } = coup;
    this.trace.story('fault', `coup: ${strike} ${member.identity.name}`);
    switch (strike) {
      case 'crash':
      case 'power-loss':
        return this.crash(member, 'now', strike === 'power-loss', lastsMs);
      case 'pause':
        return this.pause(member, lastsMs);
      case 'isolate':
        return this.block(this.directions(member, 'both'), lastsMs);
      case 'mute':
        return this.block(this.directions(member, 'out'), lastsMs);
      case 'deafen':
        return this.block(this.directions(member, 'in'), lastsMs);
    }
  }

  private memberOf(target: Target): SimulatedMember {
    const { members, leader } = this.cluster;
    const member = target === 'leader' ? (leader ?? this.random.pick(members)) : members[target];
    if (member === undefined) {
      throw new RangeError(`there is no host ${target}`);
    }
    return member;
  }

  private after(delayMs: number, act: () => void): void {
    this.kernel.schedule(delayMs * 1000, () => {
      if (!this.stopped) {
        act();
      }
    });
  }
}

function pairs(from: readonly number[], to: readonly number[]): (readonly [number, number])[] {
  return from.flatMap((one) => to.map((other) => [one, other] as const));
}
