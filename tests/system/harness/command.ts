import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const repository = join(import.meta.dirname, '../../..');
const commandLine = join(repository, 'packages/cli/src/main.ts');

/** A command that hangs is ended after this time, and its test fails. */
const defaultTimeoutMs = 60_000;

export type CommandResult = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

export type CommandOptions = {
  readonly stdin?: string | Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
  /** A command that takes longer is ended. Default: a minute. */
  readonly timeoutMs?: number;
};

/** Runs `quorate` with these arguments to its end. */
export function quorate(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return runCommand(process.execPath, [...quorateArguments, ...args], options);
}

/** What stands between `node` and the arguments of `quorate`. */
export const quorateArguments: readonly string[] = ['--conditions=quorate-source', commandLine];

export async function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const child = spawn(file, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: options.directory ?? repository,
    env: { ...process.env, ...options.environment },
    timeout: options.timeoutMs ?? defaultTimeoutMs,
    killSignal: 'SIGKILL',
  });
  endWithTests(child);
  child.stdin.on('error', () => undefined); // The command may end without reading all of its input.
  child.stdin.end(options.stdin ?? '');
  const [[code], stdout, stderr]: [unknown[], string, string] = await Promise.all([
    once(child, 'close'),
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code: typeof code === 'number' ? code : null, stdout, stderr };
}

/** Why tests that need `file` cannot run, or false if they can: what `skip` of a test takes. */
export function missingCommand(file: string, debianPackage: string): string | false {
  const { error } = spawnSync(file, ['--help'], { stdio: 'ignore' });
  return error === undefined ? false : `${file} is not installed (Debian package ${debianPackage})`;
}

const children = new Set<ChildProcess>();
let isWatchingExit = false;

/** Sees to it that a child does not outlive the tests, however they end. */
export function endWithTests(child: ChildProcess): void {
  if (!isWatchingExit) {
    isWatchingExit = true;
    process.once('exit', killChildren);
    process.once('SIGTERM', () => process.exit(1));
  }
  children.add(child);
  child.once('exit', () => children.delete(child));
}

function killChildren(): void {
  for (const child of children) {
    child.kill('SIGKILL');
  }
}
