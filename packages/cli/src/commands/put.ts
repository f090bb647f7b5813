import type { Command } from 'commander';
import { readValue } from '../byte-source.ts';
import { type CommandParts, type ConnectionOptions, withConnection } from '../connection.ts';
import { entryToJson } from '../format/entry-json.ts';
import { parseCount } from '../format/units.ts';
import { printable } from '../format/printable.ts';
import { write, writeJson } from '../output.ts';
import { parseLeaseId } from './lease.ts';
import { type EscapeOptions, toBytes, withEscapes } from './key-range.ts';

type PutOptions = ConnectionOptions &
  EscapeOptions & {
    readonly file?: string;
    readonly ttl?: string;
    readonly lease?: string;
    readonly prev?: boolean;
    readonly json?: boolean;
  };

/** `quorate put` */
export function addPut(program: Command, { context, clients }: CommandParts): void {
  const command = program
    .command('put')
    .summary('set a key')
    .description('Sets the value of a key. The value is an argument, a file, or what standard input holds.')
    .argument('<key>', 'the key')
    .argument('[value]', 'the value; standard input if it is - or left out')
    .option('-f, --file <path>', 'take the value from a file; - means standard input')
    .option('--ttl <seconds>', 'let the key vanish after this time, under a lease of its own')
    .option('--lease <id>', 'let the key vanish with this lease, in hexadecimal')
    .option('--prev', 'also print the value that the key had before')
    .option('--json', 'print JSON');
  withConnection(withEscapes(command)).action(
    async (key: string, argument: string | undefined, options: PutOptions) => {
      const given = argument === undefined || argument === '-' ? argument : toBytes(argument, options);
      const value = await readValue(given, options.file, context);
      const { revision, previous } = await clients.use(options, context, (client) =>
        client.put(toBytes(key, options), value, {
          ...toLeaseOptions(options),
          previous: options.prev ?? false,
          signal: context.signal,
        }),
      );
      if (options.json === true) {
        const before =
          options.prev === true ? { previous: previous === null ? null : entryToJson(previous) } : {};
        await writeJson(context.stdout, { revision, ...before });
        return;
      }
      await write(context.stdout, `OK, revision ${revision}\n`);
      if (options.prev !== true) return;
      const before = previous === null ? 'there was no value before' : `before: ${printable(previous.value)}`;
      await write(context.stdout, `${before}\n`);
    },
  );
}

function toLeaseOptions({ ttl, lease }: PutOptions): { ttlSeconds?: number; lease?: bigint } {
  return {
    ...(ttl === undefined ? {} : { ttlSeconds: parseCount('--ttl', ttl, 1) }),
    ...(lease === undefined ? {} : { lease: parseLeaseId(lease) }),
  };
}
