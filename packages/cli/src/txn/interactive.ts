import type { Comparison, Operation } from '@quorate/client';
import { CliError, usageError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { printable } from '../format/printable.ts';
import { LineReader } from '../text/line-reader.ts';
import { splitWords, type Word } from '../text/words.ts';
import { parseCondition, parseOperation } from './text-form.ts';
import type { TransactionPlan } from './transaction-plan.ts';

const questions = {
  conditions:
    'if (conditions, such as: value color = blue, version lock = 0, exists a, missing b; an empty line ends)',
  success:
    'then (what to do if all of them hold: put KEY VALUE, get KEY, del --prefix KEY; an empty line ends)',
  failure: 'else (what to do otherwise; an empty line ends)',
};

/**
 * Asks a person at a terminal for a transaction, section by section. A line that makes no sense is explained
 * and asked for again. Throws a usage error if the input ends early (Ctrl-D).
 */
export async function askForTransaction(context: Context): Promise<TransactionPlan> {
  if (context.ask !== undefined) return askWith(context.ask, context);
  const reader = new LineReader({ input: context.stdin, output: context.stderr });
  try {
    return await askWith((prompt) => reader.ask(prompt), context);
  } finally {
    reader.close();
  }
}

type Ask = (prompt: string) => Promise<string | null>;

async function askWith(ask: Ask, context: Context): Promise<TransactionPlan> {
  return {
    conditions: await askForLines<Comparison>(ask, questions.conditions, parseCondition, context),
    success: await askForLines<Operation>(ask, questions.success, parseOperation, context),
    failure: await askForLines<Operation>(ask, questions.failure, parseOperation, context),
  };
}

async function askForLines<Item>(
  ask: Ask,
  question: string,
  parse: (words: readonly Word[]) => Item,
  { stderr }: Context,
): Promise<Item[]> {
  stderr.write(`${question}:\n`);
  const items: Item[] = [];
  for (;;) {
    const line = await ask('  ');
    if (line === null) throw usageError('the transaction is not complete: nothing was done');
    if (line.trim() === '') return items;
    try {
      items.push(parse(splitWords(line)));
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      stderr.write(`  ${printable(Buffer.from(error.message))}. ${error.hint ?? ''}\n`);
    }
  }
}
