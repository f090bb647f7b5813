import { choice, type Engine, integer, readFlags } from '../options.ts';

/** What one run measures. */
export type RecoveryOptions = {
  readonly keys: number;
  readonly valueSizeBytes: number;
  readonly putsPerSecond: number;
  /** How long puts are measured with nothing else going on, and at the least while snapshots are saved. */
  readonly durationSeconds: number;
  readonly snapshotCount: number;
  readonly engine: Engine;
  readonly etcd: boolean;
  readonly json: boolean;
};

export const recoveryUsage = `Usage: npm run bench:recovery -- [options]

Starts a fresh cluster of three members on this machine for each system and fills it. Measures puts at a steady rate
alone, while snapshots are saved, and while a compaction runs that drops one revision of every key; then how long a
member takes to serve after it was killed and after it was stopped, and a member without data to catch up.

  --keys N             how many keys there are (default 1000000)
  --value-size BYTES   size of each value (default 256)
  --rate N             puts per second (default 500)
  --duration SECONDS   how long puts are measured (default 10)
  --snapshot-count N   entries after which members compact their log, and etcd's snapshot (default 10000)
  --engine NAME        sqlite, memory or lmdb (default sqlite)
  --no-etcd            leave etcd out even if it is installed
  --json               print one JSON document instead of a table
  --help               print this text`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const flags = {
  keys: text,
  'value-size': text,
  rate: text,
  duration: text,
  'snapshot-count': text,
  engine: text,
  etcd: flag,
  json: flag,
  help: flag,
} as const;

/** Reads the command line; null means that help was asked for. Throws a UsageError. */
export function parseRecoveryOptions(args: readonly string[]): RecoveryOptions | null {
  const values = readFlags(args, flags);
  if (values.help === true) return null;
  return {
    keys: integer('keys', values.keys ?? '1000000', 1, 10_000_000),
    valueSizeBytes: integer('value-size', values['value-size'] ?? '256', 0, 8192),
    putsPerSecond: integer('rate', values.rate ?? '500', 1, 10_000),
    durationSeconds: integer('duration', values.duration ?? '10', 1, 3600),
    snapshotCount: integer('snapshot-count', values['snapshot-count'] ?? '10000', 1, 1_000_000),
    engine: choice('engine', values.engine ?? 'sqlite', ['sqlite', 'memory', 'lmdb']),
    etcd: values.etcd ?? true,
    json: values.json ?? false,
  };
}
