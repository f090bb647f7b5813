import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster } from './cluster.ts';
import { UsageError } from './options.ts';
import { readProcessUsage } from './process-usage.ts';
import { Progress } from './progress.ts';
import { describeMachine, table } from './report.ts';
import { chooseSystems, type System } from './systems.ts';
import { runWatchLoad } from './watch/watch-load.ts';
import { parseWatchOptions, type WatchBenchmarkOptions, watchUsage } from './watch/watch-options.ts';

/** One measurement, in numbers that a program can read. Times in microseconds. */
type WatchResult = {
  readonly system: string;
  readonly watchers: number;
  readonly keys: number;
  readonly putsPerSecond: number;
  readonly eventsPerSecond: number;
  readonly delayP50: number;
  readonly delayP99: number;
  readonly delayMax: number;
  /** Of all members, and of the process that writes and watches; null if the system does not tell. */
  readonly membersCpuPerEvent: number | null;
  readonly loadCpuPerEvent: number;
  readonly residentBytes: number | null;
};

async function main(): Promise<void> {
  const options = parseWatchOptions(process.argv.slice(2));
  if (options === null) {
    console.log(watchUsage);
    return;
  }
  const directory = await mkdtemp(join(tmpdir(), 'quorate-bench-'));
  const progress = new Progress(process.stderr);
  try {
    const results: WatchResult[] = [];
    for (const system of chooseSystems({ ...options, replication: ['pipelined'] })) {
      for (const keys of options.keys) {
        progress.show(`${system.name}: ${options.watchers} watchers on ${keys} keys`);
        results.push(await measure(system, keys, options, join(directory, `${system.name}-${keys}`)));
      }
    }
    progress.clear();
    const machine = describeMachine();
    console.log(
      options.json ? JSON.stringify({ machine, options, results }, null, 2) : format(options, results),
    );
  } finally {
    progress.clear();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(
  system: System,
  keys: number,
  options: WatchBenchmarkOptions,
  directory: string,
): Promise<WatchResult> {
  const cluster = await Cluster.start({ directory, members: options.members, command: system.command });
  const marks: { readonly members: number | null; readonly load: number }[] = [];
  try {
    const mark = (): void => {
      marks.push({ members: membersCpuMs(cluster), load: ownCpuMs() });
    };
    const { seconds, puts, delays } = await runWatchLoad(cluster.endpoints, keys, options, mark);
    cluster.assertRunning();
    const [start = { members: null, load: 0 }, end = start] = marks;
    const events = Math.max(1, delays.total);
    const membersMs = start.members === null || end.members === null ? null : end.members - start.members;
    return {
      system: system.name,
      watchers: options.watchers,
      keys,
      putsPerSecond: puts / seconds,
      eventsPerSecond: delays.total / seconds,
      delayP50: delays.quantile(0.5),
      delayP99: delays.quantile(0.99),
      delayMax: delays.max,
      membersCpuPerEvent: membersMs === null ? null : (membersMs * 1000) / events,
      loadCpuPerEvent: ((end.load - start.load) * 1000) / events,
      residentBytes: readProcessUsage(cluster.pids[0] ?? 0)?.residentBytes ?? null,
    };
  } finally {
    await cluster.close();
  }
}

function format(options: WatchBenchmarkOptions, results: readonly WatchResult[]): string {
  const { cores, cpu, node } = describeMachine();
  const { members, streams, valueSizeBytes, engine, durationSeconds } = options;
  const number = (value: number | null, scale: number, digits: number): string =>
    value === null ? 'unknown' : (value / scale).toFixed(digits);
  return [
    `${cores} x ${cpu}, Node.js ${node}; members and load on this machine`,
    `${members} member(s), ${streams} streams, values of ${valueSizeBytes} bytes, engine ${engine}, ${durationSeconds} s each`,
    '',
    table(
      [
        'system',
        'watchers on keys',
        'puts/s',
        'events/s',
        'p50 ms',
        'p99 ms',
        'max ms',
        'CPU us/event',
        'load us/event',
        'resident MiB',
      ],
      results.map((result) => [
        result.system,
        `${result.watchers} on ${result.keys}`,
        number(result.putsPerSecond, 1, 0),
        number(result.eventsPerSecond, 1, 0),
        number(result.delayP50, 1000, 2),
        number(result.delayP99, 1000, 2),
        number(result.delayMax, 1000, 2),
        number(result.membersCpuPerEvent, 1, 1),
        number(result.loadCpuPerEvent, 1, 1),
        number(result.residentBytes, 2 ** 20, 0),
      ]),
    ),
  ].join('\n');
}

function membersCpuMs(cluster: Cluster): number | null {
  return cluster.pids.reduce<number | null>((sum, pid) => {
    const usage = readProcessUsage(pid);
    return sum === null || usage === null ? null : sum + usage.cpuMs;
  }, 0);
}

function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

main().catch((error: unknown) => {
  if (error instanceof UsageError) {
    console.error(`${error.message}\nTry npm run bench:watch -- --help`);
    process.exitCode = 2;
    return;
  }
  console.error(error instanceof Error ? `benchmark: ${error.message}` : error);
  process.exitCode = 1;
});
