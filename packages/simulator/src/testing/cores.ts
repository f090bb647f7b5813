import {
  type Configuration,
  defaultRaftOptions,
  type Entry,
  type Input,
  type Output,
  RaftCore,
  toLogIndex,
  toMemberId,
  toTerm,
} from '@quorate/raft';
import type { MemberIdentity, Violation } from '../cluster/run-observer.ts';

/** A member for tests of checkers: host 0 is n1. */
export function member(host: number): MemberIdentity {
  return { host, id: toMemberId(BigInt(host + 1)), name: `n${host + 1}` };
}

/** A core whose log has `entries`, in `term`, with everything up to `commit` committed and applied. */
export function restoredCore(
  host: number,
  entries: readonly Entry[],
  at: { readonly term: number; readonly commit: number },
): RaftCore {
  const { id } = member(host);
  const options = defaultRaftOptions({ id, electionTimeoutMs: 900, random: () => 0 });
  const termRuns = entries.flatMap((entry, position) =>
    entry.term === entries[position - 1]?.term ? [] : [{ term: entry.term, firstIndex: entry.index }],
  );
  return RaftCore.create(options, {
    hardState: { term: toTerm(at.term), vote: null, commit: toLogIndex(at.commit) },
    snapshot: null,
    configurations: [{ index: toLogIndex(1), configuration: soloConfiguration(host) }],
    firstIndex: toLogIndex(1),
    lastIndex: toLogIndex(entries.length),
    termRuns,
    entries,
    applied: toLogIndex(at.commit),
  });
}

/** A log that starts with the configuration of a cluster with one voter. */
export function soloLog(host: number, terms: readonly number[], text = 'x'): Entry[] {
  const first: Entry = {
    kind: 'configuration',
    term: toTerm(1),
    index: toLogIndex(1),
    configuration: soloConfiguration(host),
  };
  return [first, ...terms.map((term, position) => command(position + 2, term, text))];
}

export function command(index: number, term: number, text: string): Entry {
  return {
    kind: 'command',
    term: toTerm(term),
    index: toLogIndex(index),
    data: new TextEncoder().encode(text),
  };
}

/** Makes a core with one voter the leader of the next term, and returns all outputs on the way. */
export function elect(core: RaftCore): Output[] {
  const outputs: Output[] = [];
  const step = (input: Input): void => {
    const output = core.step(input, 0);
    outputs.push(output);
    if (output.persist !== null) {
      step({ type: 'persisted', batch: output.persist.batch });
    }
  };
  step({ type: 'campaign' });
  return outputs;
}

/** An output that says nothing but this. */
export function outputWith(fields: Partial<Output>): Output {
  return {
    messages: [],
    persist: null,
    messagesAfterPersist: [],
    entriesToApply: [],
    readsReady: [],
    readsRefused: [],
    proposalsRefused: [],
    logReads: [],
    snapshotToInstall: null,
    events: [],
    ...fields,
  };
}

export const someInput: Input = { type: 'tick' };

/** Collects what checkers report. */
export function collectViolations(): {
  readonly found: Violation[];
  readonly report: (violation: Violation) => void;
} {
  const found: Violation[] = [];
  return { found, report: (violation) => found.push(violation) };
}

function soloConfiguration(host: number): Configuration {
  const { id, name } = member(host);
  return {
    voters: [id],
    outgoingVoters: [],
    learners: [],
    learnersNext: [],
    addresses: [{ id, name, peerUrls: [`simulated://${name}`] }],
  };
}
