import type { KeyRange, QuorateClient, WatchBatch, WatchEvent, WatchOptions } from '@quorate/client';
import type { Command } from 'commander';
import { usageError } from '../cli-error.ts';
import { type CommandParts, type ConnectionOptions, withConnection } from '../connection.ts';
import type { Context } from '../context.ts';
import { entryToJson } from '../format/entry-json.ts';
import { printable } from '../format/printable.ts';
import { parseCount, parseDuration } from '../format/units.ts';
import { styled, write, writeJson } from '../output.ts';
import { type KeyRangeOptions, toKeyRange, withKeyRange } from './key-range.ts';

type WatchCommandOptions = ConnectionOptions &
  KeyRangeOptions & {
    readonly rev?: string;
    readonly prevKv?: boolean;
    readonly only?: string;
    readonly progress?: boolean;
    readonly count?: string;
    readonly json?: boolean;
  };

const description = `Prints what happens to a key, or to several, until it is interrupted.

One change a line: revision, tab, put or delete, tab, key, and for a put tab, value, with \\n, \\t, \\\\ and \\xNN for what is not printable. With --prev-kv a line "before: VALUE" follows if there was a value. With --json one object a line for each revision, with all of its events.

When a connection breaks or a member fails, it goes on at another one and misses nothing; --timeout says for how long no member may be found. It fails if what it should print next has been compacted.`;

/** `quorate watch` */
export function addWatch(program: Command, { context, clients }: CommandParts): void {
  const command = program.command('watch').summary('print changes as they happen').description(description);
  withKeyRange(command)
    .option('--rev <revision>', 'begin with this revision, in the past or in the future')
    .option('--prev, --prev-kv', 'print the values before the changes, too')
    .option('--only <kind>', 'print only puts, or only deletions')
    .option('--progress', 'print now and then up to which revision everything was printed')
    .option('--count <n>', 'end after so many changes')
    .option('--json', 'print JSON, with keys and values in base64');
  withConnection(command).action(
    async (key: string | undefined, end: string | undefined, options: WatchCommandOptions) => {
      const range = toKeyRange(key, end, options);
      const watched = toWatchOptions(options);
      await clients.use(options, context, (client) => watch(client, range, watched, options, context));
    },
  );
}

async function watch(
  client: QuorateClient,
  range: KeyRange,
  watched: WatchOptions,
  options: WatchCommandOptions,
  { stdout, signal }: Context,
): Promise<void> {
  const countMax =
    options.count === undefined ? Number.POSITIVE_INFINITY : parseCount('--count', options.count, 1);
  await using changes = client.watch(range, watched);
  // An interrupt in the shell is how a watch ends, not a failure.
  const stop = (): void => void changes.close();
  signal?.addEventListener('abort', stop, { once: true });
  let count = 0;
  for await (const batch of changes.batches()) {
    const events = batch.events.slice(0, countMax - count);
    if (events.length > 0 || options.progress === true) {
      if (options.json === true) await writeJson(stdout, toJson({ ...batch, events }));
      else await print({ ...batch, events }, stdout);
    }
    count += events.length;
    if (count >= countMax) break;
  }
  signal?.removeEventListener('abort', stop);
}

async function print({ revision, events }: WatchBatch, stdout: Context['stdout']): Promise<void> {
  if (events.length === 0) await write(stdout, `${revision}\tprogress\n`);
  for (const event of events) {
    const type = styled(stdout, event.type === 'put' ? 'green' : 'red', event.type);
    const key = styled(stdout, 'cyan', printable(event.key));
    const value = event.type === 'put' ? `\t${printable(event.entry.value)}` : '';
    await write(stdout, `${revision}\t${type}\t${key}${value}\n`);
    if (event.previous !== null) await write(stdout, `before: ${printable(event.previous.value)}\n`);
  }
}

function toJson({ revision, events }: WatchBatch): object {
  return { revision, events: events.map(eventToJson) };
}

function eventToJson({ type, entry, previous }: WatchEvent): object {
  return {
    type,
    entry: entryToJson(entry),
    ...(previous === null ? {} : { previous: entryToJson(previous) }),
  };
}

function toWatchOptions(options: WatchCommandOptions): WatchOptions {
  const { only } = options;
  if (only !== undefined && only !== 'puts' && only !== 'deletions') {
    throw usageError(`--only does not know ${JSON.stringify(only)}`, 'Write puts or deletions.');
  }
  return {
    ...(options.rev === undefined ? {} : { startRevision: parseCount('--rev', options.rev, 1) }),
    ...(only === undefined ? {} : { only }),
    previous: options.prevKv ?? false,
    progress: options.progress ?? false,
    patienceMs: parseDuration(options.timeout ?? '5s'),
  };
}
