import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { addInspect } from './inspect.ts';
import { addServe } from './serve.ts';
import { addRecover } from './recover.ts';
import { addSnapshot } from './snapshot.ts';
import { addUp } from './up.ts';

/** Adds the commands that run members or look into their files: those that need the server. */
export function addMemberCommands(program: Command, context: Context): void {
  addUp(program, context);
  addServe(program, context);
  addInspect(program, context);
  addSnapshot(program, context);
  addRecover(program, context);
}
