import { checkLinearizable, type Verdict } from './check-linearizable.ts';
import { describeStoreOperation, describeStoreState } from './store-description.ts';
import { execute } from './store-execution.ts';
import { emptyStore, findRecord, sameRecords, sameState, stateAt, type StoreState } from './store-state.ts';
import type { History } from './history.ts';
import type { Model } from './model.ts';
import type { SearchLimits } from './search.ts';
import {
  includes,
  type KeyRecord,
  type RangeOperation,
  type StoreOperation,
  type StoreResult,
} from './store-operation.ts';

export type StoreVerdict = Verdict<StoreState, StoreOperation, StoreResult>;

/**
 * Judges a history of the whole store, which starts empty: puts, deletes, ranges, transactions over many keys and
 * compactions. The revisions in the replies tie most operations to one place, which makes the search short.
 */
export function checkStore(
  history: History<StoreOperation, StoreResult>,
  limits?: SearchLimits,
): StoreVerdict {
  const relevant = history.filter((record) => record.result !== null || mayChange(record.operation));
  return checkLinearizable(storeModel(relevant), relevant, limits);
}

/** The model of a store for one history: it uses what all replies together say about each revision. */
export function storeModel(
  history: History<StoreOperation, StoreResult>,
): Model<StoreState, StoreOperation, StoreResult> {
  const facts = gatherFacts(history);
  const readsPast = history.some((record) => looksBack(record.operation));
  const keys = [...new Set(history.flatMap(({ operation }) => keysPut(operation)))].sort();
  return {
    initial: emptyStore,
    step(state, operation, result) {
      if (result === null) {
        if (operation.type !== 'compaction' && facts.claimed.has(state.revision + 1)) return null;
        const next = execute(state, operation).state;
        return next === state || facts.allowUnanswered(next, state) ? next : null;
      }
      if (operation.type === 'range' && operation.serializable) {
        return isEarlierAnswer(state, operation, result) ? state : null;
      }
      if (!fitsRevision(state, result)) return null;
      const execution = execute(state, operation);
      if (!answers(execution.result, result)) return null;
      return execution.state === state || facts.allow(execution.state, state) ? execution.state : null;
    },
    onlyReads: (operation, result) =>
      result.type === 'refused' || (operation.type !== 'compaction' && !hasChanged(result)),
    effect: (operation) => effectOf(operation, keys),
    hash: (state) => state.hash,
    equals: (first, second) => sameState(first, second, readsPast),
    describeState: describeStoreState,
    describeOperation: describeStoreOperation,
  };
}

/** Deletes do the same if they reach the same ones of all keys that ever are there. */
function effectOf(operation: StoreOperation, keys: readonly string[]): string | null {
  switch (operation.type) {
    case 'delete':
      return JSON.stringify(['delete', ...keys.filter((key) => includes(operation.range, key))]);
    case 'compaction':
      return `compaction ${operation.revision}`;
    case 'put':
    case 'range':
    case 'transaction':
      return null;
  }
}

function keysPut(operation: StoreOperation): readonly string[] {
  switch (operation.type) {
    case 'put':
      return [operation.key];
    case 'transaction':
      return [...operation.success, ...operation.failure].flatMap(keysPut);
    case 'delete':
    case 'range':
    case 'compaction':
      return [];
  }
}

/** Refuses by the header alone, before anything is executed. */
function fitsRevision(state: StoreState, result: StoreResult): boolean {
  if (result.type === 'refused' || result.revision === null) return true;
  return result.revision === state.revision + (hasChanged(result) ? 1 : 0);
}

/** Whether an answer says that the store has a new revision by this operation. */
export function hasChanged(result: StoreResult): boolean {
  switch (result.type) {
    case 'put':
      return true;
    case 'delete':
      return result.deleted > 0;
    case 'transaction':
      return result.results.some(hasChanged);
    case 'range':
    case 'compaction':
    case 'refused':
      return false;
  }
}

/**
 * A serializable range may show any earlier state, since the member that answers may be behind: also one before
 * a compaction, which leaves the revision as it was.
 */
function isEarlierAnswer(state: StoreState, operation: StoreOperation, result: StoreResult): boolean {
  if (result.type === 'refused' || result.revision === null) return true;
  const earlier = stateAt(state, result.revision);
  return earlier !== null && answers(execute({ ...earlier, compactedRevision: 0 }, operation).result, result);
}

/** Whether the recorded answer is the expected one. A revision that is null on either side is not compared. */
function answers(expected: StoreResult, recorded: StoreResult): boolean {
  if (expected.type === 'refused' || recorded.type === 'refused') {
    return expected.type === 'refused' && recorded.type === 'refused' && expected.code === recorded.code;
  }
  const sameRevision =
    expected.revision === null || recorded.revision === null || expected.revision === recorded.revision;
  if (!sameRevision) return false;
  switch (expected.type) {
    case 'put':
      return recorded.type === 'put' && sameRecords(listed(expected.previous), listed(recorded.previous));
    case 'delete':
      return (
        recorded.type === 'delete' &&
        expected.deleted === recorded.deleted &&
        sameRecords(expected.previous, recorded.previous)
      );
    case 'range':
      return (
        recorded.type === 'range' &&
        expected.count === recorded.count &&
        expected.more === recorded.more &&
        sameRecords(expected.records, recorded.records)
      );
    case 'transaction':
      return (
        recorded.type === 'transaction' &&
        expected.succeeded === recorded.succeeded &&
        expected.results.length === recorded.results.length &&
        expected.results.every((part, index) => {
          const other = recorded.results[index];
          return other !== undefined && answers(part, other);
        })
      );
    case 'compaction':
      return recorded.type === 'compaction';
  }
}

function listed(record: KeyRecord | null): readonly KeyRecord[] {
  return record === null ? [] : [record];
}

/**
 * What the replies say about single revisions. It holds in every valid order, so a step against it can be
 * refused at once: without it, the search learns much later that it gave a revision to the wrong one of the
 * unanswered writes.
 */
class RevisionFacts {
  /** Revisions that an answered write made. No unanswered write made them. */
  readonly claimed = new Set<number>();
  /** For each revision, records that some reply showed and whose last change it was. */
  readonly seen = new Map<number, SeenRecord[]>();
  /** For each key and the revision of a change, the last revision at which that change was still the latest. */
  readonly unchangedUntil = new Map<string, Map<number, number>>();
  /** For each revision, everything that was there, if a reply showed that. */
  readonly whole = new Map<number, readonly KeyRecord[]>();

  /** Whether an unanswered operation may lead from the one state to the other. */
  allowUnanswered(next: StoreState, before: StoreState): boolean {
    if (next.revision === before.revision) return true;
    if (this.claimed.has(next.revision)) return false;
    for (const { key, modRevision } of before.records) {
      const until = this.unchangedUntil.get(key)?.get(modRevision) ?? 0;
      if (until >= next.revision && findRecord(next.records, key)?.modRevision !== modRevision) return false;
    }
    const whole = this.whole.get(next.revision);
    if (whole !== undefined && !sameRecords(next.records, whole)) return false;
    return this.allow(next, before);
  }

  allow(next: StoreState, before: StoreState): boolean {
    if (next.revision === before.revision) return true;
    const seen = this.seen.get(next.revision);
    if (seen === undefined) return true;
    return seen.every(({ key, value, createRevision, version }) => {
      const record = findRecord(next.records, key);
      return (
        record !== null &&
        record.modRevision === next.revision &&
        record.createRevision === createRevision &&
        record.version === version &&
        (value === null || record.value === value)
      );
    });
  }
}

type SeenRecord = {
  readonly key: string;
  /** Null if the reply left the value out. */
  readonly value: string | null;
  readonly createRevision: number;
  readonly version: number;
};

function gatherFacts(history: History<StoreOperation, StoreResult>): RevisionFacts {
  const facts = new RevisionFacts();
  for (const { operation, result } of history) {
    if (result === null) continue;
    if (result.type !== 'refused' && result.revision !== null && hasChanged(result)) {
      facts.claimed.add(result.revision);
    }
    gatherSeen(facts, operation, result);
    if (operation.type === 'range' && result.type === 'range' && result.revision !== null) {
      const shownAt = operation.revision > 0 ? operation.revision : result.revision;
      for (const record of result.records) addUnchanged(facts, record, shownAt);
      if (showsAll(operation)) facts.whole.set(shownAt, result.records);
    }
  }
  return facts;
}

/** Whether the answer has every record that there is, and by key. */
function showsAll(operation: RangeOperation): boolean {
  const { range, limit, sort, keysOnly, countOnly } = operation;
  const isUnbounded =
    operation.minModRevision === 0 &&
    operation.maxModRevision === 0 &&
    operation.minCreateRevision === 0 &&
    operation.maxCreateRevision === 0;
  const isEverything = range.type === 'from' && range.first <= '\0' && range.end === null;
  return isEverything && isUnbounded && limit === 0 && sort === null && !keysOnly && !countOnly;
}

function gatherSeen(facts: RevisionFacts, operation: StoreOperation, result: StoreResult): void {
  switch (result.type) {
    case 'put':
    case 'delete':
      for (const record of result.type === 'put' ? listed(result.previous) : result.previous) {
        addSeen(facts, record, false);
      }
      return;
    case 'range': {
      const keysOnly = operation.type === 'range' && operation.keysOnly;
      for (const record of result.records) addSeen(facts, record, keysOnly);
      return;
    }
    case 'transaction': {
      if (operation.type !== 'transaction') return;
      const chosen = result.succeeded ? operation.success : operation.failure;
      for (const [index, part] of result.results.entries()) {
        const inner = chosen[index];
        if (inner !== undefined) gatherSeen(facts, inner, part);
      }
      return;
    }
    case 'compaction':
    case 'refused':
      return;
  }
}

function addUnchanged(facts: RevisionFacts, { key, modRevision }: KeyRecord, shownAt: number): void {
  const ofKey = facts.unchangedUntil.get(key) ?? new Map<number, number>();
  facts.unchangedUntil.set(key, ofKey);
  ofKey.set(modRevision, Math.max(ofKey.get(modRevision) ?? 0, shownAt));
}

function addSeen(facts: RevisionFacts, record: KeyRecord, keysOnly: boolean): void {
  const { key, createRevision, version } = record;
  const list = facts.seen.get(record.modRevision) ?? [];
  if (list.length === 0) facts.seen.set(record.modRevision, list);
  const known = list.find((seen) => seen.key === key && seen.value === (keysOnly ? null : record.value));
  if (known?.version === version && known.createRevision === createRevision) return;
  list.push({ key, value: keysOnly ? null : record.value, createRevision, version });
}

function mayChange(operation: StoreOperation): boolean {
  switch (operation.type) {
    case 'put':
    case 'delete':
    case 'compaction':
      return true;
    case 'range':
      return false;
    case 'transaction':
      return operation.success.some(mayChange) || operation.failure.some(mayChange);
  }
}

function looksBack(operation: StoreOperation): boolean {
  switch (operation.type) {
    case 'put':
    case 'delete':
    case 'compaction':
      return false;
    case 'range':
      return operation.revision > 0 || operation.serializable;
    case 'transaction':
      return operation.success.some(looksBack) || operation.failure.some(looksBack);
  }
}
