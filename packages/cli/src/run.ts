import type { Context } from './context.ts';
import { buildProgram } from './program.ts';
import { runProgram } from './report.ts';

/** Runs `quorate` with the arguments that follow its name. Reports errors itself and resolves to the exit code. */
export async function runQuorate(args: readonly string[], context: Context): Promise<number> {
  return runProgram(await buildProgram(args, context), args, context);
}
