import type { Command } from 'commander';
import type { CommandParts } from '../connection.ts';
import { addAlarm } from './alarm.ts';
import { addDel } from './del.ts';
import { addDoctor } from './doctor.ts';
import { addGet } from './get.ts';
import { addLease } from './lease.ts';
import { addMember } from './member.ts';
import { addElect, addLock } from './ownership.ts';
import { addPut } from './put.ts';
import { addStatus } from './status.ts';
import { addTxn } from './txn.ts';
import { addWatch } from './watch.ts';

/** Adds the commands that talk to a cluster: those of the shell too. */
export function addClientCommands(program: Command, parts: CommandParts): void {
  addPut(program, parts);
  addGet(program, parts);
  addDel(program, parts);
  addTxn(program, parts);
  addWatch(program, parts);
  addLease(program, parts);
  addLock(program, parts);
  addElect(program, parts);
  addStatus(program, parts);
  addMember(program, parts);
  addAlarm(program, parts);
  addDoctor(program, parts);
}
