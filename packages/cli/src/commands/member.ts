import type { ClusterMember } from '@quorate/client';
import type { Command } from 'commander';
import { type CommandParts, type ConnectionOptions, withConnection } from '../connection.ts';
import { formatTable } from '../format/table.ts';
import { formatId } from '../format/units.ts';
import { write, writeJson } from '../output.ts';
import { addMemberChanges } from './member-change.ts';

type MemberListOptions = ConnectionOptions & { readonly serializable?: boolean; readonly json?: boolean };

/** `quorate member` */
export function addMember(program: Command, parts: CommandParts): void {
  const { context, clients } = parts;
  const member = program
    .command('member')
    .summary('list, add, remove and change the members')
    .description('About the members of the cluster.');
  const list = member
    .command('list')
    .summary('list the members of the cluster')
    .description('Lists the members of the cluster, with the URLs by which others reach them.')
    .option('--serializable', 'as the member that is asked knows them: works without a leader')
    .option('--json', 'print JSON, with ids in hexadecimal');
  withConnection(list).action(async (options: MemberListOptions) => {
    const members = await clients.use(options, context, (client) =>
      client.members({ serializable: options.serializable ?? false, signal: context.signal }),
    );
    if (options.json === true) await writeJson(context.stdout, { members: members.map(toJson) });
    else await write(context.stdout, toTable(members));
  });
  addMemberChanges(member, parts);
}

function toTable(members: readonly ClusterMember[]): string {
  return formatTable(
    ['ID', 'NAME', 'STATE', 'PEER URLS', 'CLIENT URLS'],
    members
      .toSorted((left, right) => left.name.localeCompare(right.name))
      .map((member) => [
        formatId(member.id),
        member.name,
        member.name === '' ? 'not started' : member.isLearner ? 'learner' : 'voter',
        member.peerUrls.join(','),
        member.clientUrls.join(','),
      ]),
  );
}

function toJson(member: ClusterMember): Record<string, unknown> {
  return { ...member, id: formatId(member.id) };
}
