import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Command as WireCommand } from '@quorate/protocol';
import { inspectLog, type LogLine, StorageError } from '@quorate/storage';
import { NodeFileSystem } from '@quorate/storage/node';
import type { Command } from 'commander';
import { CliError, usageError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { describeCommand } from '../format/describe-command.ts';
import { toBase64 } from '../format/entry-json.ts';
import { styled, write, writeJson } from '../output.ts';

type InspectOptions = { readonly json?: boolean };

const description = `Prints the records of a member's write-ahead log, oldest first: one a line, with file and offset.

DIR is the data directory of a member, or its log directory. Changes nothing, and may be used while the member runs. Goes on behind damage where it can. Exits with 1 if the log is damaged.`;

/** `quorate inspect` */
export function addInspect(program: Command, context: Context): void {
  const inspect = program
    .command('inspect')
    .summary("look into a member's files")
    .description('For operators.');
  inspect
    .command('wal')
    .summary('print the records of a write-ahead log')
    .description(description)
    .argument('<dir>', 'the data directory of a member')
    .option('--json', 'print one JSON object a line, with the data of entries in base64')
    .action(async (path: string, options: InspectOptions) => {
      try {
        await inspectWal(await findLog(path, context), options, context);
      } catch (error) {
        if (error instanceof StorageError) throw new CliError(error.message, { cause: error });
        throw error;
      }
    });
}

async function inspectWal(directory: string, options: InspectOptions, { stdout }: Context): Promise<void> {
  let lines = 0;
  let damages = 0;
  for await (const line of inspectLog({ fileSystem: new NodeFileSystem(), directory })) {
    lines += 1;
    if (line.type === 'damage') damages += 1;
    if (options.json === true) await writeJson(stdout, toJson(line));
    else await write(stdout, `${toText(line, stdout)}\n`);
  }
  if (lines === 0) throw new CliError(`there is no write-ahead log in ${directory}`);
  if (damages > 0) throw new CliError(`the log is damaged in ${damages} place${damages === 1 ? '' : 's'}`);
}

/** The log's own directory, if the member's was given. */
async function findLog(path: string, context: Context): Promise<string> {
  const directory = resolve(context.directory, path);
  for (const candidate of [join(directory, 'log'), directory]) {
    const found = await stat(candidate).catch(() => null);
    if (found?.isDirectory() === true) return candidate;
  }
  throw usageError(`there is no directory ${path}`);
}

function toText(line: LogLine, stdout: Context['stdout']): string {
  const file = line.file.slice(line.file.lastIndexOf('/') + 1);
  const place = `${file}:${line.offset}`.padEnd(30);
  const label = line.type.padEnd(13);
  const type = line.type === 'damage' ? styled(stdout, 'red', label) : styled(stdout, 'cyan', label);
  const position = `${line.index ?? ''}`.padStart(8) + `${line.term ?? ''}`.padStart(6);
  return `${place} ${type}${position}  ${summaryOf(line)}`.trimEnd();
}

function summaryOf(line: LogLine): string {
  if (line.entry?.kind !== 'command') return line.summary;
  return describeCommand(decode(line.entry.data));
}

function toJson(line: LogLine): Record<string, unknown> {
  const { entry, summary: _, ...rest } = line;
  const data = entry?.kind === 'command' ? { data: toBase64(entry.data) } : {};
  return { ...rest, summary: summaryOf(line), ...data };
}

function decode(data: Uint8Array): WireCommand | null {
  try {
    return WireCommand.decode(data);
  } catch {
    // An intact record with data that is no command: the line says so.
    return null;
  }
}
