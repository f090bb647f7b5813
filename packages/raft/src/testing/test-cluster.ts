import { assert } from '../assert.ts';
import type { HardState, SnapshotDescription } from '../entry.ts';
import { type LogIndex, type MemberId, type MonotonicMs, noIndex, toTerm } from '../identifiers.ts';
import type { Input } from '../input.ts';
import type { Message } from '../message.ts';
import type { RaftOptions } from '../options.ts';
import type { Output, RaftEvent } from '../output.ts';
import { defaultRaftOptions } from '../presets.ts';
import { cloneState } from '../state.ts';
import { bytesOf, type ConfigurationParts, configuration, foundingLog, memberId } from './builders.ts';
import { type CheckedMember, ClusterChecker } from './cluster-checker.ts';
import { SeededRandom } from './seeded-random.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { TestMember } from './test-member.ts';

export type TestClusterOptions = {
  readonly founders: ConfigurationParts;
  /** Members that start with nothing and wait to be added. */
  readonly spares?: readonly number[];
  /** The terms of the entries after the founding one, for members whose logs differ from the start. */
  readonly logs?: Readonly<Record<number, readonly number[]>>;
  /** The term that all founders have seen. Default: that of the last entry in a member's log. */
  readonly term?: number;
  readonly options?: Partial<RaftOptions>;
  readonly random?: SeededRandom;
  /** Whether disks and state machines answer at once; if not, the test says when. Default true. */
  readonly automatic?: boolean;
  /** How many of the newest entries a member has in memory after a restart. Default all. */
  readonly cachedOnRestart?: number;
};

/** What a tick is in simulated time. */
export const TICK_MS = 100;

/**
 * A cluster in memory: cores, disks that lose what was not written, and a network that the test commands.
 * Nothing moves by itself; the order of everything is the test's. Safety is checked after every step.
 */
export class TestCluster {
  readonly members = new Map<MemberId, TestMember>();
  readonly checker = new ClusterChecker();
  /** Messages under way, oldest first. */
  readonly network: Message[] = [];
  /** Directions in which messages are lost, as `from>to`. */
  readonly cuts = new Set<string>();
  readonly random: SeededRandom;
  nowMs: MonotonicMs = 0;
  /** Reads that are not answered, with what was committed when they were asked for. */
  readonly pendingReads = new Map<number, { readonly member: MemberId; readonly commit: number }>();
  /** Answered reads and their indexes; refused ones are dropped. */
  readonly answeredReads = new Map<number, LogIndex>();
  /** Told of everything that happens; stories print it. */
  onEvent: (member: MemberId, event: RaftEvent) => void = () => undefined;
  /** Told when a member turns a client away, or may serve it a read. */
  onAnswer: (member: MemberId, answer: string) => void = () => undefined;
  readonly #automatic: boolean;
  readonly #cachedOnRestart: number;
  #nextRead = 1;
  #nextProposal = 1;
  readonly #proposals = new Map<number, string>();

  constructor(setup: TestClusterOptions) {
    this.random = setup.random ?? new SeededRandom(1);
    this.#automatic = setup.automatic ?? true;
    this.#cachedOnRestart = setup.cachedOnRestart ?? Number.MAX_SAFE_INTEGER;
    const { voters, outgoing = [], learners = [] } = setup.founders;
    const founders = new Set([...voters, ...outgoing, ...learners]);
    for (const number of new Set([...founders, ...(setup.spares ?? [])])) {
      const terms = setup.logs?.[number] ?? [];
      const entries = founders.has(number) ? foundingLog(configuration(setup.founders), terms) : [];
      const hardState: HardState = {
        term: entries.length === 0 ? toTerm(0) : toTerm(setup.term ?? entries.at(-1)?.term ?? 0),
        vote: null,
        commit: noIndex,
      };
      const member = new TestMember(
        memberId(number),
        this.#optionsOf(memberId(number), setup.options),
        SimulatedDisk.holding(entries, hardState),
      );
      this.members.set(member.id, member);
      member.start(this.#cachedOnRestart);
    }
  }

  member(number: number): TestMember {
    const member = this.members.get(memberId(number));
    assert(member !== undefined, `n${number} exists`);
    return member;
  }

  /** The members that are up. */
  running(): TestMember[] {
    return [...this.members.values()].filter((member) => member.isUp);
  }

  /** The leader with the highest term among those that are up, if any. */
  leader(): TestMember | undefined {
    return this.running()
      .filter((member) => member.running.role === 'leader')
      .sort((a, b) => b.running.term - a.running.term)[0];
  }

  /** Gives one member one input, checks what it did, and passes on what it asked for. */
  step(member: TestMember, input: Input): Output {
    const core = member.running;
    const before = cloneState(core.state);
    const output = core.step(input, this.nowMs);
    member.note(output);
    const checked = member.checked();
    assert(checked !== null, 'a member that steps is up');
    this.checker.check(checked, before, output, this.#othersThan(member));
    this.#route(member, output);
    return output;
  }

  tick(member: TestMember): void {
    this.step(member, { type: 'tick' });
  }

  /** Lets time pass for everyone that is up, without delivering anything. */
  tickAll(count = 1): void {
    for (let ticked = 0; ticked < count; ticked += 1) {
      this.nowMs += TICK_MS;
      for (const member of this.running()) {
        this.tick(member);
      }
    }
  }

  /** Delivers until nothing is under way. */
  settle(): void {
    for (let delivered = 0; this.network.length > 0; delivered += 1) {
      assert(delivered < 100_000, 'the network comes to rest');
      this.deliver(0);
    }
  }

  /** Delivers, writes, applies and installs until there is nothing left to do. */
  rest(): void {
    for (let moved = true; moved; ) {
      moved = this.network.length > 0;
      this.settle();
      for (const member of this.running()) {
        moved ||= member.disk.pendingWrites > 0 || member.toApply.length > 0 || member.offered !== null;
        this.#advance(member);
        this.beginInstall(member);
        this.finishInstall(member);
      }
    }
  }

  /** Lets time pass, and delivers everything after each tick. */
  run(ticks: number): void {
    for (let ticked = 0; ticked < ticks; ticked += 1) {
      this.tickAll();
      this.settle();
    }
  }

  /** Delivers one message, unless its way is cut or its receiver is down: then it is lost. */
  deliver(position: number, keep = false): void {
    const message = this.network[position];
    assert(message !== undefined, 'there is a message to deliver');
    if (!keep) {
      this.network.splice(position, 1);
    }
    const receiver = this.members.get(message.to);
    const arrives = receiver?.isUp === true && !this.isCut(message.from, message.to);
    if (arrives) {
      this.step(receiver, { type: 'message', message });
    }
    if (message.type === 'snapshot-request' && (receiver?.offered ?? null) === null) {
      // Either it was lost, or its receiver has no need of it.
      this.#reportSnapshot(message.from, message.to, arrives);
    }
  }

  /** Loses one message. */
  drop(position: number): void {
    const [message] = this.network.splice(position, 1);
    if (message?.type === 'snapshot-request') {
      this.#reportSnapshot(message.from, message.to, false);
    }
  }

  /** Completes the oldest pending write of a member. */
  persist(member: TestMember): void {
    const { batch, messages } = member.disk.completeOldest();
    this.#send(messages);
    if (batch !== null) {
      this.step(member, { type: 'persisted', batch });
    }
  }

  /** Lets a member's state machine apply up to `count` of the entries that it was handed. */
  apply(member: TestMember, count: number): void {
    for (const entry of member.toApply.splice(0, count)) {
      assert(entry.index === member.applied + 1, `n${member.id} applies entries in order`);
      member.applied = entry.index;
    }
    this.step(member, { type: 'applied', index: member.applied });
  }

  /** Proposes one command at a member; returns what it says. */
  propose(member: TestMember, text?: string): string {
    const id = this.#nextProposal;
    this.#nextProposal += 1;
    const content = text ?? `command ${id}`;
    this.#proposals.set(id, content);
    this.step(member, { type: 'propose', proposals: [{ id, data: bytesOf(content) }] });
    return content;
  }

  /** Asks for a linearizable read at a member; returns its number. */
  read(member: TestMember): number {
    const id = this.#nextRead;
    this.#nextRead += 1;
    this.pendingReads.set(id, { member: member.id, commit: this.checker.commit });
    this.step(member, { type: 'read', id });
    return id;
  }

  crash(member: TestMember, survivors = 0, forgotten = 0): void {
    const { offered } = member;
    member.crash(survivors, forgotten);
    if (offered !== null) {
      this.#reportSnapshot(offered.from, member.id, false);
    }
    for (const [id, read] of this.pendingReads) {
      if (read.member === member.id) {
        this.pendingReads.delete(id);
      }
    }
  }

  restart(member: TestMember): void {
    member.start(this.#cachedOnRestart);
  }

  /** The host of a dead member closes its connections: everyone else sees it. */
  closeConnections(of: TestMember): void {
    for (const member of this.running()) {
      if (member !== of) {
        this.step(member, { type: 'peer-closed', peer: of.id });
      }
    }
  }

  compact(member: TestMember, through: LogIndex): void {
    const { state } = member.running;
    const logged = state.configurations.findLast(({ index }) => index <= member.applied);
    const entry = member.log[member.applied - member.firstIndex];
    if (logged === undefined || entry === undefined) {
      return;
    }
    const snapshot: SnapshotDescription = {
      index: member.applied,
      term: entry.term,
      configuration: logged.configuration,
    };
    member.compact(snapshot, through);
    this.step(member, { type: 'compact', snapshot, through });
  }

  /** A member has fetched the snapshot that it was offered, and begins to install it, unless it has no need any more. */
  beginInstall(member: TestMember): void {
    const { offered } = member;
    if (offered !== null && member.running.needsSnapshot(offered.snapshot)) {
      member.toApply.length = 0;
      this.step(member, { type: 'snapshot-installing', snapshot: offered.snapshot });
    } else if (offered !== null && !member.isInstalling) {
      member.offered = null;
      this.#reportSnapshot(offered.from, member.id, true);
    }
  }

  /** Completes the installation of a snapshot. */
  finishInstall(member: TestMember): void {
    const { offered } = member;
    if (offered === null || !member.isInstalling) {
      return;
    }
    while (member.disk.pendingWrites > 0) {
      this.persist(member);
    }
    member.install(offered.snapshot);
    this.step(member, { type: 'snapshot-installed', snapshot: offered.snapshot });
    this.#reportSnapshot(offered.from, member.id, true);
  }

  /** The transfer of the snapshot fails. */
  failTransfer(member: TestMember): void {
    const { offered } = member;
    if (offered !== null && !member.isInstalling) {
      member.offered = null;
      this.#reportSnapshot(offered.from, member.id, false);
    }
  }

  isCut(from: MemberId, to: MemberId): boolean {
    return this.cuts.has(`${from}>${to}`);
  }

  /** Cuts all ways between members of different groups. */
  partition(...groups: readonly (readonly number[])[]): void {
    this.cuts.clear();
    for (const group of groups) {
      const outside = groups.filter((other) => other !== group).flat();
      for (const from of group) {
        for (const to of outside) {
          this.cuts.add(`${from}>${to}`);
        }
      }
    }
  }

  heal(): void {
    this.cuts.clear();
  }

  #optionsOf(id: MemberId, overrides: Partial<RaftOptions> = {}): RaftOptions {
    const required = {
      id,
      electionTimeoutMs: (overrides.electionTimeoutTicks ?? 10) * TICK_MS,
      random: (bound: number) => this.random.below(bound),
    };
    return { ...defaultRaftOptions(required), ...overrides };
  }

  /** The sender of a snapshot learns how its transfer ended, whatever happened. */
  #reportSnapshot(from: MemberId, peer: MemberId, delivered: boolean): void {
    const sender = this.members.get(from);
    if (sender?.isUp === true) {
      this.step(sender, { type: 'snapshot-sent', peer, delivered });
    }
  }

  *#othersThan(member: TestMember): Iterable<CheckedMember> {
    for (const other of this.members.values()) {
      const checked = other === member ? null : other.checked();
      if (checked !== null) {
        yield checked;
      }
    }
  }

  #route(member: TestMember, output: Output): void {
    for (const event of output.events) {
      this.onEvent(member.id, event);
    }
    this.#send(output.messages);
    this.#send(member.disk.accept(output));
    for (const { id, index } of output.readsReady) {
      this.checker.checkRead(index, this.pendingReads.get(id)?.commit ?? noIndex);
      this.answeredReads.set(id, index);
      this.pendingReads.delete(id);
      this.onAnswer(member.id, `may serve read ${id} once ${index} is applied`);
    }
    for (const { id, reason } of output.readsRefused) {
      this.pendingReads.delete(id);
      this.onAnswer(member.id, `refuses read ${id}: ${reason}`);
    }
    for (const { id, reason } of output.proposalsRefused) {
      const content = this.#proposals.get(id) ?? '';
      this.checker.noteRefused(content);
      this.onAnswer(member.id, `refuses ${content === '' ? 'the configuration' : `"${content}"`}: ${reason}`);
    }
    for (const read of output.logReads) {
      this.step(member, { type: 'log-read', read, entries: member.disk.read(read) });
    }
    if (this.#automatic) {
      this.#advance(member);
    }
  }

  /** With automatic disks and state machines nothing stays pending. */
  #advance(member: TestMember): void {
    while (member.disk.pendingWrites > 0) {
      this.persist(member);
    }
    while (member.toApply.length > 0) {
      this.apply(member, member.toApply.length);
    }
  }

  #send(messages: readonly Message[]): void {
    this.network.push(...messages);
  }
}
