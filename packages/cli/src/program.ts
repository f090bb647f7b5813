import { Command } from 'commander';
import { prepare } from './command-setup.ts';
import { addClientCommands } from './commands/client-commands.ts';
import { addShell } from './commands/shell.ts';
import { clientPerCommand, takeConnectionFromProgram } from './connection.ts';
import type { Context } from './context.ts';
import { exitCodes } from './exit-code.ts';
import { readVersion } from './version.ts';

/** Commands that need no server, and therefore none of its modules: loading them would double the time to start. */
const lightCommands: ReadonlySet<string | undefined> = new Set([
  'put',
  'get',
  'del',
  'txn',
  'watch',
  'lease',
  'lock',
  'elect',
  'status',
  'member',
  'alarm',
  'doctor',
  'shell',
]);

/** The commands of `quorate`: all, or those without the server if the arguments name one of them. */
export async function buildProgram(args: readonly string[], context: Context): Promise<Command> {
  const program = prepare(new Command('quorate'), context)
    .description('A replicated, linearizable key-value store that speaks the etcd v3 API.')
    .version(readVersion(), '-V, --version', 'print the version')
    .addHelpText('after', afterHelp);
  if (!lightCommands.has(args[0])) {
    const { addMemberCommands } = await import('./commands/member-commands.ts');
    addMemberCommands(program, context);
  }
  addClientCommands(program, { context, clients: clientPerCommand });
  addShell(program, context);
  takeConnectionFromProgram(program);
  return program;
}

const afterHelp = `
Exit codes:
${Object.values(exitCodes)
  .map(({ code, meaning }) => `  ${code}  ${meaning}`)
  .join('\n')}

Environment:
  QUORATE_ENDPOINTS  the members that client commands talk to, unless --endpoints is given
  QUORATE_*          the options of a member, for "quorate serve"
  NO_COLOR           if set, nothing is coloured`;
