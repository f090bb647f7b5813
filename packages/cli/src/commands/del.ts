import type { Command } from 'commander';
import { type CommandParts, type ConnectionOptions, withConnection } from '../connection.ts';
import { entryToJson } from '../format/entry-json.ts';
import { printable } from '../format/printable.ts';
import { counted } from '../format/units.ts';
import { write, writeJson } from '../output.ts';
import { type KeyRangeOptions, toKeyRange, withKeyRange } from './key-range.ts';

type DelOptions = ConnectionOptions & KeyRangeOptions & { readonly prev?: boolean; readonly json?: boolean };

/** `quorate del` */
export function addDel(program: Command, { context, clients }: CommandParts): void {
  const command = program
    .command('del')
    .summary('delete keys')
    .description('Deletes a key, or several at once. Deleting what does not exist is no error.');
  withKeyRange(command)
    .option('--prev', 'also print the entries that were deleted')
    .option('--json', 'print JSON');
  withConnection(command).action(
    async (key: string | undefined, end: string | undefined, options: DelOptions) => {
      const range = toKeyRange(key, end, options);
      const { deleted, previous, revision } = await clients.use(options, context, (client) =>
        client.deleteRange(range, { previous: options.prev ?? false, signal: context.signal }),
      );
      if (options.json === true) {
        const before = options.prev === true ? { previous: previous.map(entryToJson) } : {};
        await writeJson(context.stdout, { revision, deleted, ...before });
        return;
      }
      await write(context.stdout, `${counted(deleted, 'key')} deleted\n`);
      for (const entry of previous) {
        await write(context.stdout, `${printable(entry.key)}\t${printable(entry.value)}\n`);
      }
    },
  );
}
