import { type Alarm, type ClusterMember, QuorateError } from '@quorate/client';
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
import { checkCluster } from '../doctor/cluster-checks.ts';
import type { ExaminedMember, Finding } from '../doctor/examination.ts';
import { checkMember } from '../doctor/member-checks.ts';
import { formatTable } from '../format/table.ts';
import { counted, formatId, parseDuration } from '../format/units.ts';
import { styled, write, writeJson } from '../output.ts';

type DoctorOptions = ConnectionOptions & { readonly json?: boolean };

const description = `Examines a cluster and says what to do about what is wrong.

Looks at leader and quorum, versions, alarms, the space of each member, how long a flush of its disk takes, whether the members reach each other, and how far their clocks are apart. Each member examines its own host. Exits with 1 if something is wrong, with 0 if there are warnings at most.`;

/** `quorate doctor` */
export function addDoctor(program: Command, { context }: CommandParts): void {
  const command = program
    .command('doctor')
    .summary('find out what is wrong with a cluster')
    .description(description)
    .option('--json', 'print JSON');
  withConnection(command).action(async (options: DoctorOptions) => {
    const members = await examineAll(options, context);
    const alarms = await findAlarms(options, context);
    const nameOf = (id: bigint): string =>
      members.find(({ member }) => member.id === id)?.name ?? formatId(id);
    const findings = [
      ...checkCluster(members, alarms),
      ...members.flatMap((member) => checkMember(member, nameOf)),
    ];
    if (options.json === true) await writeJson(context.stdout, { findings });
    else await write(context.stdout, report(findings, context));
    const failures = findings.filter(({ severity }) => severity === 'failure').length;
    if (failures > 0) throw new CliError(`${counted(failures, 'check')} failed`, { isReported: true });
  });
}

async function examineAll(options: DoctorOptions, context: Context): Promise<readonly ExaminedMember[]> {
  await using client = openClient(options, context);
  const members = await client.members({ serializable: true, signal: context.signal });
  const given = endpointsOf(options, context).split(',');
  const examined = members.map((member) => {
    const name = member.name === '' ? formatId(member.id) : member.name;
    // A cluster of one that has not told its URLs yet is where it was found.
    const endpoint = member.clientUrls[0] ?? (members.length === 1 ? (given[0] ?? null) : null);
    return examine(name, endpoint, member, options, context);
  });
  return (await Promise.all(examined)).toSorted((left, right) => left.name.localeCompare(right.name));
}

async function examine(
  name: string,
  endpoint: string | null,
  member: ClusterMember,
  options: DoctorOptions,
  context: Context,
): Promise<ExaminedMember> {
  const examined = { name, endpoint, member, status: null, diagnosis: null, problem: null };
  if (endpoint === null) return examined;
  const call = { timeoutMs: parseDuration(options.timeout ?? '5s'), signal: context.signal };
  let { status }: Pick<ExaminedMember, 'status'> = examined;
  try {
    await using client = openClient({ ...options, endpoints: endpoint }, context);
    status = await client.status(endpoint, call);
    return { ...examined, status, diagnosis: await client.diagnose(endpoint, call) };
  } catch (error) {
    if (!(error instanceof QuorateError) && !(error instanceof CliError)) throw error;
    return { ...examined, status, problem: error.message };
  }
}

async function findAlarms(options: DoctorOptions, context: Context): Promise<readonly Alarm[] | null> {
  try {
    await using client = openClient(options, context);
    return await client.alarms({ signal: context.signal });
  } catch (error) {
    if (!(error instanceof QuorateError)) throw error;
    return null;
  }
}

const marks = { ok: ['green', 'ok'], warning: ['yellow', 'warning'], failure: ['red', 'FAILED'] } as const;

function report(findings: readonly Finding[], { stdout }: Context): string {
  const rows = findings.map(({ check, member, severity, text }) => {
    const [colour, word] = marks[severity];
    return [check, member ?? '', styled(stdout, colour, word), text];
  });
  const advised = findings.filter(({ advice }) => advice !== null);
  const advice = advised.map(({ check, member, advice: what }) => {
    return `${member === null ? check : `${member}, ${check}`}: ${what}\n`;
  });
  const table = formatTable(['CHECK', 'MEMBER', 'RESULT', 'FOUND'], rows);
  return advice.length === 0 ? table : `${table}\nWhat to do:\n${advice.join('')}`;
}
