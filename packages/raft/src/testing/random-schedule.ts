import { assert } from '../assert.ts';
import type { Configuration } from '../configuration.ts';
import { type MemberId, offsetIndex } from '../identifiers.ts';
import { maySucceed } from '../membership.ts';
import type { RaftOptions } from '../options.ts';
import { isJoint, isVoter } from '../quorum.ts';
import { configurationOf } from '../state.ts';
import { memberIds } from './builders.ts';
import { SeededRandom } from './seeded-random.ts';
import { TestCluster } from './test-cluster.ts';
import type { TestMember } from './test-member.ts';

/** What befalls a cluster in one schedule. Drawn from the seed, so that a seed is all that a failure needs. */
type Weather = {
  /** One message in so many is lost, or repeated, when it comes up; 0 for never. */
  readonly lossOneIn: number;
  readonly repeatOneIn: number;
  readonly reorders: boolean;
  /** Of 100 events, how many are ticks. */
  readonly haste: number;
  readonly crashes: boolean;
  readonly partitions: boolean;
  readonly compacts: boolean;
  readonly changesMembers: boolean;
};

const ALL = [1, 2, 3, 4, 5];

/** How many ticks a healed cluster may take to elect a leader and to bring everyone up to date. */
const RECOVERY_TICKS = 400;

/**
 * One random life of a cluster: messages are lost, repeated and reordered, disks are slow, members crash and
 * lose what was not written, the network splits, clocks tick unevenly. Safety is checked after every step. In
 * the end everything heals, and the cluster must agree and go on.
 */
export class RandomSchedule {
  readonly #random: SeededRandom;
  readonly #cluster: TestCluster;
  readonly #weather: Weather;
  /** Ticks that a member's clock owes it. */
  readonly #owedTicks = new Map<MemberId, number>();
  readonly #lease: boolean;
  #nextChange = 1;

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    this.#random = random;
    this.#lease = random.oneIn(4);
    this.#weather = {
      lossOneIn: random.pick([0, 5, 20]) ?? 0,
      repeatOneIn: random.pick([0, 10]) ?? 0,
      reorders: random.oneIn(2),
      haste: random.pick([2, 5, 15]) ?? 5,
      crashes: !random.oneIn(3),
      partitions: random.oneIn(2),
      compacts: random.oneIn(3),
      changesMembers: random.oneIn(3),
    };
    const size = random.pick([1, 2, 3, 3, 3, 4, 5]) ?? 3;
    this.#cluster = new TestCluster({
      founders: { voters: ALL.slice(0, size) },
      spares: this.#weather.changesMembers ? ALL.slice(size) : [],
      options: randomOptions(random, this.#lease),
      random,
      automatic: random.oneIn(4),
      cachedOnRestart: random.pick([0, 3, 1000]) ?? 0,
    });
  }

  /** Runs `steps` random events, then heals everything and checks that the cluster recovers. */
  run(steps: number): void {
    for (let done = 0; done < steps; done += 1) {
      this.#event();
    }
    this.#recover();
  }

  #event(): void {
    const choice = this.#random.below(100);
    if (choice < this.#weather.haste) {
      this.#passTime();
    } else if (choice < 55) {
      this.#deliverOne();
    } else if (choice < 78) {
      this.#workOnDisk();
    } else if (choice < 93) {
      this.#clientRequest();
    } else {
      this.#trouble();
    }
  }

  #deliverOne(): void {
    const { network } = this.#cluster;
    if (network.length === 0) {
      this.#workOnDisk();
      return;
    }
    const { reorders, lossOneIn, repeatOneIn } = this.#weather;
    const position = reorders ? this.#random.below(network.length) : 0;
    const message = network[position];
    if (lossOneIn > 0 && this.#random.oneIn(lossOneIn)) {
      this.#cluster.drop(position);
      return;
    }
    // A stream delivers at most once, and only the consensus itself does not rely on that.
    const repeatable =
      message !== undefined && !message.type.startsWith('forwarded') && message.type !== 'proposals-refused';
    this.#cluster.deliver(position, repeatable && repeatOneIn > 0 && this.#random.oneIn(repeatOneIn));
  }

  #workOnDisk(): void {
    const member = this.#random.pick(this.#cluster.running());
    if (member === undefined) {
      return;
    }
    if (member.disk.pendingWrites > 0 && !this.#random.oneIn(3)) {
      this.#cluster.persist(member);
    } else if (member.toApply.length > 0) {
      this.#cluster.apply(member, 1 + this.#random.below(member.toApply.length));
    } else if (member.installing !== null) {
      this.#cluster.finishInstall(member, !this.#random.oneIn(4));
    }
  }

  /** All clocks advance alike, but a busy member may see its ticks late, and then several at once. */
  #passTime(): void {
    this.#cluster.nowMs += 100;
    for (const member of this.#cluster.running()) {
      const owed = (this.#owedTicks.get(member.id) ?? 0) + 1;
      if (this.#random.oneIn(5)) {
        this.#owedTicks.set(member.id, owed);
        continue;
      }
      this.#owedTicks.set(member.id, 0);
      for (let tick = 0; tick < owed; tick += 1) {
        this.#cluster.tick(member);
      }
    }
  }

  #clientRequest(): void {
    const anyone = this.#random.pick(this.#cluster.running());
    // Any leader: one that was deposed and does not know it is the most interesting one to ask.
    const leaders = this.#cluster.running().filter(({ running }) => running.role === 'leader');
    const member = this.#random.oneIn(3) ? anyone : (this.#random.pick(leaders) ?? anyone);
    if (member === undefined) {
      return;
    }
    if (this.#cluster.leader() === undefined && this.#random.oneIn(3)) {
      // Time passes slowly here: do not wait for it.
      this.#cluster.step(member, { type: 'campaign' });
    } else if (this.#random.oneIn(3)) {
      this.#cluster.read(member);
    } else {
      this.#cluster.propose(member);
    }
  }

  #trouble(): void {
    const cluster = this.#cluster;
    const { crashes, partitions, compacts, changesMembers } = this.#weather;
    const members = [...cluster.members.values()];
    const member = this.#random.pick(members);
    const leader = cluster.leader();
    switch (this.#random.below(11)) {
      case 0:
      case 1:
        return crashes && member !== undefined ? this.#crashOrRestart(member) : undefined;
      case 2:
      case 9:
      case 10:
        return partitions ? this.#partitionOrHeal() : undefined;
      case 3:
      case 8:
        return compacts && member !== undefined ? this.#compact(member) : undefined;
      case 4:
        return changesMembers && leader !== undefined ? this.#changeMembers(leader) : undefined;
      case 5:
        return leader !== undefined && member !== undefined
          ? void cluster.step(leader, { type: 'transfer-leadership', to: member.id })
          : undefined;
      case 6:
        return leader !== undefined && member !== undefined && leader !== member
          ? void cluster.step(leader, { type: 'peer-unreachable', peer: member.id })
          : undefined;
      default:
        return member?.isUp === true ? void cluster.step(member, { type: 'campaign' }) : undefined;
    }
  }

  #crashOrRestart(member: TestMember): void {
    const cluster = this.#cluster;
    if (!member.isUp) {
      cluster.restart(member);
      return;
    }
    cluster.crash(member, this.#random.below(member.disk.pendingWrites + 1), this.#random.below(5));
    if (this.#random.oneIn(2)) {
      cluster.closeConnections(member);
    }
    if (this.#random.oneIn(2)) {
      cluster.restart(member);
    }
  }

  #partitionOrHeal(): void {
    if (this.#cluster.cuts.size > 0) {
      this.#cluster.heal();
      return;
    }
    const left = ALL.filter(() => this.#random.oneIn(2));
    this.#cluster.partition(
      left,
      ALL.filter((number) => !left.includes(number)),
    );
  }

  #compact(member: TestMember): void {
    if (member.isUp && member.installing === null && member.applied >= member.firstIndex) {
      const through = offsetIndex(
        member.firstIndex,
        this.#random.below(member.applied - member.firstIndex + 1),
      );
      this.#cluster.compact(member, through);
    }
  }

  #changeMembers(leader: TestMember): void {
    const current = configurationOf(leader.running.state);
    const next = this.#nextConfiguration(current);
    if (next === null || !maySucceed(current, next)) {
      return;
    }
    // Far from the ids of commands, so that a refusal is not taken for theirs.
    const id = 1_000_000 + this.#nextChange;
    this.#nextChange += 1;
    this.#cluster.step(leader, { type: 'propose-configuration', id, configuration: next });
  }

  #nextConfiguration(current: Configuration): Configuration | null {
    if (isJoint(current)) {
      return { ...current, outgoingVoters: [] };
    }
    const numbers = ALL.filter(() => !this.#random.oneIn(3));
    const voters = memberIds(numbers);
    if (voters.length === 0) {
      return null;
    }
    const bystanders = memberIds(ALL.filter(() => this.#random.oneIn(3)));
    const next = { ...current, voters, outgoingVoters: current.voters };
    return { ...next, learners: bystanders.filter((id) => !isVoter(next, id)) };
  }

  /** Everything works again: the cluster elects a leader, commits something new, and everyone gets it. */
  #recover(): void {
    const cluster = this.#cluster;
    cluster.heal();
    for (const member of cluster.members.values()) {
      if (!member.isUp) {
        cluster.restart(member);
      }
    }
    for (let tick = 0; tick < RECOVERY_TICKS; tick += 1) {
      cluster.tickAll();
      cluster.rest();
      const leader = cluster.leader();
      if (leader === undefined) {
        continue;
      }
      if (this.#isRecovered(leader)) {
        return;
      }
      if (tick % 20 === 0) {
        cluster.propose(leader);
      }
    }
    assert(false, 'the cluster recovers once everything works again');
  }

  /** Everyone in the configuration has everything, and no read is left unanswered. */
  #isRecovered(leader: TestMember): boolean {
    const { state } = leader.running;
    const { voters, outgoingVoters, learners } = configurationOf(state);
    const ids = new Set([...voters, ...outgoingVoters, ...learners]);
    const upToDate = [...ids].every((id) => {
      const member = this.#cluster.members.get(id);
      return member !== undefined && member.applied === state.log.lastIndex;
    });
    const reading = [...this.#cluster.pendingReads.values()].some((read) => ids.has(read.member));
    return upToDate && !reading && state.commit === state.log.lastIndex;
  }
}

function randomOptions(random: SeededRandom, lease: boolean): Partial<RaftOptions> {
  return {
    preVote: !random.oneIn(4),
    checkQuorum: lease || !random.oneIn(4),
    reads: lease ? 'lease' : 'read-index',
    leaseDriftPercent: 0,
    logCacheMaxBytes: random.pick([0, 150, 1_000_000]) ?? 0,
    applyMaxEntries: random.pick([1, 3, 1000]) ?? 1,
    uncommittedMaxBytes: random.pick([30, 1_000_000]) ?? 30,
    pendingReadsMax: random.pick([2, 1000]) ?? 2,
    replication: {
      appendMaxEntries: random.pick([1, 2, 1000]) ?? 1,
      appendMaxBytes: random.pick([60, 100_000]) ?? 60,
      inflightMaxMessages: random.pick([1, 2, 64]) ?? 1,
      inflightMaxBytes: random.pick([100, 100_000]) ?? 100,
      persistBeforeSend: random.oneIn(3),
    },
  };
}
