import { checkEachPart, type Verdict } from '../check-linearizable.ts';
import type { History, OperationRecord } from '../history.ts';
import type { Model } from '../model.ts';
import type { SearchLimits } from '../search.ts';

/** A value, or null for "no such key". */
export type RegisterValue = string | null;

/** An operation on one key. A write of null deletes it. */
export type RegisterOperation = { readonly key: string } & (
  | { readonly type: 'read' }
  | { readonly type: 'write'; readonly value: RegisterValue }
  | { readonly type: 'compare-and-set'; readonly expected: RegisterValue; readonly value: RegisterValue }
);

export type RegisterResult =
  | { readonly type: 'read'; readonly value: RegisterValue }
  | { readonly type: 'write' }
  | { readonly type: 'compare-and-set'; readonly succeeded: boolean };

/**
 * What a key holds. All values that no reply and no condition names are one and the same to the search: `unseen`.
 * `written` is for the report.
 */
type Register = { readonly value: RegisterValue | typeof unseen; readonly written: RegisterValue };

const unseen = Symbol('unseen');

/** One key that starts empty, for one history: which values it names decides what can be told apart. */
export function registerModel(
  part: History<RegisterOperation, RegisterResult>,
): Model<Register, RegisterOperation, RegisterResult> {
  const seen = seenValues(part);
  const write = (state: Register, value: RegisterValue): Register => {
    const next = seen.has(value) ? value : unseen;
    return next === state.value ? state : { value: next, written: value };
  };
  return {
    initial: { value: null, written: null },
    step(state, operation, result) {
      switch (operation.type) {
        case 'read':
          return result === null || (result.type === 'read' && result.value === state.value) ? state : null;
        case 'write':
          return write(state, operation.value);
        case 'compare-and-set': {
          const succeeds = operation.expected === state.value;
          if (result !== null && (result.type !== 'compare-and-set' || result.succeeded !== succeeds))
            return null;
          return succeeds ? write(state, operation.value) : state;
        }
      }
    },
    onlyReads: (operation, result) =>
      operation.type === 'read' || (result.type === 'compare-and-set' && !result.succeeded),
    effect: (operation) =>
      operation.type === 'write' && !seen.has(operation.value) ? 'writes a value that nobody saw' : null,
    hash: (state) => (state.value === unseen ? 1 : hashText(state.value)),
    equals: (first, second) => first.value === second.value,
    describeState: (state) => show(state.written),
    describeOperation,
  };
}

/** Judges a history of single-key operations, each key on its own. */
export function checkRegisters(
  history: History<RegisterOperation, RegisterResult>,
  limits?: SearchLimits,
): Verdict<Register, RegisterOperation, RegisterResult> {
  const parts = [...Map.groupBy(history, (record) => record.operation.key).values()].map(withoutIrrelevant);
  return checkEachPart(
    parts.map((part) => ({ model: registerModel(part), history: part })),
    limits,
  );
}

type RegisterRecord = OperationRecord<RegisterOperation, RegisterResult>;

/**
 * Leaves out unanswered operations that cannot matter: reads, and writes of a value that nobody saw or
 * expected. A valid order that has such a write stays valid without it, unless a compare-and-set failed: that
 * one may have failed because of it.
 */
function withoutIrrelevant(part: readonly RegisterRecord[]): readonly RegisterRecord[] {
  const seen = seenValues(part);
  const setFailed = part.some(({ result }) => result?.type === 'compare-and-set' && !result.succeeded);
  return part.filter(
    ({ operation, result }) =>
      result !== null || (operation.type !== 'read' && (setFailed || seen.has(operation.value))),
  );
}

/** The initial value, and all that a reply or a condition names. */
function seenValues(part: readonly RegisterRecord[]): ReadonlySet<RegisterValue> {
  const seen = new Set<RegisterValue>([null]);
  for (const { operation, result } of part) {
    if (result?.type === 'read') seen.add(result.value);
    if (operation.type === 'compare-and-set') seen.add(operation.expected);
  }
  return seen;
}

function describeOperation(operation: RegisterOperation, result: RegisterResult | null): string {
  const answer = result === null ? '?' : describeResult(result);
  switch (operation.type) {
    case 'read':
      return `read ${operation.key} -> ${answer}`;
    case 'write':
      return `write ${operation.key} = ${show(operation.value)} -> ${answer}`;
    case 'compare-and-set':
      return `set ${operation.key} from ${show(operation.expected)} to ${show(operation.value)} -> ${answer}`;
  }
}

function show(value: RegisterValue): string {
  return value === null ? 'nothing' : JSON.stringify(value);
}

function describeResult(result: RegisterResult): string {
  switch (result.type) {
    case 'read':
      return show(result.value);
    case 'write':
      return 'done';
    case 'compare-and-set':
      return result.succeeded ? 'set' : 'not set';
  }
}

function hashText(text: string | null): number {
  if (text === null) return 0;
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash;
}
