import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

export type ReplicationMode = 'vanilla' | 'pipelined';
export type Engine = 'sqlite' | 'memory' | 'lmdb';

/** What one run measures. */
export type BenchmarkOptions = {
  readonly clients: number;
  readonly valueSizeBytes: number;
  readonly keys: number;
  readonly durationSeconds: number;
  readonly warmUpSeconds: number;
  readonly members: number;
  readonly replication: readonly ReplicationMode[];
  /** The share of operations that are linearizable reads, from 0 to 1. */
  readonly reads: number;
  readonly engine: Engine;
  readonly workers: number;
  readonly etcd: boolean;
  readonly seed: number;
  readonly json: boolean;
};

/** A mistake of the person at the command line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const usage = `Usage: npm run bench -- [options]

Starts a fresh cluster on this machine for each system, loads it with clients that wait for each answer
before they send the next request, and compares.

  --clients N          requests in flight (default 64)
  --value-size BYTES   size of each value (default 256)
  --keys N             how many keys are written and read (default 1000)
  --duration SECONDS   how long each system is measured (default 10)
  --warm-up SECONDS    load before the measurement (default 3)
  --members 1|3|5      members of each cluster (default 3)
  --replication LIST   vanilla, pipelined or both (default vanilla,pipelined)
  --reads SHARE        share of linearizable reads, as 0.5 or 50% (default 0)
  --engine NAME        sqlite, memory or lmdb (default sqlite)
  --workers N          threads that make the load (default 1)
  --no-etcd            leave etcd out even if it is installed
  --seed N             seed of the choice of keys and operations (default 1)
  --json               print one JSON document instead of a table
  --help               print this text`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const flags = {
  clients: text,
  'value-size': text,
  keys: text,
  duration: text,
  'warm-up': text,
  members: text,
  replication: text,
  reads: text,
  engine: text,
  workers: text,
  etcd: flag,
  seed: text,
  json: flag,
  help: flag,
} as const;

/** Reads the command line; null means that help was asked for. Throws a UsageError. */
export function parseBenchmarkOptions(args: readonly string[]): BenchmarkOptions | null {
  const values = readFlags(args, flags);
  if (values.help === true) {
    return null;
  }
  return {
    clients: integer('clients', values.clients ?? '64', 1, 10_000),
    valueSizeBytes: integer('value-size', values['value-size'] ?? '256', 0, 1_048_576),
    keys: integer('keys', values.keys ?? '1000', 1, 10_000_000),
    durationSeconds: integer('duration', values.duration ?? '10', 1, 3600),
    warmUpSeconds: integer('warm-up', values['warm-up'] ?? '3', 0, 3600),
    members: Number(choice('members', values.members ?? '3', ['1', '3', '5'])),
    replication: replicationModes(values.replication ?? 'vanilla,pipelined'),
    reads: share('reads', values.reads ?? '0'),
    engine: choice('engine', values.engine ?? 'sqlite', ['sqlite', 'memory', 'lmdb']),
    workers: integer('workers', values.workers ?? '1', 1, 64),
    etcd: values.etcd ?? true,
    seed: integer('seed', values.seed ?? '1', 0, 2 ** 32 - 1),
    json: values.json ?? false,
  };
}

/** Reads flags as `parseArgs` of Node does, `--no-x` included. Throws a UsageError for what is not among them. */
export function readFlags<Flags extends ParseArgsOptionsConfig>(args: readonly string[], flags: Flags) {
  try {
    return parseArgs({ args: [...args], allowNegative: true, options: flags }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** A whole number in bounds. Throws a UsageError that names the option. */
export function integer(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new UsageError(`--${name} takes a whole number from ${min} to ${max}, got "${text}"`);
  }
  return value;
}

/** Accepts 0.25 and 25%. */
function share(name: string, text: string): number {
  const value = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (!/^\d*\.?\d+%?$/.test(text) || value < 0 || value > 1) {
    throw new UsageError(`--${name} takes a share such as 0.5 or 50%, got "${text}"`);
  }
  return value;
}

/** One of a few words. Throws a UsageError that names the option. */
export function choice<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const found = choices.find((candidate) => candidate === text);
  if (found === undefined) {
    throw new UsageError(`--${name} takes ${choices.join(', ')}, got "${text}"`);
  }
  return found;
}

/** One mode or several, separated by commas. Throws a UsageError. */
export function replicationModes(text: string): ReplicationMode[] {
  const modes = text
    .split(',')
    .filter((mode) => mode !== '')
    .map((mode) => choice('replication', mode, ['vanilla', 'pipelined'] as const));
  if (modes.length === 0) {
    throw new UsageError('--replication takes vanilla, pipelined or both');
  }
  return [...new Set(modes)];
}
