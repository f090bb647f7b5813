import { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { type ConnectionOptions, endpointsOf, withConnection } from '../connection.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-code.ts';
import { styled } from '../output.ts';
import { prepare } from '../command-setup.ts';
import { reportError, runProgram } from '../report.ts';
import { completeLine } from '../shell/completion.ts';
import { History, historyFile } from '../shell/history.ts';
import { ShellClients } from '../shell/shell-clients.ts';
import { toByteString } from '../text/byte-string.ts';
import { LineReader } from '../text/line-reader.ts';
import { splitWords } from '../text/words.ts';
import { addClientCommands } from './client-commands.ts';

const description = `Reads commands line by line and runs them over one connection.

The commands are put, get, del, txn, watch, lease, lock, elect, status and member, with the options that they have outside; help explains them; exit or Ctrl-D leaves. Ctrl-C ends a watch. Tab completes commands and options. Words may be quoted with ' or "; in " and outside, \\n, \\t and \\xNN stand for bytes; # begins a comment. At a terminal lines are remembered in $QUORATE_HISTORY (default: ~/.local/state/quorate/history), but for those that begin with a space. From a pipe the first command that fails ends the shell, with its exit code.`;

/** `quorate shell` */
export function addShell(program: Command, context: Context): void {
  const command = program.command('shell').summary('run commands interactively').description(description);
  withConnection(command).action(async (options: ConnectionOptions) => {
    const exitCode = await runShell(options, context);
    if (exitCode === 0) return;
    throw new CliError('a command of the shell failed', { exitCode, isReported: true });
  });
}

async function runShell(options: ConnectionOptions, context: Context): Promise<number> {
  await using clients = new ShellClients(options);
  const isTerminal = context.stdin.isTTY === true;
  const history = isTerminal ? await History.load(historyFile(context)) : null;
  const program = (inner: Context): Command => {
    const shell = prepare(new Command('quorate'), inner).usage('COMMAND');
    addClientCommands(shell, { context: inner, clients });
    shell.command('exit').summary('leave the shell').alias('quit');
    return shell;
  };
  const completions = program(context);
  const reader = new LineReader({
    input: context.stdin,
    output: context.stdout,
    history: history?.newestFirst ?? [],
    complete: (line) => completeLine(completions, line),
  });
  if (isTerminal) {
    const endpoints = endpointsOf(options, context);
    context.stdout.write(`Commands go to ${endpoints}. help explains them, exit or Ctrl-D leaves.\n`);
  }
  try {
    return await loop(reader, program, history, context);
  } finally {
    reader.close();
    const problem = await history?.save();
    if (typeof problem === 'string') context.stderr.write(`quorate: the history is not saved: ${problem}\n`);
  }
}

async function loop(
  reader: LineReader,
  program: (context: Context) => Command,
  history: History | null,
  context: Context,
): Promise<number> {
  const prompt = styled(context.stdout, 'bold', 'quorate> ');
  let running: AbortController | null = null;
  if (history !== null) {
    reader.onInterrupt(() => {
      if (running === null) reader.discardLine();
      else running.abort();
    });
  }
  for (;;) {
    const line = await reader.ask(prompt);
    if (line === null) {
      if (history !== null) context.stdout.write('\n');
      return exitCodes.ok.code;
    }
    history?.add(line);
    running = new AbortController();
    const inner: Context = {
      ...context,
      signal: running.signal,
      ...(history === null ? {} : { ask: (question: string) => reader.ask(question) }),
    };
    const result = await runLine(line, program(inner), inner);
    running = null;
    if (result === 'exit') return exitCodes.ok.code;
    if (result !== 0 && history === null) return result;
  }
}

async function runLine(line: string, program: Command, context: Context): Promise<number | 'exit'> {
  try {
    const words = splitWords(line).map((word) => toByteString(word.bytes));
    const [first] = words;
    if (first === undefined) return exitCodes.ok.code;
    if (first === 'exit' || first === 'quit') return 'exit';
    return await runProgram(program, words, context);
  } catch (error) {
    return reportError(error, context);
  }
}
