import assert from 'node:assert/strict';
import type { Entry, HardState, LogIndex, SnapshotDescription, Term } from '@quorate/raft';
import type { LogWrite } from '../append-rules.ts';
import type { TermRun } from '../entry-map.ts';
import type { WriteAheadLog } from '../write-ahead-log.ts';

/** What a log holds, in the plainest form. A state is never changed, only followed by another. */
export type LogModel = {
  readonly hardState: HardState;
  readonly previousTerm: Term;
  readonly firstIndex: number;
  readonly entries: readonly Entry[];
  readonly snapshot: SnapshotDescription | null;
  /** The newest commit index given, durable or not. */
  readonly commitHint: LogIndex;
};

export const emptyModel: LogModel = {
  hardState: { term: 0 as Term, vote: null, commit: 0 as LogIndex },
  previousTerm: 0 as Term,
  firstIndex: 1,
  entries: [],
  snapshot: null,
  commitHint: 0 as LogIndex,
};

export function lastIndexOf(model: LogModel): number {
  return model.firstIndex + model.entries.length - 1;
}

/** The states that an append goes through; a crash may leave any of them. The last is the one it ends in. */
export function appendStates(before: LogModel, writes: readonly LogWrite[]): readonly LogModel[] {
  let model = before;
  for (const { hardState } of writes) {
    if (hardState !== null) model = { ...model, commitHint: hardState.commit };
  }
  const states = [model];
  const goTo = (next: LogModel): void => {
    model = next;
    states.push(next);
  };
  if (!writes.some((write) => write.sync)) return states;
  for (const { hardState, entries } of writes) {
    if (hardState !== null) {
      goTo({ ...model, hardState: { ...hardState, commit: model.hardState.commit } });
    }
    const first = entries[0];
    if (first !== undefined && first.index <= lastIndexOf(model)) {
      goTo({ ...model, entries: model.entries.slice(0, first.index - model.firstIndex) });
    }
    for (const entry of entries) goTo({ ...model, entries: [...model.entries, entry] });
  }
  goTo({ ...model, hardState: { ...model.hardState, commit: model.commitHint } });
  return states;
}

/** The state after `removeThrough`. */
export function modelAfterRemoval(before: LogModel, index: number, snapshot: SnapshotDescription): LogModel {
  const commit = Math.max(before.hardState.commit, snapshot.index) as LogIndex;
  const common = {
    hardState: { ...before.hardState, commit },
    snapshot,
    firstIndex: index + 1,
    commitHint: Math.max(before.commitHint, commit) as LogIndex,
  };
  if (termIn(before, snapshot.index) !== snapshot.term) {
    return { ...common, previousTerm: snapshot.term, entries: [] };
  }
  const previousTerm = termIn(before, index);
  assert(previousTerm !== null);
  return { ...common, previousTerm, entries: before.entries.slice(index + 1 - before.firstIndex) };
}

/** The state after the log was closed in good order. */
export function modelAfterClose(before: LogModel): LogModel {
  return { ...before, hardState: { ...before.hardState, commit: before.commitHint } };
}

export function termIn(model: LogModel, index: number): Term | null {
  if (index === model.firstIndex - 1) return model.previousTerm;
  return model.entries[index - model.firstIndex]?.term ?? null;
}

/** Asserts that a log that was just opened recovered exactly this, and that all entries can be read. */
export async function assertRecovered(log: WriteAheadLog, model: LogModel): Promise<void> {
  const { recovered } = log;
  assert.deepEqual(recovered.hardState, model.hardState);
  assert.equal(recovered.firstIndex, model.firstIndex);
  assert.equal(recovered.lastIndex, lastIndexOf(model));
  assert.equal(recovered.previousTerm, model.previousTerm);
  assert.deepEqual(recovered.snapshot, model.snapshot);
  assert.deepEqual(recovered.terms, termRuns(model));
  assert.deepEqual(
    recovered.configurations,
    model.entries.filter((entry) => entry.kind === 'configuration'),
  );
  const cached = recovered.entries;
  assert.deepEqual(cached, model.entries.slice(model.entries.length - cached.length));
  await assertReads(log, model);
}

/** Asserts that a log has exactly these entries. */
export async function assertReads(log: WriteAheadLog, model: LogModel): Promise<void> {
  assert.equal(log.firstIndex, model.firstIndex);
  assert.equal(log.lastIndex, lastIndexOf(model));
  if (model.entries.length === 0) return;
  const entries = await log.read(log.firstIndex, log.lastIndex, Number.POSITIVE_INFINITY);
  assert.deepEqual(entries, model.entries);
}

function termRuns(model: LogModel): readonly TermRun[] {
  const runs: TermRun[] = [];
  for (const { term, index } of model.entries) {
    if (runs.at(-1)?.term !== term) runs.push({ term, firstIndex: index });
  }
  return runs;
}
