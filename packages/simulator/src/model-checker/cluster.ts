import assert from 'node:assert/strict';
import { type LogIndex, type MemberId, type Message, toMemberId } from '@quorate/raft';
import type { Bounds } from './bounds.ts';
import { checkCluster } from './check-cluster.ts';
import type { ClusterHistory } from './history.ts';
import { isPatient, MemberRunner } from './member.ts';
import type { MemberEvent, Time } from './member-event.ts';
import { Symmetry } from './symmetry.ts';
import { type HistoryRow, type MemberRow, type MemberStepRow, Tables } from './tables.ts';
import { type BoundedKind, type Used, usedMax, useOne, usedOf } from './used.ts';

/**
 * The whole cluster between two events. Immutable.
 *
 * The network is a set: a message that was sent may arrive at any time, or never. With unlimited duplicates it
 * stays there for ever, else it leaves when it arrives for the last time. What a transport must not repeat
 * (forwarded commands and their refusals) always leaves, and so do forwarded reads.
 */
export type Cluster = {
  readonly members: readonly MemberRow[];
  readonly history: HistoryRow;
  readonly used: Used;
  /** The numbers of messages, ascending. */
  readonly network: readonly number[];
};

/** One thing that may happen next. */
export type Choice = {
  /** The member's position; -1 if time passes for all. */
  readonly at: number;
  readonly event: number;
  /** What it takes from the bounds, if anything. */
  readonly uses: BoundedKind | null;
  /** The message that leaves the network, or -1. */
  readonly consumes: number;
};

export type Outcome =
  | { readonly type: 'next'; readonly cluster: Cluster }
  /** It changes nothing, or leads beyond the bounds. */
  | { readonly type: 'skipped' }
  | { readonly type: 'violation'; readonly reason: string };

const timePasses: Choice = { at: -1, event: -1, uses: 'time', consumes: -1 };

const skipped: Outcome = { type: 'skipped' };

/** All behaviours of a cluster within bounds: where it starts, what may happen, and what that leads to. */
export class ClusterModel {
  readonly bounds: Bounds;
  readonly symmetry: Symmetry;
  readonly tables: Tables;
  readonly #runner: MemberRunner;
  readonly #ownChoices = new Map<number, readonly Choice[]>();
  readonly #deliveries: (readonly Choice[])[] = [];
  /** How many steps of the core were executed; all others were known. */
  coreSteps = 0;

  constructor(bounds: Bounds, options: { readonly symmetric?: boolean } = {}) {
    this.bounds = bounds;
    // A configuration names members, and tells them apart.
    const isSymmetric = options.symmetric !== false && bounds.changes === 0;
    this.symmetry = new Symmetry(bounds.members, isSymmetric);
    this.tables = new Tables(this.symmetry);
    this.#runner = new MemberRunner(bounds);
  }

  initial(): Cluster {
    const { tables } = this;
    const members = this.#runner.configuration.voters.map((id) =>
      tables.members.intern(this.#runner.found(id)),
    );
    const entry = members[0]?.log[0];
    assert(entry !== undefined);
    const history: ClusterHistory = {
      leaders: [],
      committed: [{ entry, seenInTerm: 1 }],
      reads: [],
      refused: [],
    };
    return { members, history: tables.histories.intern(history), used: 0, network: [] };
  }

  /** What may happen in a state, always in the same order. */
  choices(cluster: Cluster): readonly Choice[] {
    const choices: Choice[] = [];
    const mayRepeat = this.#has(cluster.used, 'duplicates');
    for (const number of cluster.network) {
      for (const choice of this.#deliveriesOf(number)) {
        if (choice.uses === null || mayRepeat) choices.push(choice);
      }
    }
    for (const [at, row] of cluster.members.entries()) {
      for (const choice of this.#ownChoicesOf(at, row, cluster.used)) {
        if (choice.uses === null || this.#has(cluster.used, choice.uses)) choices.push(choice);
      }
    }
    if (this.#has(cluster.used, 'time')) choices.push(timePasses);
    return choices;
  }

  take(cluster: Cluster, choice: Choice): Outcome {
    const row = cluster.members[choice.at];
    if (row === undefined) return passTime(cluster);
    const step = this.#step(row, choice.event, usedOf(cluster.used, 'time'));
    if (step.type === 'violation') return step;
    // Nothing that an idle event uses up or takes off the network could make more possible.
    if (step.next === row && step.isSilent) return skipped;
    if (step.next.member.core.term > this.bounds.termMax) return skipped;
    const members = cluster.members.with(choice.at, step.next);
    try {
      const history = checkCluster(this.tables, members, choice.at, step, this.#asked(cluster, choice));
      return {
        type: 'next',
        cluster: {
          members,
          history:
            history === cluster.history.history ? cluster.history : this.tables.histories.intern(history),
          used: choice.uses === null ? cluster.used : useOne(cluster.used, choice.uses),
          network: changeNetwork(cluster.network, choice.consumes, step.sent),
        },
      };
    } catch (error) {
      return { type: 'violation', reason: reasonOf(error) };
    }
  }

  #has(used: Used, kind: BoundedKind): boolean {
    const bound = this.bounds[kind];
    return bound === 'unlimited' || usedOf(used, kind) < bound;
  }

  #step(row: MemberRow, number: number, time: Time): MemberStepRow {
    const key = number * (usedMax + 1) + time;
    const known = row.steps.get(key);
    if (known !== undefined) return known;
    this.coreSteps++;
    const stepped = this.#execute(row, this.tables.events.at(number).event, time);
    row.steps.set(key, stepped);
    return stepped;
  }

  #execute(row: MemberRow, event: MemberEvent, time: Time): MemberStepRow {
    try {
      const { member, sent, readsReady, readsRefused, commandsRefused } = this.#runner.step(
        row.member,
        event,
        time,
      );
      const isSilent = [sent, readsReady, readsRefused, commandsRefused].every((list) => list.length === 0);
      return {
        type: 'step',
        next: this.tables.members.intern(member),
        sent: sent.map((message) => this.tables.messages.intern(message).number),
        readsReady,
        readsRefused,
        commandsRefused,
        isSilent,
      };
    } catch (error) {
      return { type: 'violation', reason: reasonOf(error) };
    }
  }

  #deliveriesOf(number: number): readonly Choice[] {
    const known = this.#deliveries[number];
    if (known !== undefined) return known;
    const { message } = this.tables.messages.at(number);
    const { number: event } = this.tables.events.intern({ type: 'deliver', message });
    const at = Number(message.to) - 1;
    const last: Choice = { at, event, uses: null, consumes: number };
    const repeatable: Choice = { at, event, uses: 'duplicates', consumes: -1 };
    const unlimited = this.bounds.duplicates === 'unlimited';
    const choices = mayRepeat(message.type) ? (unlimited ? [repeatable] : [last, repeatable]) : [last];
    const counted = unlimited ? choices.map((choice) => ({ ...choice, uses: null })) : choices;
    this.#deliveries[number] = counted;
    return counted;
  }

  /** What a member may do or suffer without a message, as far as nothing is used up yet. */
  #ownChoicesOf(at: number, row: MemberRow, used: Used): readonly Choice[] {
    const command = usedOf(used, 'commands');
    const read = usedOf(used, 'reads');
    const key = (row.number * 8 + command) * 8 + read;
    const known = this.#ownChoices.get(key);
    if (known !== undefined) return known;
    const choices: Choice[] = [];
    for (const { event, uses } of this.#ownEventsOf(row, command, read)) {
      choices.push({ at, event: this.tables.events.intern(event).number, uses, consumes: -1 });
    }
    this.#ownChoices.set(key, choices);
    return choices;
  }

  *#ownEventsOf(
    { member }: MemberRow,
    command: number,
    read: number,
  ): Generator<{ event: MemberEvent; uses: BoundedKind | null }> {
    const { bounds } = this;
    const { role, term, applying } = member.core;
    if (member.writing.length > 0) yield { event: { type: 'persist' }, uses: null };
    for (let kept = 0; kept <= member.writing.length; kept++) {
      for (const applied of new Set([1 as LogIndex, applying.applied])) {
        yield { event: { type: 'crash', kept, applied }, uses: 'crashes' };
      }
    }
    if (role.kind !== 'leader' && term < bounds.termMax) yield { event: { type: 'campaign' }, uses: null };
    if ((bounds.preVote || bounds.checkQuorum) && isPatient(member)) {
      yield { event: { type: 'lose-patience' }, uses: null };
    }
    const followsLeader = role.kind === 'follower' && role.leader !== null;
    if (role.kind === 'leader' || (followsLeader && bounds.forwarding)) {
      yield { event: { type: 'propose', command }, uses: 'commands' };
    }
    if (role.kind === 'leader' || followsLeader) yield { event: { type: 'read', id: read }, uses: 'reads' };
    if (role.kind !== 'leader') return;
    for (const voters of bounds.changes > 0 ? subsetsOf(bounds.members) : []) {
      yield { event: { type: 'configure', voters }, uses: 'changes' };
    }
    yield { event: { type: 'heartbeat' }, uses: 'heartbeats' };
    if (bounds.checkQuorum) yield { event: { type: 'check-quorum' }, uses: null };
    if (role.transfer !== null) yield { event: { type: 'transfer-timeout' }, uses: null };
    for (const peer of role.peers.keys()) {
      yield { event: { type: 'transfer', to: peer }, uses: 'transfers' };
      yield { event: { type: 'unreachable', peer }, uses: 'losses' };
    }
  }

  /** The history with a read that is being asked. */
  #asked(cluster: Cluster, choice: Choice): ClusterHistory {
    const { history } = cluster.history;
    if (choice.uses !== 'reads') return history;
    return { ...history, reads: [...history.reads, history.committed.length] };
  }
}

/** Every set of at least one of so many members. */
function subsetsOf(members: number): readonly (readonly MemberId[])[] {
  return Array.from({ length: 2 ** members - 1 }, (_, bits) =>
    Array.from({ length: members }, (__, place) => toMemberId(BigInt(place + 1))).filter(
      (___, place) => ((bits + 1) >>> place) & 1,
    ),
  );
}

function passTime(cluster: Cluster): Outcome {
  return { type: 'next', cluster: { ...cluster, used: useOne(cluster.used, 'time') } };
}

/** A leader would queue each copy of a forwarded read, so that there would be no end of states. */
function mayRepeat(type: Message['type']): boolean {
  return type !== 'forwarded-proposals' && type !== 'proposals-refused' && type !== 'forwarded-read';
}

function changeNetwork(
  network: readonly number[],
  consumed: number,
  sent: readonly number[],
): readonly number[] {
  let changed = consumed < 0 ? network : network.filter((number) => number !== consumed);
  for (const number of sent) {
    if (changed.includes(number)) continue;
    let place = changed.length;
    while (place > 0 && (changed[place - 1] ?? 0) > number) place--;
    changed = changed.toSpliced(place, 0, number);
  }
  return changed;
}

function reasonOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  throw new TypeError('something other than an error was thrown', { cause: error });
}
