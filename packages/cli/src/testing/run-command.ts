import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import type { Context } from '../context.ts';
import { runQuorate } from '../run.ts';

export type CommandOptions = {
  /** What standard input holds. Default: nothing. */
  readonly stdin?: string | Uint8Array;
  /** Standard input and output are a terminal. */
  readonly isTerminal?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
};

export type CommandResult = {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output before it is decoded. */
  readonly bytes: Buffer;
};

/** Runs a command line in this process, with streams of its own. */
export async function runCommand(
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { isTerminal = false, environment = {} } = options;
  const stdout = new Collector(isTerminal);
  const stderr = new Collector(isTerminal);
  const input = options.stdin === undefined ? [] : [Buffer.from(options.stdin as string)];
  const stdin = Object.assign(isTerminal ? new PassThrough() : Readable.from(input), { isTTY: isTerminal });
  const context: Context = {
    stdin,
    stdout,
    stderr,
    environment,
    directory: options.directory ?? import.meta.dirname,
    entry: join(import.meta.dirname, '..', 'main.ts'),
  };
  const code = await runQuorate(args, context);
  return { code, stdout: stdout.bytes.toString(), stderr: stderr.bytes.toString(), bytes: stdout.bytes };
}

class Collector extends Writable {
  readonly isTTY: boolean;
  readonly #chunks: Buffer[] = [];

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }
}
