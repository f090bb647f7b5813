import { choice, type Engine, integer, readFlags } from '../options.ts';

/** What one run measures. */
export type WatchBenchmarkOptions = {
  readonly watchers: number;
  /** Over how many keys the watchers are spread, one measurement each. */
  readonly keys: readonly number[];
  readonly streams: number;
  readonly inFlight: number;
  readonly valueSizeBytes: number;
  readonly durationSeconds: number;
  readonly warmUpSeconds: number;
  readonly members: number;
  readonly engine: Engine;
  readonly etcd: boolean;
  readonly json: boolean;
};

export const watchUsage = `Usage: npm run bench:watch -- [options]

Starts a fresh cluster for each system, watches keys, writes them, and measures how long it takes until all
watchers have been told. A put follows when all watchers of an earlier one have been told of it.

  --watchers N         watchers of single keys (default 1000)
  --keys LIST          over how many keys they are spread, one measurement each (default 1,1000)
  --streams N          gRPC streams that carry the watchers, each on a connection of its own (default 10)
  --in-flight N        puts that are under way at a time, with one key always one (default 64)
  --value-size BYTES   size of each value (default 256)
  --duration SECONDS   how long each measurement takes (default 10)
  --warm-up SECONDS    the same before it, unmeasured (default 3)
  --members 1|3|5      members of each cluster; watchers are spread over them (default 1)
  --engine NAME        sqlite, memory or lmdb (default sqlite)
  --no-etcd            leave etcd out even if it is installed
  --json               print one JSON document instead of a table
  --help               print this text`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const flags = {
  watchers: text,
  keys: text,
  streams: text,
  'in-flight': text,
  'value-size': text,
  duration: text,
  'warm-up': text,
  members: text,
  engine: text,
  etcd: flag,
  json: flag,
  help: flag,
} as const;

/** Reads the command line; null means that help was asked for. Throws a UsageError. */
export function parseWatchOptions(args: readonly string[]): WatchBenchmarkOptions | null {
  const values = readFlags(args, flags);
  if (values.help === true) return null;
  return {
    watchers: integer('watchers', values.watchers ?? '1000', 1, 100_000),
    keys: (values.keys ?? '1,1000').split(',').map((text) => integer('keys', text, 1, 100_000)),
    streams: integer('streams', values.streams ?? '10', 1, 1_000),
    inFlight: integer('in-flight', values['in-flight'] ?? '64', 1, 10_000),
    valueSizeBytes: integer('value-size', values['value-size'] ?? '256', 16, 1_048_576),
    durationSeconds: integer('duration', values.duration ?? '10', 1, 3600),
    warmUpSeconds: integer('warm-up', values['warm-up'] ?? '3', 0, 3600),
    members: Number(choice('members', values.members ?? '1', ['1', '3', '5'])),
    engine: choice('engine', values.engine ?? 'sqlite', ['sqlite', 'memory', 'lmdb']),
    etcd: values.etcd ?? true,
    json: values.json ?? false,
  };
}
