import { RaftCore } from '../core.ts';
import type { Entry } from '../entry.ts';
import {
  type LogIndex,
  type MemberId,
  type MonotonicMs,
  type Term,
  toLogIndex,
  toTerm,
} from '../identifiers.ts';
import type { Input } from '../input.ts';
import { checkState, checkTransition } from '../invariants.ts';
import type { Message } from '../message.ts';
import type { RaftOptions } from '../options.ts';
import type { Output, RaftEvent, ReadReady, Refusal } from '../output.ts';
import { defaultRaftOptions } from '../presets.ts';
import { votersOf } from '../quorum.ts';
import type { RestoredState } from '../restored-state.ts';
import { cloneState } from '../state.ts';
import { bytesOf, command, configuration, foundingLog, memberId, restoredLog } from './builders.ts';

/** A message without its address: the tests say who sent it. */
type Unaddressed<M> = M extends Message ? Omit<M, 'from' | 'to'> : never;

/** An entry, as `[index, term]`. */
type Position = readonly [number, number];

type AppendFrom = {
  readonly term: number;
  readonly after: Position;
  readonly entries?: readonly number[];
  readonly commit?: number;
};

type VoteRequestFrom = {
  readonly term: number;
  /** Default: a log that is longer than any. */
  readonly last?: Position;
  readonly transfer?: boolean;
  readonly preVote?: boolean;
};

/**
 * One member, n1 unless told otherwise, whose peers are played by the test. Nothing happens by itself: the
 * test gives each input and looks at the output. Invariants are checked after every step.
 */
export class SoloMember {
  readonly core: RaftCore;
  readonly id: MemberId;
  nowMs: MonotonicMs = 0;
  /** Everything that was sent, in order: at once, and after the disk. */
  readonly sent: Message[] = [];
  readonly sentAfterPersist: Message[] = [];
  readonly applied: Entry[] = [];
  readonly readsReady: ReadReady[] = [];
  readonly readsRefused: Refusal[] = [];
  readonly proposalsRefused: Refusal[] = [];
  readonly events: RaftEvent[] = [];
  #lastBatch = 0;

  constructor(restored: RestoredState, options: Partial<RaftOptions> = {}) {
    const id = options.id ?? memberId(1);
    this.id = id;
    this.core = RaftCore.create(
      { ...defaultRaftOptions({ id, electionTimeoutMs: 1000, random: () => 0 }), ...options },
      restored,
    );
  }

  /** A member of a cluster of `size` whose log holds the founding entry and then one entry for each of `terms`. */
  static inCluster(
    size: number,
    terms: readonly number[] = [],
    options: Partial<RaftOptions> = {},
  ): SoloMember {
    const voters = Array.from({ length: size }, (_, position) => position + 1);
    return new SoloMember(restoredLog(foundingLog(configuration({ voters }), terms)), options);
  }

  give(input: Input): Output {
    const before = cloneState(this.core.state);
    const output = this.core.step(input, this.nowMs);
    checkState(this.core.state);
    checkTransition(before, this.core.state);
    this.sent.push(...output.messages);
    this.sentAfterPersist.push(...output.messagesAfterPersist);
    this.applied.push(...output.entriesToApply);
    this.readsReady.push(...output.readsReady);
    this.readsRefused.push(...output.readsRefused);
    this.proposalsRefused.push(...output.proposalsRefused);
    this.events.push(...output.events);
    this.#lastBatch = output.persist?.batch ?? this.#lastBatch;
    return output;
  }

  receive(from: number, message: Unaddressed<Message>): Output {
    return this.give({ type: 'message', message: { ...message, from: memberId(from), to: this.id } });
  }

  tick(count = 1): void {
    for (let ticked = 0; ticked < count; ticked += 1) {
      this.give({ type: 'tick' });
    }
  }

  /** Completes all writes that were handed out. */
  persist(): Output {
    return this.give({ type: 'persisted', batch: this.#lastBatch });
  }

  /** Proposes commands, each of which spells its text. */
  propose(...texts: readonly string[]): Output {
    const proposals = texts.map((text, id) => ({ id, data: bytesOf(text) }));
    return this.give({ type: 'propose', proposals });
  }

  /** Answers an append for a peer that has everything up to `match`. */
  acknowledge(from: number, match: number): Output {
    const matchIndex = toLogIndex(match);
    return this.receive(from, {
      type: 'append-response',
      term: this.term,
      result: { kind: 'matched', matchIndex },
    });
  }

  /** A leader sends one command for each of `entries`, which are their terms, after the entry `after`. */
  receiveAppend(from: number, append: AppendFrom): Output {
    const [previousIndex, previousTerm] = append.after;
    return this.receive(from, {
      type: 'append-request',
      term: toTerm(append.term),
      previousIndex: toLogIndex(previousIndex),
      previousTerm: toTerm(previousTerm),
      entries: (append.entries ?? []).map((term, position) => command(previousIndex + 1 + position, term)),
      commit: toLogIndex(append.commit ?? 0),
    });
  }

  /** A candidate whose log ends with the entry `last` asks for this member's vote, or whether it would get it. */
  requestVote(from: number, request: VoteRequestFrom): Output {
    const term = toTerm(request.term);
    const [lastIndex, lastTerm] = request.last ?? [100, request.term - 1];
    const end = { lastIndex: toLogIndex(lastIndex), lastTerm: toTerm(lastTerm) };
    return request.preVote === true
      ? this.receive(from, { type: 'pre-vote-request', term, ...end })
      : this.receive(from, {
          type: 'vote-request',
          term,
          ...end,
          leadershipTransfer: request.transfer ?? false,
        });
  }

  answerHeartbeat(from: number, round: number): Output {
    return this.receive(from, { type: 'heartbeat-response', term: this.term, round });
  }

  /** Wins an election with everyone's votes; its no-op is durable here and nowhere else. */
  lead(): void {
    this.give({ type: 'campaign' });
    const voters = votersOf(this.core.status().configuration).filter((id) => id !== this.id);
    if (this.core.role === 'pre-candidate') {
      const term = toTerm(this.term + 1);
      for (const id of voters) {
        this.receive(Number(id), { type: 'pre-vote-response', term, granted: true });
      }
    }
    this.persist();
    for (const id of voters) {
      this.receive(Number(id), { type: 'vote-response', term: this.term, granted: true });
    }
    this.persist();
  }

  /** Leads, and every peer has the whole log. */
  leadUnopposed(): void {
    this.lead();
    for (const { id } of this.core.status().peers) {
      this.acknowledge(Number(id), this.lastIndex);
    }
    this.sent.length = 0;
    this.events.length = 0;
  }

  /** Follows n`leader` in `term`. */
  follow(leader: number, term: number): void {
    this.receive(leader, {
      type: 'heartbeat-request',
      term: toTerm(term),
      commit: toLogIndex(0),
      round: 1,
    });
    this.persist();
  }

  get term(): Term {
    return this.core.term;
  }

  get lastIndex(): LogIndex {
    return this.core.status().lastIndex;
  }

  /** What was sent to n`peer` since the last call of `forget`, of one type: at once first, then after the disk. */
  sentTo<T extends Message['type']>(peer: number, type: T): Extract<Message, { type: T }>[] {
    return [...this.sent, ...this.sentAfterPersist].filter(
      (message): message is Extract<Message, { type: T }> =>
        message.to === memberId(peer) && message.type === type,
    );
  }

  /** Forgets what was sent and what happened so far. */
  forget(): void {
    this.sent.length = 0;
    this.sentAfterPersist.length = 0;
    this.events.length = 0;
  }
}
