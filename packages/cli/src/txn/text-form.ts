import {
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
import { CliError, usageError } from '../cli-error.ts';
import { splitWords, type Word } from '../text/words.ts';
import type { TransactionPlan } from './transaction-plan.ts';

/** The sections of a transaction, in their order. */
export const sections = ['if', 'then', 'else'] as const;

export type Section = (typeof sections)[number];

/**
 * Reads a transaction as people write it: a section a line, then a condition or an operation a line.
 *
 *     if
 *       value color = blue
 *       missing lock
 *     then
 *       put color red
 *       get --prefix color
 *     else
 *       del lock
 *
 * Words may be quoted as `splitWords` says; `#` begins a comment; lines before the first section belong to
 * `then`. Throws a usage error that names the line.
 */
export function parseTransactionText(text: string): TransactionPlan {
  const plan = { conditions: [] as Comparison[], success: [] as Operation[], failure: [] as Operation[] };
  let section: Section = 'then';
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    inLine(index + 1, () => {
      const words = splitWords(line);
      const [first] = words;
      if (first === undefined) return;
      const heading = words.length === 1 ? sectionOf(first) : null;
      if (heading !== null) section = heading;
      else if (section === 'if') plan.conditions.push(parseCondition(words));
      else (section === 'then' ? plan.success : plan.failure).push(parseOperation(words));
    });
  }
  return plan;
}

/** The section that a line of one word begins, or null. */
export function sectionOf(word: Word): Section | null {
  const name = word.isQuoted ? '' : word.text.replace(/:$/, '').toLowerCase();
  return sections.find((section) => section === name) ?? null;
}

const conditionForms = 'value|version|create|mod|lease KEY =|!=|<|> OPERAND, exists KEY, or missing KEY';

/** `value color = blue`, `version color > 2`, `exists color`, `missing color`. */
export function parseCondition(words: readonly Word[]): Comparison {
  const [head, key, operator, operand] = words;
  const kind = head?.isQuoted === false ? head.text : '';
  if (key !== undefined && words.length === 2 && (kind === 'exists' || kind === 'missing')) {
    return kind === 'exists' ? exists(key.bytes) : missing(key.bytes);
  }
  if (key === undefined || operator === undefined || operand === undefined || words.length > 4) {
    throw usageError('this is no condition', `Write ${conditionForms}.`);
  }
  const sign = parseOperator(operator);
  switch (kind) {
    case 'value':
      return compare(key.bytes, 'value', sign, operand.bytes);
    case 'version':
      return compare(key.bytes, 'version', sign, parseNumber(operand));
    case 'create':
      return compare(key.bytes, 'createRevision', sign, parseNumber(operand));
    case 'mod':
      return compare(key.bytes, 'modRevision', sign, parseNumber(operand));
    case 'lease':
      return compare(key.bytes, 'lease', sign, BigInt(parseNumber(operand)));
    default:
      throw usageError(
        `a condition cannot begin with ${JSON.stringify(head?.text)}`,
        `Write ${conditionForms}.`,
      );
  }
}

/** `put KEY VALUE`, `get KEY [END]`, `del KEY [END]`, the latter two also with `--prefix` or `--from-key`. */
export function parseOperation(words: readonly Word[]): Operation {
  const [head, ...rest] = words;
  switch (head?.isQuoted === false ? head.text : '') {
    case 'put': {
      const [key, value] = rest;
      if (key === undefined || value === undefined || rest.length > 2)
        throw usageError('write put KEY VALUE');
      return operation.put(key.bytes, value.bytes);
    }
    case 'get':
      return operation.range(parseRange(rest));
    case 'del':
      return operation.deleteRange(parseRange(rest));
    default:
      throw usageError(
        `${JSON.stringify(head?.text)} is no operation of a transaction`,
        'Write put KEY VALUE, get KEY [END], or del KEY [END]; for get and del also --prefix or --from-key.',
      );
  }
}

function parseRange(words: readonly Word[]): KeyRange {
  const isFlag = (word: Word): boolean => !word.isQuoted && word.text.startsWith('--');
  const flags = words.filter(isFlag).map((word) => word.text);
  const [key, end, extra] = words.filter((word) => !isFlag(word));
  const unknown = flags.find((flag) => flag !== '--prefix' && flag !== '--from-key');
  if (unknown !== undefined)
    throw usageError(`${unknown} is not known here`, 'Quote a key that begins with --.');
  if (key === undefined) throw usageError('no key given');
  if (extra !== undefined || flags.length + (end === undefined ? 0 : 1) > 1) {
    throw usageError('write a key, a key and an end, --prefix KEY, or --from-key KEY');
  }
  if (end !== undefined) return { from: key.bytes, to: end.bytes };
  if (flags[0] === '--prefix') return { prefix: key.bytes };
  return flags[0] === '--from-key' ? { from: key.bytes } : { key: key.bytes };
}

function parseOperator(word: Word): CompareOperator {
  const { text, isQuoted } = word;
  if (!isQuoted && (text === '=' || text === '!=' || text === '<' || text === '>')) return text;
  throw usageError(`${JSON.stringify(text)} is no comparison`, 'Write one of = != < >.');
}

function parseNumber(word: Word): number {
  const value = /^\d{1,16}$/.test(word.text) ? Number(word.text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw usageError(`${JSON.stringify(word.text)} is no whole number`);
}

/** Adds the line's number to errors that arise from it. */
function inLine(number: number, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (error instanceof CliError)
      throw usageError(`line ${number}: ${error.message}`, error.hint ?? undefined);
    if (error instanceof QuorateError) throw usageError(`line ${number}: ${error.message}`);
    throw error;
  }
}
