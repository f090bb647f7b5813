import { assert } from '../assert.ts';
import type { Configuration } from '../configuration.ts';
import { type MemberId, offsetIndex } from '../identifiers.ts';
import { maySucceed } from '../membership.ts';
import { isJoint, isVoter } from '../quorum.ts';
import { configurationOf } from '../state.ts';
import { memberIds } from './builders.ts';
import { SeededRandom } from './seeded-random.ts';
import { TestCluster } from './test-cluster.ts';
import type { TestMember } from './test-member.ts';
import { drawEvent, drawWeather, type RandomEvent, type Weather } from './weather.ts';

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
  #nextChange = 1;

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    this.#random = random;
    this.#weather = drawWeather(random);
    const { size, weights, options, automatic, cachedOnRestart } = this.#weather;
    this.#cluster = new TestCluster({
      founders: { voters: ALL.slice(0, size) },
      spares: weights['change-members'] > 0 ? ALL.slice(size) : [],
      options,
      random,
      automatic,
      cachedOnRestart,
    });
  }

  /** Runs `steps` random events, then heals everything and checks that the cluster recovers. */
  run(steps: number): void {
    for (let done = 0; done < steps; done += 1) {
      this.#perform(drawEvent(this.#random, this.#weather.weights));
    }
    this.#recover();
  }

  #perform(event: RandomEvent): void {
    const cluster = this.#cluster;
    const member = this.#random.pick([...cluster.members.values()]);
    const leader = this.#anyLeader();
    switch (event) {
      case 'deliver':
        return this.#deliverOne();
      case 'work':
        return this.#work();
      case 'time':
        return this.#passTime();
      case 'propose':
        return this.#askSomeone((asked) => void cluster.propose(asked));
      case 'read':
        return this.#askSomeone((asked) => void cluster.read(asked));
      case 'campaign':
        return member?.isUp === true ? this.#campaign(member) : undefined;
      case 'crash':
        return member === undefined ? undefined : this.#crashOrRestart(member);
      case 'partition':
        return this.#partitionOrHeal();
      case 'transfer':
        return leader === undefined || member === undefined
          ? undefined
          : void cluster.step(leader, { type: 'transfer-leadership', to: member.id });
      case 'unreachable':
        return leader === undefined || member === undefined || member === leader
          ? undefined
          : void cluster.step(leader, { type: 'peer-unreachable', peer: member.id });
      case 'compact':
        return member === undefined ? undefined : this.#compact(member);
      case 'change-members':
        return leader === undefined ? undefined : this.#changeMembers(leader);
    }
  }

  /** Any leader: one that was deposed and does not know it is the most interesting one to ask. */
  #anyLeader(): TestMember | undefined {
    return this.#random.pick(this.#cluster.running().filter(({ running }) => running.role === 'leader'));
  }

  /** Starts a campaign, but seldom where one is under way: none would ever end. */
  #campaign(member: TestMember): void {
    if (member.running.role === 'follower' || this.#random.oneIn(8)) {
      this.#cluster.step(member, { type: 'campaign' });
    }
  }

  #askSomeone(ask: (member: TestMember) => void): void {
    const anyone = this.#random.pick(this.#cluster.running());
    const leader = this.#anyLeader();
    const asked = this.#random.oneIn(3) ? anyone : (leader ?? anyone);
    if (leader === undefined && asked !== undefined && this.#random.oneIn(3)) {
      // Time passes slowly here: do not wait for it.
      this.#campaign(asked);
    } else if (asked !== undefined) {
      ask(asked);
    }
  }

  #deliverOne(): void {
    const { network } = this.#cluster;
    if (network.length === 0) {
      this.#work();
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

  #work(): void {
    const member = this.#random.pick(this.#cluster.running());
    if (member === undefined) {
      return;
    }
    if (member.disk.pendingWrites > 0 && !this.#random.oneIn(3)) {
      this.#cluster.persist(member);
    } else if (member.toApply.length > 0) {
      this.#cluster.apply(member, 1 + this.#random.below(member.toApply.length));
    } else if (member.isInstalling) {
      this.#cluster.finishInstall(member);
    } else if (this.#random.oneIn(4)) {
      this.#cluster.failTransfer(member);
    } else {
      this.#cluster.beginInstall(member);
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

  #crashOrRestart(member: TestMember): void {
    const cluster = this.#cluster;
    if (!member.isUp) {
      cluster.restart(member);
      return;
    }
    const survivors = this.#random.oneIn(2) ? 0 : this.#random.below(member.disk.pendingWrites + 1);
    cluster.crash(member, survivors, this.#random.below(5));
    if (this.#random.oneIn(2)) {
      cluster.closeConnections(member);
    }
    if (this.#random.oneIn(2)) {
      cluster.restart(member);
    }
  }

  /** Splits the network at random, or cuts a leader off; a split lasts a while. */
  #partitionOrHeal(): void {
    const cluster = this.#cluster;
    if (cluster.cuts.size > 0) {
      if (this.#random.oneIn(3)) {
        cluster.heal();
      }
      return;
    }
    const leader = this.#random.oneIn(2) ? undefined : this.#anyLeader();
    const left = leader === undefined ? ALL.filter(() => this.#random.oneIn(2)) : [Number(leader.id)];
    cluster.partition(
      left,
      ALL.filter((number) => !left.includes(number)),
    );
    if (leader !== undefined && this.#random.oneIn(2)) {
      // What cut it off also closed its connections: the others believe that it is dead.
      cluster.closeConnections(leader);
    }
  }

  #compact(member: TestMember): void {
    if (member.isUp && !member.isInstalling && member.applied >= member.firstIndex) {
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
