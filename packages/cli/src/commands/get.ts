import type { Bytes, KeyRange, KeyValue, QuorateClient, RangeOptions, SortProperty } from '@quorate/client';
import type { Command } from 'commander';
import { CliError, usageError } from '../cli-error.ts';
import { type CommandParts, type ConnectionOptions, withConnection } from '../connection.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-code.ts';
import { entryToJson } from '../format/entry-json.ts';
import { isPlainText, printable } from '../format/printable.ts';
import { parseCount } from '../format/units.ts';
import { styled, write, writeJson } from '../output.ts';
import { isSingleKey, type KeyRangeOptions, toKeyRange, withKeyRange } from './key-range.ts';

type GetOptions = ConnectionOptions &
  KeyRangeOptions & {
    readonly limit?: string;
    readonly rev?: string;
    readonly keysOnly?: boolean;
    readonly countOnly?: boolean;
    readonly sort?: string;
    readonly serializable?: boolean;
    readonly raw?: boolean;
    readonly json?: boolean;
  };

type Sort = { readonly by: SortProperty; readonly order: 'ascending' | 'descending' };

const description = `Prints the value of a key, or the entries of several keys.

The value of one key is printed as it is: its exact bytes if the output is no terminal or with --raw. Several entries are printed one a line, key, tab, value, with \\n, \\t, \\\\ and \\xNN for what is not printable; with --raw as the exact bytes of key, line end, value, line end.`;

/** `quorate get` */
export function addGet(program: Command, { context, clients }: CommandParts): void {
  const command = program.command('get').summary('print keys and values').description(description);
  withKeyRange(command)
    .option('--limit <n>', 'print at most so many entries')
    .option('--rev <revision>', 'read the state as it was at this revision')
    .option('--sort <property>', 'sort by key, version, create, mod or value; add :desc for the reverse')
    .option('--keys-only', 'print no values')
    .option('--count-only', 'print only the number of keys')
    .option('--serializable', 'let any member answer from its own state: quicker, but maybe stale')
    .option('--raw', 'print exact bytes, also on a terminal')
    .option('--json', 'print JSON, with keys and values in base64');
  withConnection(command).action(
    async (key: string | undefined, end: string | undefined, options: GetOptions) => {
      const range = toKeyRange(key, end, options);
      await clients.use(options, context, (client) => get(client, range, options, context));
    },
  );
}

async function get(
  client: QuorateClient,
  range: KeyRange,
  options: GetOptions,
  context: Context,
): Promise<void> {
  const read = toRangeOptions(options, context);
  const sort = parseSort(options.sort);
  if (options.countOnly === true) {
    const { count, revision } = await client.rangePage(range, { ...read, countOnly: true });
    if (options.json === true) await writeJson(context.stdout, { revision, count });
    else await write(context.stdout, `${count}\n`);
    return;
  }
  if (options.json === true) {
    await printJson(client, range, sort, read, context);
    return;
  }
  if (isSingleKey(range)) {
    const { items } = await client.rangePage(range, read);
    const [entry] = items;
    if (entry === undefined) throw notFound(range.key);
    if (options.keysOnly === true) await printLine(entry, options, context);
    else await printValue(entry.value, options, context);
    return;
  }
  for await (const entry of entries(client, range, sort, read)) await printLine(entry, options, context);
}

/** The entries in the order that was asked for: page by page if that is the order of keys, else in one answer. */
async function* entries(
  client: QuorateClient,
  range: KeyRange,
  sort: Sort,
  read: RangeOptions,
): AsyncGenerator<KeyValue> {
  if (sort.by === 'key') {
    yield* client.range(range, { ...read, order: sort.order });
    return;
  }
  const page = await client.rangePage(range, { ...read, sort });
  yield* page.items;
}

async function printJson(
  client: QuorateClient,
  range: KeyRange,
  sort: Sort,
  read: RangeOptions,
  { stdout }: Context,
): Promise<void> {
  // The count comes first, and fixes the revision that all pages are read at.
  const { count, revision } = await client.rangePage(range, { ...read, countOnly: true });
  const fixed = { ...read, revision: read.revision ?? revision };
  await write(stdout, `{"revision":${revision},"count":${count},"kvs":[`);
  let separator = '';
  for await (const entry of entries(client, range, sort, fixed)) {
    await write(stdout, separator + JSON.stringify(entryToJson(entry)));
    separator = ',';
  }
  await write(stdout, ']}\n');
  if (isSingleKey(range) && count === 0) throw notFound(range.key);
}

/** A value alone: exact bytes, unless they would garble a terminal; there it also ends with a line end. */
async function printValue(value: Uint8Array, options: GetOptions, { stdout }: Context): Promise<void> {
  if (options.raw === true || stdout.isTTY !== true) {
    await write(stdout, value);
    return;
  }
  if (!isPlainText(value)) {
    await write(stdout, `${printable(value)}\n`);
    return;
  }
  await write(stdout, value);
  if (value.at(-1) !== 0x0a) await write(stdout, '\n');
}

async function printLine(entry: KeyValue, options: GetOptions, { stdout }: Context): Promise<void> {
  if (options.raw === true) {
    await write(stdout, entry.key);
    await write(stdout, '\n');
    if (options.keysOnly === true) return;
    await write(stdout, entry.value);
    await write(stdout, '\n');
    return;
  }
  const key = styled(stdout, 'cyan', printable(entry.key));
  await write(stdout, options.keysOnly === true ? `${key}\n` : `${key}\t${printable(entry.value)}\n`);
}

function toRangeOptions(options: GetOptions, { signal }: Context): RangeOptions {
  return {
    ...(options.limit === undefined ? {} : { limit: parseCount('--limit', options.limit, 1) }),
    ...(options.rev === undefined ? {} : { revision: parseCount('--rev', options.rev, 1) }),
    keysOnly: options.keysOnly ?? false,
    serializable: options.serializable ?? false,
    signal,
  };
}

const sortProperties: Readonly<Record<string, SortProperty>> = {
  key: 'key',
  version: 'version',
  create: 'createRevision',
  mod: 'modRevision',
  value: 'value',
};

function parseSort(text = 'key'): Sort {
  const [, name = '', order = 'asc'] = /^([a-z]+)(?::(asc|desc))?$/.exec(text) ?? [];
  const by = sortProperties[name];
  if (by !== undefined) return { by, order: order === 'desc' ? 'descending' : 'ascending' };
  throw usageError(
    `--sort does not know ${JSON.stringify(text)}`,
    'Write key, version, create, mod or value, and :desc for the reverse.',
  );
}

function notFound(key: Bytes): CliError {
  const name = printable(Buffer.from(key));
  return new CliError(`there is no key ${name}`, { exitCode: exitCodes.notFound.code });
}
