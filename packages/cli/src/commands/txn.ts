import type { OperationResult, TransactionResult } from '@quorate/client';
import type { Command } from 'commander';
import { readSource } from '../byte-source.ts';
import { usageError } from '../cli-error.ts';
import { type CommandParts, type ConnectionOptions, withConnection } from '../connection.ts';
import type { Context } from '../context.ts';
import { entryToJson } from '../format/entry-json.ts';
import { decodeStrictly, printable } from '../format/printable.ts';
import { counted } from '../format/units.ts';
import { styled, write, writeJson } from '../output.ts';
import { askForTransaction } from '../txn/interactive.ts';
import { parseTransactionJson } from '../txn/json-form.ts';
import { parseTransactionText } from '../txn/text-form.ts';
import type { TransactionPlan } from '../txn/transaction-plan.ts';

type TxnOptions = ConnectionOptions & { readonly file?: string; readonly json?: boolean };

const description = `Does several operations as one: all or none, and only if every condition holds;
otherwise it does others.

Reads the transaction from a file or standard input; at a terminal it asks for
it. A section a line, then a condition or an operation a line:

  if
    value color = blue        # also version, create, mod, lease; = != < >
    missing lock              # or: exists lock
  then
    put color "dark red"
    get --prefix color        # or: get KEY, get KEY END, get --from-key KEY
  else
    del lock                  # as get

Words may be quoted with ' or "; in " and outside, \\n, \\t and \\xNN stand for
bytes. Input that begins with { is JSON; { "base64": "..." } stands for bytes:

  { "if":   [{ "key": "color", "compare": "value", "is": "=", "to": "blue" },
             { "missing": "lock" }],
    "then": [{ "put": { "key": "color", "value": "dark red" } },
             { "get": { "prefix": "color" } }],
    "else": [{ "delete": { "key": "lock" } }] }`;

/** `quorate txn` */
export function addTxn(program: Command, { context, clients }: CommandParts): void {
  const command = program
    .command('txn')
    .summary('do several operations as one')
    .description(description)
    .option('-f, --file <path>', 'read the transaction from a file; - means standard input')
    .option('--json', 'print JSON');
  withConnection(command).action(async (options: TxnOptions) => {
    const plan = await readPlan(options, context);
    const result = await clients.use(options, context, (client) =>
      client
        .transaction()
        .if(...plan.conditions)
        .then(...plan.success)
        .else(...plan.failure)
        .commit({ signal: context.signal }),
    );
    if (options.json === true) await writeJson(context.stdout, toJson(result));
    else await print(result, plan, context);
  });
}

async function readPlan({ file }: TxnOptions, context: Context): Promise<TransactionPlan> {
  if (file === undefined && context.stdin.isTTY === true) return askForTransaction(context);
  const text = decodeStrictly(await readSource(file ?? '-', context));
  if (text === null) throw usageError('the transaction is not valid UTF-8', 'Write other bytes as \\xNN.');
  const plan = text.trimStart().startsWith('{') ? parseTransactionJson(text) : parseTransactionText(text);
  if (plan.conditions.length + plan.success.length + plan.failure.length > 0) return plan;
  throw usageError('the transaction is empty');
}

async function print(result: TransactionResult, plan: TransactionPlan, { stdout }: Context): Promise<void> {
  if (plan.conditions.length > 0) {
    const verdict = result.succeeded
      ? styled(stdout, 'green', 'the conditions hold: then')
      : styled(stdout, 'yellow', 'a condition does not hold: else');
    await write(stdout, `${verdict}\n`);
  }
  for (const each of result.results) await write(stdout, `${describe(each)}\n`);
}

function describe(result: OperationResult): string {
  switch (result.kind) {
    case 'put':
      return 'put';
    case 'delete':
      return `del: ${counted(result.deleted, 'key')} deleted`;
    case 'range': {
      const lines = result.items.map((entry) => `\n  ${printable(entry.key)}\t${printable(entry.value)}`);
      return `get: ${counted(result.count, 'key')}${lines.join('')}`;
    }
    case 'transaction': {
      const inner = result.results.map(describe).join('\n').replaceAll('\n', '\n  ');
      return `txn: ${result.succeeded ? 'then' : 'else'}${inner === '' ? '' : `\n  ${inner}`}`;
    }
  }
}

function toJson(result: TransactionResult): Record<string, unknown> {
  return {
    revision: result.revision,
    succeeded: result.succeeded,
    results: result.results.map(resultToJson),
  };
}

function resultToJson(result: OperationResult): Record<string, unknown> {
  switch (result.kind) {
    case 'put':
      return { put: {} };
    case 'delete':
      return { delete: { deleted: result.deleted } };
    case 'range':
      return { get: { count: result.count, kvs: result.items.map(entryToJson) } };
    case 'transaction':
      return { txn: { succeeded: result.succeeded, results: result.results.map(resultToJson) } };
  }
}
