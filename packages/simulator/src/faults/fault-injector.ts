import type { Cluster } from '../cluster/cluster.ts';
import type { SimulatedMember } from '../cluster/simulated-member.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
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

/** Carries out the faults of a plan at their times, and undoes them when it is their time to end. */
export class FaultInjector {
  private readonly kernel: Kernel;
  private readonly trace: Trace;
  private readonly cluster: Cluster;
  private readonly random: RandomStream;
  private readonly injected: readonly InjectedFaults[];
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
    this.injected = parts.cluster.members.map(() => ({
      damaged: false,
      misdirectedReads: false,
      diskErrors: false,
      engineErrors: false,
    }));
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

  injectedInto(member: SimulatedMember): InjectedFaults {
    const injected = this.injected[member.identity.host];
    if (injected === undefined) {
      throw new RangeError(`there is no host ${member.identity.host}`);
    }
    return injected;
  }

  /** Ends everything: networks and disks work again, whoever is down or paused goes on. Damage stays. */
  stop(): void {
    this.trace.story('fault', 'all faults end');
    this.stopped = true;
    this.cluster.network.heal();
    for (const member of this.cluster.members) {
      const { trouble } = member.disk;
      trouble.stalledUntilUs = 0;
      trouble.full = false;
      trouble.failingSyncs = 0;
      trouble.failingWrites = 0;
      trouble.misdirectedReads = 0;
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
        return this.transfer(fault.to);
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
    const member = this.cluster.members[host];
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
      case 'one-way': {
        const { host } = this.memberOf(fault.target).identity;
        const others = hosts.filter((other) => other !== host);
        const blocked = fault.direction === 'out' ? pairs([host], others) : pairs(others, [host]);
        return this.block(blocked, fault.forMs);
      }
      case 'broken-link': {
        const [one, other] = fault.hosts;
        return this.block([...pairs([one], [other]), ...pairs([other], [one])], fault.forMs);
      }
      case 'slow-link': {
        const { paths } = this.cluster.network;
        const { host } = this.memberOf(fault.from).identity;
        const to = this.random.pick(hosts.filter((other) => other !== host));
        paths.slowDown(host, to, fault.factor);
        return this.after(fault.forMs, () => paths.slowDown(host, to, 1));
      }
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
        trouble.misdirectedReads += 1;
        injected.misdirectedReads = true;
        return;
      case 'bit-flip': {
        const where = member.disk.flipBit();
        injected.damaged ||= where !== null;
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

  private transfer(to: number): void {
    const { leader } = this.cluster;
    const target = this.cluster.members[to];
    const clock = leader?.clock;
    if (
      leader === null ||
      leader.replica === null ||
      clock === null ||
      clock === undefined ||
      target === undefined
    ) {
      return;
    }
    const deadlineMs = clock.monotonicMs() + 1000;
    leader.replica.transferLeadership(target.identity.id, { deadlineMs }).then(
      () => this.trace.story(leader.identity.name, `handed leadership to ${target.identity.name}`),
      (error: unknown) =>
        this.trace.story(leader.identity.name, `could not hand over leadership: ${String(error)}`),
    );
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
