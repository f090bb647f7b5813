import { assert } from '../assert.ts';
import type { Entry } from '../entry.ts';
import type { LogIndex, MemberId, Term } from '../identifiers.ts';
import { checkState, checkTransition } from '../invariants.ts';
import type { Output } from '../output.ts';
import type { State } from '../state.ts';
import { describeEntry } from './builders.ts';

/** What the checker needs to know of a member: its log as memory has it, whole, and its core's state. */
export type CheckedMember = {
  readonly id: MemberId;
  readonly state: State;
  /** Every entry that the member holds, whether durable or not; the first has index `firstIndex`. */
  readonly log: readonly Entry[];
  readonly firstIndex: LogIndex;
};

/**
 * The safety properties of Raft (figure 3 of the paper), and those of reads and refusals, as only someone
 * who sees the whole cluster can check them. It remembers everything that was ever committed.
 */
export class ClusterChecker {
  readonly #leaders = new Map<Term, MemberId>();
  /** What is committed at index + 1, and in which term that was first seen. */
  readonly #committed: { readonly content: string; readonly seenInTerm: Term }[] = [];
  readonly #committedContents = new Set<string>();
  readonly #refused = new Set<string>();
  readonly #descriptions = new WeakMap<Entry, string>();

  /** The highest index that any member has known to be committed. */
  get commit(): number {
    return this.#committed.length;
  }

  /** The contents of all committed entries, in order. */
  get history(): readonly string[] {
    return this.#committed.map(({ content }) => content);
  }

  /** Checks one member after a step. */
  check(member: CheckedMember, before: State, output: Output, others: Iterable<CheckedMember>): void {
    checkState(member.state);
    checkTransition(before, member.state);
    this.checkElectionSafety(member);
    this.checkStateMachineSafety(member, before.commit, output);
    if (before.role.kind !== 'leader' && member.state.role.kind === 'leader') {
      this.checkLeaderCompleteness(member);
    }
    if (output.persist !== null && output.persist.entries.length > 0) {
      for (const other of others) {
        this.checkLogMatching(member, other);
      }
    }
  }

  /** 5.2, election safety: "at most one leader can be elected in a given term". */
  checkElectionSafety({ id, state }: CheckedMember): void {
    if (state.role.kind !== 'leader') {
      return;
    }
    const known = this.#leaders.get(state.term);
    assert(known === undefined || known === id, `two leaders in term ${state.term}: n${known} and n${id}`);
    this.#leaders.set(state.term, id);
  }

  /** 5.4.3, state machine safety: no two members ever commit or apply different entries at one index. */
  checkStateMachineSafety(member: CheckedMember, commitBefore: LogIndex, output: Output): void {
    const { state, log, firstIndex } = member;
    for (let index = commitBefore + 1; index <= state.commit; index += 1) {
      const entry = log[index - firstIndex];
      if (entry !== undefined) {
        this.#noteCommitted(index, entry, state.term);
      }
    }
    for (const entry of output.entriesToApply) {
      const committed = this.#committed[entry.index - 1];
      assert(committed?.content === this.#describe(entry), `entry ${entry.index} is applied in two versions`);
    }
  }

  /** 5.4.3, leader completeness: what is committed in a term is in the log of every leader of a later term. */
  checkLeaderCompleteness({ id, state, log, firstIndex }: CheckedMember): void {
    for (const [position, { content, seenInTerm }] of this.#committed.entries()) {
      const entry = log[position + 1 - firstIndex];
      const held = position + 1 < firstIndex || (entry !== undefined && this.#describe(entry) === content);
      assert(
        seenInTerm >= state.term || held,
        `n${id} leads term ${state.term} without the committed entry ${position + 1}`,
      );
    }
  }

  /** 5.3, log matching: logs that agree on the term of an entry are identical up to it. */
  checkLogMatching(left: CheckedMember, right: CheckedMember): void {
    const first = Math.max(left.firstIndex, right.firstIndex);
    const last = Math.min(left.firstIndex + left.log.length, right.firstIndex + right.log.length) - 1;
    let matching = false;
    for (let index = last; index >= first; index -= 1) {
      const one = left.log[index - left.firstIndex];
      const other = right.log[index - right.firstIndex];
      if (one === undefined || other === undefined) {
        return;
      }
      matching ||= one.term === other.term;
      assert(
        !matching || one === other || this.#describe(one) === this.#describe(other),
        `the logs of n${left.id} and n${right.id} differ at ${index} although they agree later`,
      );
    }
  }

  /** A refusal is a promise that the command has no effect, now and for ever. */
  noteRefused(content: string): void {
    assert(!this.#committedContents.has(content), `command ${content} was committed, and then refused`);
    this.#refused.add(content);
  }

  /** Linearizability of a read: its index covers everything that was committed when it was asked for. */
  checkRead(index: LogIndex, commitWhenAsked: number): void {
    assert(index >= commitWhenAsked, `a read at ${index} misses what was committed up to ${commitWhenAsked}`);
  }

  #noteCommitted(index: number, entry: Entry, term: Term): void {
    const content = this.#describe(entry);
    const known = this.#committed[index - 1];
    if (known !== undefined) {
      assert(known.content === content, `entry ${index} is committed as ${known.content} and as ${content}`);
      return;
    }
    assert(index === this.#committed.length + 1, 'entries commit in order');
    const text = content.slice(content.indexOf(':') + 1);
    assert(!this.#refused.has(text), `command ${text} was refused, and then committed`);
    this.#committedContents.add(text);
    this.#committed.push({ content, seenInTerm: term });
  }

  #describe(entry: Entry): string {
    let description = this.#descriptions.get(entry);
    if (description === undefined) {
      description = describeEntry(entry);
      this.#descriptions.set(entry, description);
    }
    return description;
  }
}
