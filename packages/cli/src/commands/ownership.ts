import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Leadership, Lock, QuorateClient } from '@quorate/client';
import type { Command } from 'commander';
import { CliError, usageError } from '../cli-error.ts';
import { type CommandParts, type ConnectionOptions, withConnection } from '../connection.ts';
import type { Context } from '../context.ts';
import { printable } from '../format/printable.ts';
import { parseCount, parseDuration } from '../format/units.ts';
import { Interruption } from '../interruption.ts';
import { write } from '../output.ts';

type OwnershipOptions = ConnectionOptions & {
  readonly ttl?: string;
  readonly wait?: string;
  readonly listen?: boolean;
};

const lockDescription = `Waits until nobody else owns the lock, owns it, and gives it back.

Without a command it prints the key that exists as long as the lock is owned, and holds the lock until it is interrupted. With a command it holds the lock while the command runs, which is given QUORATE_LOCK_KEY and QUORATE_LOCK_REVISION (the fencing token; ETCD_LOCK_KEY and ETCD_LOCK_REV say the same), and ends with its exit code. The command is sent SIGTERM if the lock is lost meanwhile, or quorate is told to end.

A lock alone does not make sure that two never act at the same time: what the command changes should look at the fencing token. See docs/locks.md. Options of the command stand behind --.`;

const electDescription = `Waits until nobody else leads, leads, and prints the key and the proposal; leads until it is interrupted.

With --listen it does not take part, but prints key and proposal of each leader, until it is interrupted.`;

/** `quorate lock` */
export function addLock(program: Command, { context, clients }: CommandParts): void {
  const command = program
    .command('lock')
    .summary('own a lock, for as long as a command runs')
    .description(lockDescription)
    .argument('<name>', 'the name of the lock')
    .argument('[command...]', 'what to run while the lock is owned');
  withOwnership(command).action(async (name: string, words: string[], options: OwnershipOptions) => {
    await clients.use(options, context, async (client) => {
      using interruption = new Interruption(context);
      await using lock = await orInterrupted(
        client.lock(name, { ...toWaitOptions(options), signal: interruption.signal }),
        interruption,
      );
      if (lock === null) return;
      if (words.length > 0) await runHolding(lock, words, interruption, context);
      else await hold(lock, `${printable(lock.key)}\n`, interruption, context);
    });
  });
}

/** `quorate elect` */
export function addElect(program: Command, { context, clients }: CommandParts): void {
  const command = program
    .command('elect')
    .summary('lead, or see who leads')
    .description(electDescription)
    .argument('<name>', 'the name of the election')
    .argument('[proposal]', 'what the leader proposes')
    .option('-l, --listen', 'print who leads, without taking part');
  withOwnership(command).action(
    async (name: string, proposal: string | undefined, options: OwnershipOptions) => {
      if ((proposal === undefined) !== (options.listen === true)) {
        throw usageError('elect takes either a proposal or --listen');
      }
      await clients.use(options, context, async (client) => {
        using interruption = new Interruption(context);
        if (proposal === undefined) await listen(client, name, interruption, context);
        else await lead(client, name, proposal, options, interruption, context);
      });
    },
  );
}

function withOwnership(command: Command): Command {
  return withConnection(
    command
      .option('--ttl <seconds>', 'how long it is held after this command has died (default: 10)')
      .option(
        '--wait <duration>',
        'give up if it is not owned after this time (default: as long as it takes)',
      ),
  );
}

function toWaitOptions({ ttl, wait }: OwnershipOptions): { ttlSeconds?: number; waitMs?: number } {
  return {
    ...(ttl === undefined ? {} : { ttlSeconds: parseCount('--ttl', ttl, 1) }),
    ...(wait === undefined ? {} : { waitMs: parseDuration(wait) }),
  };
}

async function lead(
  client: QuorateClient,
  name: string,
  proposal: string,
  options: OwnershipOptions,
  interruption: Interruption,
  context: Context,
): Promise<void> {
  const { signal } = interruption;
  await using leadership = await orInterrupted(
    client.campaign(name, proposal, { ...toWaitOptions(options), signal }),
    interruption,
  );
  if (leadership === null) return;
  await hold(leadership, `${printable(leadership.key)}\n${proposal}\n`, interruption, context);
}

async function listen(
  client: QuorateClient,
  name: string,
  interruption: Interruption,
  { stdout }: Context,
): Promise<void> {
  const print = async (): Promise<void> => {
    for await (const { key, entry } of client.observe(name, { signal: interruption.signal })) {
      await write(stdout, `${printable(key)}\n${printable(entry.value)}\n`);
    }
  };
  await orInterrupted(print(), interruption);
}

/** What was waited for, or null if the wait was interrupted: that is no failure. */
async function orInterrupted<Result>(
  wanted: Promise<Result>,
  { signal }: Interruption,
): Promise<Result | null> {
  try {
    return await wanted;
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

/** Says what is owned, and owns it until it is interrupted or lost. */
async function hold(
  { lost }: Lock | Leadership,
  announcement: string,
  { signal }: Interruption,
  { stdout }: Context,
): Promise<void> {
  await write(stdout, announcement);
  const end = AbortSignal.any([signal, lost]);
  if (!end.aborted) await once(end, 'abort');
  if (lost.aborted) throw lost.reason;
}

/** Runs a command that is told which lock it holds. */
async function runHolding(
  lock: Lock,
  words: readonly string[],
  { signal }: Interruption,
  context: Context,
): Promise<void> {
  const [command = '', ...args] = words;
  const key = printable(lock.key);
  const revision = `${lock.fencingToken}`;
  const child = spawn(command, args, {
    cwd: context.directory,
    env: {
      ...context.environment,
      QUORATE_LOCK_KEY: key,
      QUORATE_LOCK_REVISION: revision,
      ETCD_LOCK_KEY: key,
      ETCD_LOCK_REV: revision,
    },
    stdio: ['inherit', 'pipe', 'pipe'],
  });
  child.stdout.pipe(context.stdout, { end: false });
  child.stderr.pipe(context.stderr, { end: false });
  const stop = (): void => void child.kill('SIGTERM');
  lock.lost.addEventListener('abort', stop, { once: true });
  signal.addEventListener('abort', stop, { once: true });
  // Both may have come while the command was being started.
  if (lock.lost.aborted || signal.aborted) stop();
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    if (lock.lost.aborted) throw lock.lost.reason;
    if (code !== 0) throw new CliError('', { exitCode: code ?? 1, isReported: true });
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) {
      throw usageError(`cannot run ${JSON.stringify(command)}: ${error.message}`);
    }
    throw error;
  } finally {
    lock.lost.removeEventListener('abort', stop);
    signal.removeEventListener('abort', stop);
  }
}
