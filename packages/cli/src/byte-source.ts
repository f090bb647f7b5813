import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Bytes } from '@quorate/client';
import { CliError, usageError } from './cli-error.ts';
import type { Context, Input } from './context.ts';

/** More than any cluster accepts; what is larger is refused before it is read to its end. */
export const inputMaxBytes = 64 * 1024 * 1024;

/** Reads a stream to its end. */
export async function readAll(input: Input): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of input as AsyncIterable<Buffer | string>) {
    const bytes = Buffer.from(chunk as Buffer);
    size += bytes.length;
    if (size > inputMaxBytes) throw new CliError(`the input is larger than ${inputMaxBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** Reads a file to its end; `-` means standard input. */
export async function readSource(path: string, context: Context): Promise<Buffer> {
  if (path === '-') return readAll(context.stdin);
  try {
    return await readFile(resolve(context.directory, path));
  } catch (cause) {
    throw new CliError(`cannot read ${path}: ${describeFileError(cause)}`, { cause });
  }
}

/**
 * The bytes of a value: the argument itself, a file, or standard input if the argument is `-` or left out.
 * Standard input is taken as it is, with its last line end, if any.
 */
export async function readValue(
  argument: Bytes | undefined,
  file: string | undefined,
  context: Context,
): Promise<Bytes> {
  if (file !== undefined) {
    if (argument !== undefined) throw usageError('give a value or --file, not both');
    return readSource(file, context);
  }
  if (argument !== undefined && argument !== '-') return argument;
  if (argument === undefined && context.stdin.isTTY === true) {
    throw usageError('no value given', 'Give it as an argument, with --file FILE, or through a pipe.');
  }
  return readAll(context.stdin);
}

function describeFileError(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const meanings: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'permission denied',
    EISDIR: 'it is a directory',
  };
  return meanings[code] ?? (error instanceof Error ? error.message : String(error));
}
