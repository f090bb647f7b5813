import type { Configuration } from '../configuration.ts';
import type { Entry } from '../entry.ts';
import { type LogIndex, type MemberId, type Term, toLogIndex, toMemberId, toTerm } from '../identifiers.ts';
import type { RestoredState, TermRun } from '../restored-state.ts';

/** Short ways to say what a test starts from. Members are called n1, n2, ... and have the ids 1, 2, ... */

export function memberId(number: number): MemberId {
  return toMemberId(BigInt(number));
}

export function memberIds(numbers: readonly number[]): MemberId[] {
  return numbers.map(memberId);
}

export type ConfigurationParts = {
  readonly voters: readonly number[];
  readonly outgoing?: readonly number[];
  readonly learners?: readonly number[];
};

export function configuration({ voters, outgoing = [], learners = [] }: ConfigurationParts): Configuration {
  return {
    voters: memberIds(voters),
    outgoingVoters: memberIds(outgoing),
    learners: memberIds(learners),
    learnersNext: [],
    addresses: [],
  };
}

/** A command whose data spells `text`. */
export function command(index: number, term: number, text = `${term}.${index}`): Entry {
  return { kind: 'command', term: toTerm(term), index: toLogIndex(index), data: bytesOf(text) };
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** What an entry says: its term and contents. Equal for equal entries. */
export function describeEntry(entry: Entry): string {
  switch (entry.kind) {
    case 'no-op':
      return `${entry.term}:no-op`;
    case 'command':
      return `${entry.term}:${new TextDecoder().decode(entry.data)}`;
    case 'configuration':
      return `${entry.term}:${describeConfiguration(entry.configuration)}`;
  }
}

export function describeConfiguration(configuration: Configuration): string {
  const list = (ids: readonly MemberId[]): string => ids.map((id) => `n${id}`).join(' ');
  const { voters, outgoingVoters, learners } = configuration;
  const parts = [`voters(${list(voters)})`];
  if (outgoingVoters.length > 0) {
    parts.push(`outgoing(${list(outgoingVoters)})`);
  }
  if (learners.length > 0) {
    parts.push(`learners(${list(learners)})`);
  }
  return parts.join('');
}

/** A log: the configuration that founding members agree on, then one command for each of `terms`. */
export function foundingLog(founders: Configuration, terms: readonly number[] = []): Entry[] {
  const first: Entry = {
    kind: 'configuration',
    term: toTerm(1),
    index: toLogIndex(1),
    configuration: founders,
  };
  return [first, ...terms.map((term, position) => command(position + 2, term))];
}

/** How a member with this log starts; nothing in it is known to be committed. */
export function restoredLog(entries: readonly Entry[], term?: number): RestoredState {
  return {
    hardState: {
      term: term === undefined ? (entries.at(-1)?.term ?? toTerm(0)) : toTerm(term),
      vote: null,
      commit: toLogIndex(0),
    },
    snapshot: null,
    configurations: entries.filter((entry) => entry.kind === 'configuration'),
    firstIndex: toLogIndex(1),
    lastIndex: toLogIndex(entries.length),
    termRuns: termRunsOf(entries),
    entries,
    applied: toLogIndex(0),
  };
}

export function termRunsOf(entries: readonly Entry[]): TermRun[] {
  const runs: TermRun[] = [];
  for (const { term, index } of entries) {
    if (runs.at(-1)?.term !== term) {
      runs.push({ term, firstIndex: index });
    }
  }
  return runs;
}

export function index(value: number): LogIndex {
  return toLogIndex(value);
}

export function term(value: number): Term {
  return toTerm(value);
}
