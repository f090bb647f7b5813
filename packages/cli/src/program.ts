import { Command } from 'commander';
import { prepare } from './command-setup.ts';
import { addClientCommands } from './commands/client-commands.ts';
import { addInspect } from './commands/inspect.ts';
import { addServe } from './commands/serve.ts';
import { addShell } from './commands/shell.ts';
import { addUp } from './commands/up.ts';
import { clientPerCommand } from './connection.ts';
import type { Context } from './context.ts';
import { exitCodes } from './exit-code.ts';
import { readVersion } from './version.ts';

/** Every command of `quorate`. */
export function buildProgram(context: Context): Command {
  const program = prepare(new Command('quorate'), context)
    .description('A replicated, linearizable key-value store that speaks the etcd v3 API.')
    .version(readVersion(), '-V, --version', 'print the version')
    .addHelpText('after', afterHelp);
  addUp(program, context);
  addServe(program, context);
  addClientCommands(program, { context, clients: clientPerCommand });
  addShell(program, context);
  addInspect(program, context);
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
