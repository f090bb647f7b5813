import {
  type Bytes,
  compare,
  type CompareOperator,
  type Comparison,
  exists,
  type KeyRange,
  missing,
  type Operation,
  operation,
  QuorateError,
} from '@quorate/client';
import { usageError } from '../cli-error.ts';
import type { TransactionPlan } from './transaction-plan.ts';

/**
 * Reads a transaction written as JSON, for programs:
 *
 *     { "if":   [{ "key": "color", "compare": "value", "is": "=", "to": "blue" }, { "missing": "lock" }],
 *       "then": [{ "put": { "key": "color", "value": "red" } }, { "get": { "prefix": "color" } }],
 *       "else": [{ "delete": { "key": "lock" } }, { "txn": { "then": [] } }] }
 *
 * Keys and values are strings, or `{ "base64": "..." }` for any bytes. A range is `{ key }`, `{ prefix }` or
 * `{ from, to }`. Throws a usage error that names the place.
 */
export function parseTransactionJson(text: string): TransactionPlan {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw usageError(`this is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    return toPlan(value, 'the transaction');
  } catch (error) {
    if (error instanceof QuorateError) throw usageError(error.message);
    throw error;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function toPlan(value: unknown, place: string): TransactionPlan {
  const fields = toFields(value, place, ['if', 'then', 'else']);
  const list = <Item>(name: string, convert: (item: unknown, place: string) => Item): readonly Item[] => {
    const items = fields[name] ?? [];
    if (!Array.isArray(items)) throw usageError(`${name} must be a list`);
    return items.map((item, index) => convert(item, `${name}[${index}]`));
  };
  return {
    conditions: list('if', toCondition),
    success: list('then', toOperation),
    failure: list('else', toOperation),
  };
}

function toCondition(value: unknown, place: string): Comparison {
  const allowed = ['exists', 'missing', 'key', 'compare', 'is', 'to'];
  const fields = toFields(value, place, allowed);
  if (fields['exists'] !== undefined) return exists(toBytes(fields['exists'], place));
  if (fields['missing'] !== undefined) return missing(toBytes(fields['missing'], place));
  const key = toBytes(fields['key'], `${place}.key`);
  const operator = fields['is'] as CompareOperator;
  const operand = fields['to'];
  const property = fields['compare'];
  switch (property) {
    case 'value':
      return compare(key, 'value', operator, toBytes(operand, `${place}.to`));
    case 'version':
      return compare(key, 'version', operator, toInteger(operand, `${place}.to`));
    case 'create':
      return compare(key, 'createRevision', operator, toInteger(operand, `${place}.to`));
    case 'mod':
      return compare(key, 'modRevision', operator, toInteger(operand, `${place}.to`));
    case 'lease':
      return compare(key, 'lease', operator, BigInt(toInteger(operand, `${place}.to`)));
    default:
      throw usageError(`${place}.compare must be value, version, create, mod or lease`);
  }
}

function toOperation(value: unknown, place: string): Operation {
  const fields = toFields(value, place, ['put', 'get', 'delete', 'txn']);
  const [name, ...others] = Object.keys(fields);
  if (name === undefined || others.length > 0)
    throw usageError(`${place} must have one of put, get, delete, txn`);
  const inner = `${place}.${name}`;
  switch (name) {
    case 'put': {
      const put = toFields(fields['put'], inner, ['key', 'value']);
      return operation.put(toBytes(put['key'], `${inner}.key`), toBytes(put['value'], `${inner}.value`));
    }
    case 'get':
      return operation.range(toRange(fields['get'], inner));
    case 'delete':
      return operation.deleteRange(toRange(fields['delete'], inner));
    default:
      return operation.transaction(toPlan(fields['txn'], inner));
  }
}

function toRange(value: unknown, place: string): KeyRange {
  const fields = toFields(value, place, ['key', 'prefix', 'from', 'to']);
  if (fields['prefix'] !== undefined) return { prefix: toBytes(fields['prefix'], `${place}.prefix`) };
  if (fields['from'] === undefined) return { key: toBytes(fields['key'], `${place}.key`) };
  const from = toBytes(fields['from'], `${place}.from`);
  return fields['to'] === undefined ? { from } : { from, to: toBytes(fields['to'], `${place}.to`) };
}

function toBytes(value: unknown, place: string): Bytes {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && 'base64' in value && typeof value.base64 === 'string') {
    return Buffer.from(value.base64, 'base64');
  }
  throw usageError(`${place} must be a string or { "base64": "..." }`);
}

function toInteger(value: unknown, place: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw usageError(`${place} must be a whole number`);
}

function toFields(value: unknown, place: string, allowed: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw usageError(`${place} must be an object`);
  }
  const unknown = Object.keys(value).find((name) => !allowed.includes(name));
  if (unknown !== undefined) throw usageError(`${place} has no field ${JSON.stringify(unknown)}`);
  return value as Fields;
}
