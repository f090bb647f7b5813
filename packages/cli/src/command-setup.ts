import type { Command } from 'commander';
import type { Context } from './context.ts';

/**
 * Makes a program throw instead of ending the process, and write where the context says. Subcommands inherit
 * that only if they are added afterwards.
 */
export function prepare(program: Command, context: Context): Command {
  const { stdout, stderr } = context;
  return program
    .exitOverride()
    .showSuggestionAfterError()
    .helpCommand('help [command]', 'explain a command')
    .configureHelp({ helpWidth: helpWidth(context) })
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      // Whoever runs the program reports its errors, in one line.
      outputError: () => undefined,
    });
}

/** The columns that help may take: wide lines are hard to read. */
export function helpWidth({ stdout }: Context): number {
  return Math.min(stdout.columns ?? 100, 100);
}
