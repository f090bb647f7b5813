import type { ClusterMember, QuorateClient } from '@quorate/client';
import type { Command } from 'commander';
import { CliError, usageError } from '../cli-error.ts';
import { type CommandParts, type ConnectionOptions, openClient, withConnection } from '../connection.ts';
import type { Context } from '../context.ts';
import { formatId } from '../format/units.ts';
import { write, writeJson } from '../output.ts';

type ChangeOptions = ConnectionOptions & { readonly json?: boolean };
type AddOptions = ChangeOptions & {
  readonly peerUrl: string;
  readonly clientUrl?: string;
  readonly learner?: boolean;
  readonly voter?: boolean;
};

const addDescription = `Adds a member to the cluster, and prints the command that starts it.

The new member joins as a learner: it gets the data and has no vote. As soon as it has caught up it is made a voter by itself, unless --learner says that it stays one. Until it is started it costs the cluster nothing.`;

/** `quorate member add`, `remove`, `update`, `promote` and `transfer` */
export function addMemberChanges(member: Command, parts: CommandParts): void {
  addAdd(member, parts);
  addRemove(member, parts);
  addUpdate(member, parts);
  addPromote(member, parts);
  addTransfer(member, parts);
}

function addAdd(member: Command, { context, clients }: CommandParts): void {
  const command = member
    .command('add')
    .summary('add a member')
    .description(addDescription)
    .argument('<name>', 'what the new member is to be called')
    .requiredOption('--peer-url <url>', 'where the other members reach it: http://HOST:PORT')
    .option('--client-url <url>', 'where it is to listen for clients (default: one port below the peer URL)')
    .option('--voter', 'make it a voter once it has caught up (the default)')
    .option('--learner', 'let it stay a learner')
    .option('--json', 'print JSON, with ids in hexadecimal');
  withConnection(command).action(async (name: string, options: AddOptions) => {
    if (options.learner === true && options.voter === true) {
      throw usageError('--learner and --voter exclude each other');
    }
    const peer = parseMemberUrl(options.peerUrl);
    const added = await clients.use(options, context, async (client) => {
      const members = await client.members({ signal: context.signal });
      if (members.some((other) => other.name === name)) {
        throw new CliError(`there is a member called ${name} already`, {
          hint: `Choose another name. If it is to be replaced, run "quorate member remove ${name}" first.`,
        });
      }
      const learner = options.learner === true;
      return client.addMember([peer.origin], { learner, signal: context.signal });
    });
    const args = startArguments(name, added.member, added.members, options.clientUrl ?? clientUrlOf(peer));
    const start = ['quorate', 'serve', ...args].join(' ');
    if (options.json === true) {
      const members = added.members.map(toJson);
      await writeJson(context.stdout, { member: toJson(added.member), members, command: start, args });
      return;
    }
    const role = added.member.isLearner
      ? 'a learner'
      : 'a learner that becomes a voter once it has caught up';
    await write(
      context.stdout,
      `${name} (${formatId(added.member.id)}) is added as ${role}. Start it where ${peer.origin} leads to:\n\n  ${start}\n`,
    );
  });
}

function addRemove(member: Command, { context, clients }: CommandParts): void {
  const command = member
    .command('remove')
    .summary('remove a member')
    .description(
      'Removes a member from the cluster for good: its process stops by itself. A leader hands over first.',
    )
    .argument('<member>', 'its name or id')
    .option('--json', 'print JSON, with ids in hexadecimal');
  withConnection(command).action(async (which: string, options: ChangeOptions) => {
    const { target, members } = await clients.use(options, context, async (client) => {
      const target = await findMember(client, which, context);
      return { target, members: await client.removeMember(target.id, { signal: context.signal }) };
    });
    if (options.json === true) {
      await writeJson(context.stdout, { removed: toJson(target), members: members.map(toJson) });
    } else {
      const left = `${members.length} member${members.length === 1 ? ' is' : 's are'} left`;
      await write(context.stdout, `${titleOf(target)} is removed, ${left}\n`);
    }
  });
}

function addUpdate(member: Command, { context, clients }: CommandParts): void {
  const command = member
    .command('update')
    .summary('change the address of a member')
    .description('Tells the other members where to reach a member from now on. Then start it there.')
    .argument('<member>', 'its name or id')
    .requiredOption('--peer-url <url>', 'where the other members reach it from now on: http://HOST:PORT')
    .option('--json', 'print JSON, with ids in hexadecimal');
  withConnection(command).action(
    async (which: string, options: ChangeOptions & { readonly peerUrl: string }) => {
      const { origin } = parseMemberUrl(options.peerUrl);
      await change(which, options, context, clients, {
        apply: async (client, { id }) => client.updateMember(id, [origin], { signal: context.signal }),
        done: `is reached at ${origin} from now on`,
      });
    },
  );
}

function addPromote(member: Command, { context, clients }: CommandParts): void {
  const command = member
    .command('promote')
    .summary('give a learner a vote')
    .description('Makes a learner that has caught up a voter.')
    .argument('<member>', 'its name or id')
    .option('--json', 'print JSON, with ids in hexadecimal');
  withConnection(command).action(async (which: string, options: ChangeOptions) => {
    await change(which, options, context, clients, {
      apply: async (client, { id }) => client.promoteMember(id, { signal: context.signal }),
      done: 'has a vote now',
    });
  });
}

function addTransfer(member: Command, { context, clients }: CommandParts): void {
  const command = member
    .command('transfer')
    .summary('hand leadership to a member')
    .description('Lets another voter lead. Writes wait for a moment, and none fails.')
    .argument('<member>', 'its name or id')
    .option('--json', 'print JSON, with ids in hexadecimal');
  withConnection(command).action(async (which: string, options: ChangeOptions) => {
    const { target, members } = await clients.use(options, context, async (client) => ({
      target: await findMember(client, which, context),
      members: await client.members({ signal: context.signal }),
    }));
    await moveLeader(target, members, options, context);
    if (options.json === true) await writeJson(context.stdout, { leader: toJson(target) });
    else await write(context.stdout, `${titleOf(target)} leads now\n`);
  });
}

/** Only the leader hands over: looks for it among all members. */
async function moveLeader(
  target: ClusterMember,
  members: readonly ClusterMember[],
  options: ConnectionOptions,
  context: Context,
): Promise<void> {
  for (const url of members.flatMap(({ clientUrls }) => clientUrls.slice(0, 1))) {
    await using client = openClient({ ...options, endpoints: url }, context);
    const status = await client.status(url, { signal: context.signal }).catch(() => null);
    if (status?.isLeader === true) {
      await client.moveLeader(url, target.id, { signal: context.signal });
      return;
    }
  }
  throw new CliError('the leader could not be reached', {
    hint: 'See "quorate status": the client URL of the leader must be reachable from here.',
  });
}

type Change = {
  readonly apply: (client: QuorateClient, target: ClusterMember) => Promise<readonly ClusterMember[]>;
  /** What can be said of the member afterwards. */
  readonly done: string;
};

async function change(
  which: string,
  options: ChangeOptions,
  context: Context,
  clients: CommandParts['clients'],
  { apply, done }: Change,
): Promise<void> {
  const { target, members } = await clients.use(options, context, async (client) => {
    const target = await findMember(client, which, context);
    return { target, members: await apply(client, target) };
  });
  const changed = members.find((each) => each.id === target.id) ?? target;
  if (options.json === true) {
    await writeJson(context.stdout, { member: toJson(changed), members: members.map(toJson) });
  } else {
    await write(context.stdout, `${titleOf(changed)} ${done}\n`);
  }
}

async function findMember(client: QuorateClient, which: string, context: Context): Promise<ClusterMember> {
  const members = await client.members({ signal: context.signal });
  const found =
    members.find((each) => each.name === which) ?? members.find((each) => formatId(each.id) === which);
  if (found !== undefined) return found;
  const known = members.map(titleOf).join(', ');
  throw new CliError(`there is no member ${which}`, { hint: `The members are ${known}.` });
}

function titleOf({ id, name }: ClusterMember): string {
  return name === '' ? formatId(id) : `${name} (${formatId(id)})`;
}

/** What the new member is started with. */
function startArguments(
  name: string,
  added: ClusterMember,
  members: readonly ClusterMember[],
  clientUrl: string,
): readonly string[] {
  const [peerUrl = ''] = added.peerUrls;
  const cluster = members.map((each) => {
    const title = each.id === added.id ? name : each.name === '' ? formatId(each.id) : each.name;
    return `${title}=${each.peerUrls[0] ?? ''}`;
  });
  return [
    `--name=${name}`,
    '--initial-cluster-state=existing',
    `--initial-cluster=${cluster.join(',')}`,
    `--listen-peer-urls=${peerUrl}`,
    `--listen-client-urls=${clientUrl}`,
  ];
}

/** As by default: clients use 2379 where members use 2380. */
function clientUrlOf(peer: URL): string {
  return `http://${peer.hostname}:${Number(peer.port) - 1}`;
}

function parseMemberUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'http:' || url.port === '' || url.origin !== text.replace(/\/$/, '')) {
    throw usageError(`${text} is no peer URL`, 'Write http://HOST:PORT.');
  }
  return url;
}

function toJson(member: ClusterMember): Record<string, unknown> {
  return { ...member, id: formatId(member.id) };
}
