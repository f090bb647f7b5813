import assert from 'node:assert/strict';
import {
  checkState,
  checkTransition,
  cloneState,
  type Configuration,
  defaultRaftOptions,
  type Entry,
  type HardState,
  type Input,
  type LogIndex,
  type MemberId,
  type Message,
  type Output,
  type Persist,
  RaftCore,
  type RaftOptions,
  replicationPreset,
  type State,
  type Term,
} from '@quorate/raft';
import type { Bounds } from './bounds.ts';
import { checkRelease } from './check-release.ts';
import { checkDisk, type Disk, writeTo } from './disk.ts';
import type { MemberEvent, Time } from './member-event.ts';

/** One member between two events: the production core's state, and what its caller keeps for it. Immutable. */
export type Member = {
  readonly core: State;
  readonly disk: Disk;
  /** Handed out by the core and not on the disk, oldest first. */
  readonly writing: readonly Persist[];
  /** Messages that wait until that many of the writes are on the disk. */
  readonly held: readonly HeldMessage[];
};

export type HeldMessage = { readonly message: Message; readonly writes: number };

/** What an event led to. */
export type MemberStep = {
  readonly member: Member;
  readonly sent: readonly Message[];
  readonly readsReady: Output['readsReady'];
  readonly readsRefused: readonly number[];
  readonly commandsRefused: readonly number[];
};

const electionTimeoutTicks = 10;
const heartbeatTicks = 2;

/** Runs members of a cluster with these bounds, one event at a time. */
export class MemberRunner {
  readonly #bounds: Bounds;
  readonly configuration: Configuration;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
    const ids = Array.from({ length: bounds.members }, (_, index) => BigInt(index + 1) as MemberId);
    this.configuration = {
      voters: ids,
      outgoingVoters: [],
      learners: [],
      learnersNext: [],
      addresses: [],
    };
  }

  /** A founding member: its log holds the configuration, which is committed. */
  found(id: MemberId): Member {
    const { configuration } = this;
    const entry: Entry = { kind: 'configuration', term: 1 as Term, index: 1 as LogIndex, configuration };
    const hardState: HardState = { term: 1 as Term, vote: null, commit: 1 as LogIndex };
    const member = this.#start(id, { hardState, log: [entry] }, 1 as LogIndex, 0);
    // A clock tells it that it has started: from then on it keeps the promises that leases rely on.
    const raft = RaftCore.resume(this.#optionsOf(id), member.core);
    raft.step({ type: 'tick' }, 0);
    resetClocks(raft.state);
    return { ...member, core: raft.state };
  }

  /** Throws an AssertionError if the event breaks an invariant that one member can see. */
  step(before: Member, event: MemberEvent, time: Time): MemberStep {
    if (event.type === 'crash') {
      const disk = before.writing.slice(0, event.kept).reduce(writeTo, before.disk);
      checkDisk(before.disk, disk);
      const member = this.#start(before.core.id, disk, event.applied, this.#nextLife(before));
      return { member, sent: [], readsReady: [], readsRefused: [], commandsRefused: [] };
    }
    const run = new MemberRun(before, this.#optionsOf(before.core.id), this.#bounds.slowDisk, time);
    run.take(event);
    checkState(run.core);
    checkTransition(before.core, run.core);
    return run.finish();
  }

  #start(id: MemberId, disk: Disk, applied: LogIndex, life: number): Member {
    const termRuns = disk.log
      .filter((entry, position) => position === 0 || entry.term !== disk.log[position - 1]?.term)
      .map(({ term, index }) => ({ term, firstIndex: index }));
    const configurations = disk.log.flatMap((entry) => (entry.kind === 'configuration' ? [entry] : []));
    const core = RaftCore.create(this.#optionsOf(id, life), {
      hardState: disk.hardState,
      snapshot: null,
      configurations,
      firstIndex: 1 as LogIndex,
      lastIndex: disk.log.length as LogIndex,
      termRuns,
      entries: disk.log,
      applied,
    });
    checkState(core.state);
    return { core: core.state, disk, writing: [], held: [] };
  }

  /** Each life of a member draws a number for its forwarded reads, so that answers to earlier ones do not match. */
  #nextLife(before: Member): number {
    return this.#bounds.reads === 0 ? 0 : Math.floor(before.core.nextForwardedRead / 2 ** 32) + 1;
  }

  #optionsOf(id: MemberId, life = 0): RaftOptions {
    const { preVote, checkQuorum, replication, time } = this.#bounds;
    return {
      ...defaultRaftOptions({
        id,
        electionTimeoutMs: 1000,
        random: (bound) => (bound === 2 ** 20 ? life : bound - 1),
      }),
      electionTimeoutTicks,
      heartbeatTicks,
      preVote,
      checkQuorum,
      reads: time > 0 ? 'lease' : 'read-index',
      replication: replicationPreset(replication),
    };
  }
}

/** Names a configuration among proposals. No command has such a number. */
const configurationId = 1000;

/** From one set of voters to another: at once if only one vote changes, else through a joint configuration. */
function changeOf(current: Configuration, voters: readonly MemberId[]): Configuration {
  const changed = new Set(voters).symmetricDifference(new Set(current.voters));
  return { ...current, voters, outgoingVoters: changed.size > 1 ? current.voters : [] };
}

function configurationOf(core: State): Configuration {
  const last = core.configurations.at(-1);
  assert(last !== undefined, 'every founder has a configuration');
  return last.configuration;
}

/** One event at one member, with all that follows at once. */
class MemberRun {
  readonly #before: Member;
  readonly #raft: RaftCore;
  readonly #slowDisk: boolean;
  readonly #nowMs: number;
  #disk: Disk;
  #writing: readonly Persist[];
  #held: readonly HeldMessage[];
  readonly #sent: Message[] = [];
  readonly #readsReady: Output['readsReady'][number][] = [];
  readonly #readsRefused: number[] = [];
  readonly #commandsRefused: number[] = [];

  constructor(before: Member, options: RaftOptions, slowDisk: boolean, time: Time) {
    this.#before = before;
    this.#raft = RaftCore.resume(options, cloneState(before.core));
    this.#slowDisk = slowDisk;
    this.#nowMs = time * (options.electionTimeoutMs / 2);
    this.#disk = before.disk;
    this.#writing = before.writing;
    this.#held = before.held;
  }

  get core(): State {
    return this.#raft.state;
  }

  finish(): MemberStep {
    checkDisk(this.#before.disk, this.#disk);
    resetClocks(this.core);
    return {
      member: { core: this.core, disk: this.#disk, writing: this.#writing, held: this.#held },
      sent: this.#sent,
      readsReady: this.#readsReady,
      readsRefused: this.#readsRefused,
      commandsRefused: this.#commandsRefused,
    };
  }

  take(event: Exclude<MemberEvent, { type: 'crash' }>): void {
    const { core } = this;
    switch (event.type) {
      case 'deliver':
        return this.#input({ type: 'message', message: event.message });
      case 'persist':
        return this.#persistOldest();
      case 'campaign':
        return this.#input({ type: 'campaign' });
      case 'lose-patience':
        core.election.elapsedTicks = electionTimeoutTicks;
        return;
      case 'heartbeat':
        assert(core.role.kind === 'leader');
        core.role.heartbeatElapsedTicks = heartbeatTicks - 1;
        return this.#input({ type: 'tick' });
      case 'check-quorum':
        assert(core.role.kind === 'leader');
        core.role.quorumCheckElapsedTicks = electionTimeoutTicks - 1;
        return this.#input({ type: 'tick' });
      case 'propose':
        return this.#input({
          type: 'propose',
          proposals: [{ id: event.command, data: Uint8Array.of(event.command) }],
        });
      case 'configure':
        return this.#input({
          type: 'propose-configuration',
          id: configurationId,
          configuration: changeOf(configurationOf(core), event.voters),
        });
      case 'read':
        return this.#input({ type: 'read', id: event.id });
      case 'transfer':
        return this.#input({ type: 'transfer-leadership', to: event.to });
      case 'transfer-timeout':
        assert(core.role.kind === 'leader' && core.role.transfer !== null);
        core.role.transfer.elapsedTicks = electionTimeoutTicks - 1;
        return this.#input({ type: 'tick' });
      case 'unreachable':
        return this.#input({ type: 'peer-unreachable', peer: event.peer });
    }
  }

  #input(input: Input): void {
    const output = this.#raft.step(input, this.#nowMs);
    assert(output.logReads.length === 0, 'all entries are in memory here');
    for (const message of output.messages) this.#send(message);
    if (output.persist !== null) this.#writing = [...this.#writing, output.persist];
    for (const message of output.messagesAfterPersist) {
      if (this.#writing.length === 0) this.#send(message);
      else this.#held = [...this.#held, { message, writes: this.#writing.length }];
    }
    this.#readsReady.push(...output.readsReady);
    this.#readsRefused.push(...output.readsRefused.map(({ id }) => id));
    this.#commandsRefused.push(
      ...output.proposalsRefused.flatMap(({ id }) => (id === configurationId ? [] : [id])),
    );
    this.#apply(output.entriesToApply);
    if (!this.#slowDisk) {
      while (this.#writing.length > 0) this.#persistOldest();
    }
  }

  /** Applying takes no time here: it only frees room for more. */
  #apply(entries: readonly Entry[]): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    for (const entry of entries) {
      assert(this.core.log.cache[entry.index - 1] === entry, 'what is applied is in the log');
      assert.equal(this.#disk.log[entry.index - 1]?.term, entry.term, 'what is applied is on the disk');
    }
    this.#input({ type: 'applied', index: last.index });
  }

  #persistOldest(): void {
    const [oldest, ...rest] = this.#writing;
    assert(oldest !== undefined);
    this.#disk = writeTo(this.#disk, oldest);
    this.#writing = rest;
    const held = this.#held.map(({ message, writes }) => ({ message, writes: writes - 1 }));
    this.#held = held.filter(({ writes }) => writes > 0);
    for (const { message, writes } of held) {
      if (writes === 0) this.#send(message);
    }
    this.#input({ type: 'persisted', batch: oldest.batch });
  }

  #send(message: Message): void {
    checkRelease(this.#disk, message);
    this.#sent.push(message);
  }
}

/** Clocks are events, so how far they have run is no part of the state; only "for too long" is. */
function resetClocks({ role, election }: State): void {
  const isTimedOut = role.kind === 'follower' && role.leader !== null;
  election.elapsedTicks =
    isTimedOut && election.elapsedTicks >= electionTimeoutTicks ? electionTimeoutTicks : 0;
  if (role.kind === 'leader') {
    role.heartbeatElapsedTicks = 0;
    role.quorumCheckElapsedTicks = 0;
    if (role.transfer !== null) role.transfer.elapsedTicks = 0;
  }
}

/** Whether a follower would notice that it has lost its patience. */
export function isPatient({ core }: Member): boolean {
  const { role, election } = core;
  return role.kind === 'follower' && role.leader !== null && election.elapsedTicks < electionTimeoutTicks;
}

/** What of a member decides about its future. Numbers of batches only count from the oldest one on. */
export function essence(member: Member): unknown {
  const { persistence, ...core } = member.core;
  const { nextBatch: _next, pending, ...rest } = persistence;
  return {
    core: {
      ...core,
      persistence: {
        ...rest,
        pending: pending.map(({ term, vote, lastIndex }) => ({ term, vote, lastIndex })),
      },
    },
    disk: member.disk,
    writing: member.writing.map(({ hardState, entries, sync }) => ({ hardState, entries, sync })),
    held: member.held,
  };
}
