import {
  type ClusterMember,
  type MemberStatus,
  parseEndpoint,
  QuorateClient,
  QuorateError,
} from '@quorate/client';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import {
  type CommandParts,
  type ConnectionOptions,
  endpointsOf,
  openClient,
  withConnection,
} from '../connection.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-code.ts';
import { formatTable } from '../format/table.ts';
import { formatBytes, formatId, parseDuration } from '../format/units.ts';
import { styled, write, writeJson } from '../output.ts';

type StatusOptions = ConnectionOptions & { readonly json?: boolean };

/** A member that was asked, and what came of it. */
type Report = {
  readonly name: string;
  readonly endpoint: string;
  readonly status: MemberStatus | null;
  /** Why there is no status. */
  readonly problem: string | null;
};

const description = `Shows every member of the cluster: its role, how far its log is, and the size of its data.

Asks the given endpoints who the members are, and then each member itself. Exits with 4 if no member leads.`;

/** `quorate status` */
export function addStatus(program: Command, { context, clients }: CommandParts): void {
  const command = program
    .command('status')
    .summary('show the state of every member')
    .description(description)
    .option('--json', 'print JSON, with ids in hexadecimal');
  withConnection(command).action(async (options: StatusOptions) => {
    const members = await clients.use(options, context, (client) => findMembers(client, context));
    const reports = await ask(members, options, context);
    if (options.json === true) await writeJson(context.stdout, { members: reports.map(toJson) });
    else await write(context.stdout, toTable(reports, context));
    if (reports.some((report) => report.status?.isLeader === true)) return;
    throw new CliError('no member leads', {
      exitCode: exitCodes.unavailable.code,
      hint: 'A majority of the members must be up to elect a leader.',
    });
  });
}

/** The members as any member knows them: that needs no leader, so the command works when it is needed most. */
function findMembers(client: QuorateClient, { signal }: Context): Promise<readonly ClusterMember[]> {
  return client.members({ serializable: true, signal });
}

async function ask(
  members: readonly ClusterMember[],
  options: StatusOptions,
  context: Context,
): Promise<readonly Report[]> {
  const timeoutMs = Math.min(parseDuration(options.timeout ?? '5s'), 3_000);
  const given = endpointsOf(options, context).split(',');
  const found = members.flatMap(({ name, id, clientUrls }) => {
    const [url] = clientUrls;
    return url === undefined ? [] : [{ name: name === '' ? formatId(id) : name, url }];
  });
  // A member that has not told its URLs yet may still be reached by the endpoint that was given.
  const targets = found.length > 0 ? found : given.map((url) => ({ name: '?', url }));
  const sorted = targets.toSorted((left, right) => left.name.localeCompare(right.name));
  return Promise.all(
    sorted.map(async ({ name, url }): Promise<Report> => {
      const endpoint = endpointName(url);
      try {
        await using client = openClient({ ...options, endpoints: url }, context);
        const status = await client.status(url, { timeoutMs, signal: context.signal });
        return { name, endpoint, status, problem: null };
      } catch (error) {
        if (!(error instanceof QuorateError) && !(error instanceof CliError)) throw error;
        return { name, endpoint, status: null, problem: error.message };
      }
    }),
  );
}

function endpointName(url: string): string {
  try {
    return parseEndpoint(url).address;
  } catch {
    // A member may advertise what this client cannot use, such as https: it is shown as it is.
    return url;
  }
}

function toTable(reports: readonly Report[], { stdout }: Context): string {
  const headings = [
    'NAME',
    'ID',
    'ENDPOINT',
    'VERSION',
    'ROLE',
    'TERM',
    'COMMITTED',
    'APPLIED',
    'REVISION',
    'DB SIZE',
  ];
  const rows = reports.map(({ name, endpoint, status }) => {
    if (status === null) return [name, '', endpoint, '', styled(stdout, 'red', 'unreachable')];
    const role = roleOf(status);
    return [
      name,
      formatId(status.memberId),
      endpoint,
      status.version,
      role === 'leader' ? styled(stdout, 'green', role) : role,
      String(status.term),
      String(status.commitIndex),
      String(status.appliedIndex),
      String(status.revision),
      formatBytes(status.databaseBytes),
    ];
  });
  const remarks = reports.flatMap(({ name, status, problem }) => [
    ...(problem === null ? [] : [`${name}: ${problem}\n`]),
    ...(status?.errors ?? []).map((each) => `${name}: ${each}\n`),
  ]);
  return formatTable(headings, rows) + remarks.join('');
}

function toJson({ name, endpoint, status, problem }: Report): Record<string, unknown> {
  if (status === null) return { name, endpoint, error: problem };
  const { memberId, clusterId, leader, ...rest } = status;
  return {
    name,
    id: formatId(memberId),
    clusterId: formatId(clusterId),
    role: roleOf(status),
    leader: leader === 0n ? null : formatId(leader),
    ...rest,
    endpoint,
  };
}

function roleOf(status: MemberStatus): string {
  if (status.isLeader) return 'leader';
  if (status.isLearner) return 'learner';
  return status.leader === 0n ? 'no leader' : 'follower';
}
