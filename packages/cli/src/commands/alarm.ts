import type { Alarm } from '@quorate/client';
import type { Command } from 'commander';
import { type CommandParts, type ConnectionOptions, withConnection } from '../connection.ts';
import { formatTable } from '../format/table.ts';
import { counted, formatId } from '../format/units.ts';
import { write, writeJson } from '../output.ts';

type AlarmOptions = ConnectionOptions & { readonly json?: boolean };

const listDescription = `Prints the alarms that stand.

NOSPACE: a member uses more than its --quota-backend-bytes, and all members refuse writes that take space. It clears itself when keys have been deleted and compacted. CORRUPT: a member's data differs from that of the others, and it serves nothing until it has repaired itself.`;

const disarmDescription = `Clears every alarm that stands.

A member that still has reason to raises its alarm again at once, so this is for alarms that were raised by hand, or whose member is gone.`;

/** `quorate alarm` */
export function addAlarm(program: Command, { context, clients }: CommandParts): void {
  const alarm = program.command('alarm').summary('list and clear alarms').description('About alarms.');
  const list = alarm
    .command('list')
    .summary('print the alarms that stand')
    .description(listDescription)
    .option('--json', 'print JSON, with ids in hexadecimal');
  withConnection(list).action(async (options: AlarmOptions) => {
    const { signal } = context;
    const alarms = await clients.use(options, context, (client) => client.alarms({ signal }));
    if (options.json === true) await writeJson(context.stdout, { alarms: alarms.map(toJson) });
    else await write(context.stdout, alarms.length === 0 ? 'no alarms\n' : toTable(alarms));
  });
  const disarm = alarm
    .command('disarm')
    .summary('clear the alarms that stand')
    .description(disarmDescription)
    .option('--json', 'print JSON, with ids in hexadecimal');
  withConnection(disarm).action(async (options: AlarmOptions) => {
    const { signal } = context;
    const cleared = await clients.use(options, context, async (client) => {
      const standing = await client.alarms({ signal });
      for (const each of standing) await client.clearAlarm(each, { signal });
      return standing;
    });
    if (options.json === true) await writeJson(context.stdout, { cleared: cleared.map(toJson) });
    else await write(context.stdout, `${counted(cleared.length, 'alarm')} cleared\n`);
  });
}

function toTable(alarms: readonly Alarm[]): string {
  return formatTable(
    ['ALARM', 'MEMBER'],
    alarms.map(({ type, memberId }) => [type, nameOf(memberId)]),
  );
}

function nameOf(memberId: bigint): string {
  return memberId === 0n ? 'the whole cluster' : formatId(memberId);
}

function toJson({ type, memberId }: Alarm): { alarm: string; member: string } {
  return { alarm: type, member: formatId(memberId) };
}
