import { QuorateError } from '@quorate/client';
import { type Command, CommanderError } from 'commander';
import { CliError } from './cli-error.ts';
import type { Context } from './context.ts';
import { exitCodeOf, exitCodes } from './exit-code.ts';
import { styled } from './output.ts';

/** Runs one command line of a program; reports what goes wrong, and resolves to the exit code. */
export async function runProgram(
  program: Command,
  args: readonly string[],
  context: Context,
): Promise<number> {
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCodes.ok.code;
  } catch (error) {
    return reportError(error, context);
  }
}

/** Tells a person what went wrong, in one line wherever it was foreseen, and returns the exit code for it. */
export function reportError(error: unknown, context: Context): number {
  if (error instanceof CommanderError) return reportUsage(error, context);
  if (error instanceof CliError) {
    if (!error.isReported) for (const line of error.message.split('\n')) tell(context, line, error.hint);
    return error.exitCode;
  }
  if (error instanceof QuorateError) {
    tell(context, error.message, error.hint);
    return exitCodeOf(error);
  }
  // Nobody foresaw it: whoever reports it as a fault needs the whole of it.
  context.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return exitCodes.error.code;
}

function reportUsage(error: CommanderError, context: Context): number {
  // Help and the version were asked for, and are printed already.
  if (error.exitCode === 0) return exitCodes.ok.code;
  // A command is missing: its help is on the error output already.
  if (error.code === 'commander.help') return exitCodes.usage.code;
  const [message = '', ...suggestion] = error.message.replace(/^error: /, '').split('\n');
  tell(context, message, suggestion.join(' ').replace(/^\((.*)\)$/, '$1'));
  return exitCodes.usage.code;
}

function tell({ stderr }: Context, message: string, hint: string | null): void {
  const name = styled(stderr, 'red', 'quorate:');
  const line = message.replaceAll(/\s*\n\s*/g, ' ').replace(/\.$/, '');
  stderr.write(`${name} ${line}${hint === null || hint === '' ? '' : `. ${hint}`}\n`);
}
