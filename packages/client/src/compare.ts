import {
  Compare_CompareResult as CompareResult,
  Compare_CompareTarget as CompareTarget,
  type Compare as WireCompare,
} from '@quorate/protocol';
import { type Bytes, toBytes } from './bytes.ts';
import { type KeyRange, toWireRange } from './key-range.ts';
import { QuorateError } from './quorate-error.ts';

export type CompareOperator = '=' | '!=' | '<' | '>';

/** A property of a key, with the type of what it is compared with. */
export type CompareOperands = {
  readonly value: Bytes;
  readonly version: number;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly lease: bigint;
};

export type CompareProperty = keyof CompareOperands;

/** A condition of a transaction. Made by `compare`, `exists` and `missing`. */
export type Comparison = { readonly wire: WireCompare };

/**
 * A condition on one key, or on every key of a range: `compare('a', 'modRevision', '=', 7)`.
 *
 * A key that does not exist has the number 0 for every property but its value, for which no comparison holds,
 * not even `!=`. Over a range, every existing key must meet the condition; an empty range meets any.
 */
export function compare<Property extends CompareProperty>(
  key: Bytes | KeyRange,
  property: Property,
  operator: CompareOperator,
  operand: CompareOperands[Property],
): Comparison {
  const result = results[operator];
  if (result === undefined) {
    throw new QuorateError('invalid-argument', `not a comparison: ${JSON.stringify(operator)}; use = != < >`);
  }
  const range = toWireRange(typeof key === 'string' || key instanceof Uint8Array ? { key } : key);
  return { wire: { ...range, result, target: targets[property], targetUnion: toOperand(property, operand) } };
}

/** Holds if the key exists. */
export function exists(key: Bytes): Comparison {
  return compare(key, 'version', '>', 0);
}

/** Holds if the key does not exist. */
export function missing(key: Bytes): Comparison {
  return compare(key, 'version', '=', 0);
}

const results: Readonly<Record<CompareOperator, CompareResult>> = {
  '=': CompareResult.EQUAL,
  '!=': CompareResult.NOT_EQUAL,
  '<': CompareResult.LESS,
  '>': CompareResult.GREATER,
};

const targets: Readonly<Record<CompareProperty, CompareTarget>> = {
  value: CompareTarget.VALUE,
  version: CompareTarget.VERSION,
  createRevision: CompareTarget.CREATE,
  modRevision: CompareTarget.MOD,
  lease: CompareTarget.LEASE,
};

function toOperand(property: CompareProperty, operand: Bytes | number | bigint): WireCompare['targetUnion'] {
  switch (property) {
    case 'value':
      return { $case: 'value', value: toBytes(operand as Bytes) };
    case 'lease':
      return { $case: 'lease', lease: operand as bigint };
    case 'version':
      return { $case: 'version', version: toInteger(operand) };
    case 'createRevision':
      return { $case: 'createRevision', createRevision: toInteger(operand) };
    case 'modRevision':
      return { $case: 'modRevision', modRevision: toInteger(operand) };
  }
}

function toInteger(operand: unknown): number {
  if (Number.isSafeInteger(operand)) return operand as number;
  throw new QuorateError('invalid-argument', `expected an integer to compare with, got ${String(operand)}`);
}
