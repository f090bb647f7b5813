import { type LeaseStatus, type QuorateClient, QuorateError } from '@quorate/client';
import type { Command } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import { CliError, usageError } from '../cli-error.ts';
import { type CommandParts, type ConnectionOptions, withConnection } from '../connection.ts';
import type { Context } from '../context.ts';
import { exitCodeOf } from '../exit-code.ts';
import { printable } from '../format/printable.ts';
import { counted, formatId, parseCount } from '../format/units.ts';
import { Interruption } from '../interruption.ts';
import { write, writeJson } from '../output.ts';

type LeaseOptions = ConnectionOptions & { readonly json?: boolean };

const description =
  'About leases: keys that are put under a lease vanish when it ends. Ids are hexadecimal, as in etcdctl.';

const keepAliveDescription =
  'Keeps a lease alive until the command is interrupted, and fails when the lease has ended. If the cluster cannot be reached it says so, and tries again as long as the lease lasts.';

/** `quorate lease` */
export function addLease(program: Command, parts: CommandParts): void {
  const lease = program.command('lease').summary('grant, keep alive and end leases').description(description);
  addGrant(lease, parts);
  addRevoke(lease, parts);
  addKeepAlive(lease, parts);
  addTimeToLive(lease, parts);
  addList(lease, parts);
}

function addGrant(lease: Command, { context, clients }: CommandParts): void {
  const command = lease
    .command('grant')
    .summary('grant a lease')
    .description('Grants a lease, which ends after its TTL unless it is kept alive.')
    .argument('<ttl>', 'how long it lasts, in seconds; the cluster raises it to its minimum')
    .option('--id <id>', 'the id of the lease; default: the cluster chooses one')
    .option('--json', 'print JSON');
  withConnection(command).action(async (ttl: string, options: LeaseOptions & { readonly id?: string }) => {
    const ttlSeconds = parseCount('the TTL', ttl, 1);
    const chosen = options.id === undefined ? {} : { id: parseLeaseId(options.id) };
    const { signal } = context;
    const granted = await clients.use(options, context, (client) =>
      client.createLease({ ttlSeconds, ...chosen, signal }),
    );
    const id = formatId(granted.id);
    if (options.json === true) await writeJson(context.stdout, { id, ttl: granted.ttlSeconds });
    else await write(context.stdout, `lease ${id} granted with TTL(${granted.ttlSeconds}s)\n`);
  });
}

function addRevoke(lease: Command, { context, clients }: CommandParts): void {
  const command = lease
    .command('revoke')
    .summary('end a lease')
    .description('Ends a lease and deletes its keys.')
    .argument('<id>', 'the lease');
  withConnection(command).action(async (text: string, options: LeaseOptions) => {
    const id = parseLeaseId(text);
    const { signal } = context;
    await clients.use(options, context, (client) => client.revokeLease(id, { signal }));
    await write(context.stdout, `lease ${formatId(id)} revoked\n`);
  });
}

function addKeepAlive(lease: Command, { context, clients }: CommandParts): void {
  const command = lease
    .command('keep-alive')
    .summary('keep a lease alive')
    .description(keepAliveDescription)
    .argument('<id>', 'the lease')
    .option('--once', 'only once');
  withConnection(command).action(
    async (text: string, options: LeaseOptions & { readonly once?: boolean }) => {
      const id = parseLeaseId(text);
      await clients.use(options, context, (client) => keepAlive(client, id, options.once === true, context));
    },
  );
}

/** How long to wait after a renewal that failed, and how long one may take; both in milliseconds. */
const retryMs = 1_000;
const renewalMaxMs = 5_000;

async function keepAlive(client: QuorateClient, id: bigint, once: boolean, context: Context): Promise<void> {
  using interruption = new Interruption(context);
  const { signal } = interruption;
  /** What the last renewal gave. The first one fails as any request does. */
  let last: Renewal | null = null;
  while (!signal.aborted) {
    const renewed: Renewal | null = await renewWhileItLasts(client, id, last, signal, context);
    if (renewed === null) return;
    if (renewed.ttlSeconds === 0) throw new CliError(`lease ${formatId(id)} expired or revoked`);
    await write(context.stdout, `lease ${formatId(id)} keepalived with TTL(${renewed.ttlSeconds})\n`);
    if (once) return;
    last = renewed;
    await sleep((renewed.ttlSeconds * 1000) / 3, undefined, { signal }).catch(() => undefined);
  }
}

/** A lease lasts this long, at least, from when it was asked for. */
type Renewal = { readonly ttlSeconds: number; readonly askedMs: number };

/** Renews a lease, trying again as long as it lasts for certain. Resolves to null when it is interrupted. */
async function renewWhileItLasts(
  client: QuorateClient,
  id: bigint,
  last: Renewal | null,
  signal: AbortSignal,
  { stderr }: Context,
): Promise<Renewal | null> {
  const endMs = last === null ? 0 : last.askedMs + last.ttlSeconds * 1000;
  for (let attempt = 1; ; attempt += 1) {
    const askedMs = performance.now();
    try {
      const leftMs = Math.max(1, Math.ceil(endMs - askedMs));
      const timeout = last === null ? {} : { timeoutMs: Math.min(renewalMaxMs, leftMs) };
      return { ttlSeconds: await client.renewLease(id, { signal, ...timeout }), askedMs };
    } catch (error) {
      if (signal.aborted) return null;
      if (last === null || !(error instanceof QuorateError && error.isOutage)) throw error;
      const name = `lease ${formatId(id)}`;
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) {
        const text = `${name} could not be kept alive for its TTL(${last.ttlSeconds}s), and ends: ${error.message}`;
        throw new CliError(text, { exitCode: exitCodeOf(error), cause: error });
      }
      if (attempt === 1) {
        const rest = `Trying again for the ${Math.ceil(leftMs / 1000)}s that it lasts.`;
        await write(stderr, `${name} not kept alive yet: ${error.message}. ${rest}\n`);
      }
      await sleep(Math.min(retryMs, leftMs), undefined, { signal }).catch(() => undefined);
    }
  }
}

function addTimeToLive(lease: Command, { context, clients }: CommandParts): void {
  const command = lease
    .command('timetolive')
    .summary('print how long a lease lasts')
    .description('Prints how long a lease lasts, and what ends with it.')
    .argument('<id>', 'the lease')
    .option('--keys', 'also print the keys that end with it')
    .option('--json', 'print JSON, with keys in base64');
  withConnection(command).action(
    async (text: string, options: LeaseOptions & { readonly keys?: boolean }) => {
      const id = parseLeaseId(text);
      const keys = options.keys ?? false;
      const { signal } = context;
      const status = await clients.use(options, context, (client) =>
        client.leaseStatus(id, { keys, signal }),
      );
      if (options.json === true) await writeJson(context.stdout, toJson(id, status));
      else await write(context.stdout, `${toLine(id, status, keys)}\n`);
    },
  );
}

function addList(lease: Command, { context, clients }: CommandParts): void {
  const command = lease
    .command('list')
    .summary('print the leases')
    .description('Prints the ids of all leases.')
    .option('--json', 'print JSON');
  withConnection(command).action(async (options: LeaseOptions) => {
    const { signal } = context;
    const ids = await clients.use(options, context, (client) => client.leases({ signal }));
    const lines = ids.map(formatId);
    if (options.json === true) await writeJson(context.stdout, { leases: lines });
    else await write(context.stdout, [`found ${counted(ids.length, 'lease')}`, ...lines, ''].join('\n'));
  });
}

function toLine(id: bigint, status: LeaseStatus | null, withKeys: boolean): string {
  if (status === null) return `lease ${formatId(id)} already expired`;
  const keys = withKeys ? `, attached keys([${status.keys.map(printable).join(' ')}])` : '';
  const { ttlSeconds, remainingSeconds } = status;
  return `lease ${formatId(id)} granted with TTL(${ttlSeconds}s), remaining(${remainingSeconds}s)${keys}`;
}

function toJson(id: bigint, status: LeaseStatus | null): object {
  if (status === null) return { id: formatId(id), exists: false };
  const { ttlSeconds, remainingSeconds, keys } = status;
  return {
    id: formatId(id),
    exists: true,
    ttl: ttlSeconds,
    remaining: remainingSeconds,
    keys: keys.map((key) => Buffer.from(key).toString('base64')),
  };
}

/** The id of a lease, as it is printed. */
export function parseLeaseId(text: string): bigint {
  const [, sign = '', digits] = /^(-?)(?:0x)?([\da-f]{1,16})$/i.exec(text) ?? [];
  if (digits === undefined) {
    throw usageError(
      `not the id of a lease: ${JSON.stringify(text)}`,
      'Ids are hexadecimal, such as 32695410dcc0ca06.',
    );
  }
  const id = BigInt(`0x${digits}`);
  return BigInt.asIntN(64, sign === '-' ? -id : id);
}
