import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster } from './cluster.ts';
import { type LeaseFigures, type LeaseLoadOptions, runLeaseLoad } from './lease/lease-load.ts';
import { integer, readFlags, UsageError } from './options.ts';
import { readProcessUsage } from './process-usage.ts';
import { Progress } from './progress.ts';
import { describeMachine, table } from './report.ts';
import { chooseSystems, type System } from './systems.ts';

const usage = `Usage: npm run bench:lease -- [options]

Starts a fresh cluster for each system, grants leases, and keeps them alive over streams, at the leader.

  --leases N           leases that are granted (default 10000)
  --streams N          streams over which they are kept alive (default 4)
  --in-flight N        requests that are under way at a time (default 256)
  --duration SECONDS   how long they are kept alive (default 10)
  --members N          members of each cluster (default 3)
  --no-etcd            leave etcd out even if it is installed
  --help               print this text`;

type Options = LeaseLoadOptions & { readonly members: number; readonly etcd: boolean };

function parse(args: readonly string[]): Options | null {
  const text = { type: 'string' } as const;
  const options = {
    leases: text,
    streams: text,
    'in-flight': text,
    duration: text,
    members: text,
    etcd: { type: 'boolean' },
    help: { type: 'boolean' },
  } as const;
  const values = readFlags(args, options);
  if (values.help === true) return null;
  return {
    leases: integer('leases', values.leases ?? '10000', 1, 1_000_000),
    streams: integer('streams', values.streams ?? '4', 1, 1_000),
    inFlight: integer('in-flight', values['in-flight'] ?? '256', 1, 10_000),
    durationSeconds: integer('duration', values.duration ?? '10', 1, 3600),
    members: integer('members', values.members ?? '3', 1, 9),
    etcd: values.etcd ?? true,
  };
}

async function main(): Promise<void> {
  const options = parse(process.argv.slice(2));
  if (options === null) {
    console.log(usage);
    return;
  }
  const directory = await mkdtemp(join(tmpdir(), 'quorate-bench-'));
  const progress = new Progress(process.stderr);
  try {
    const rows: string[][] = [];
    const { etcd } = options;
    for (const system of chooseSystems({ etcd, engine: 'sqlite', replication: ['pipelined'] })) {
      progress.show(`${system.name}: ${options.leases} leases`);
      rows.push(await measure(system, options, join(directory, system.name.replaceAll(' ', '-'))));
    }
    progress.clear();
    const { cores, cpu, node } = describeMachine();
    console.log(`${cores} x ${cpu}, Node.js ${node}; members and load on this machine`);
    const { members, leases, streams, inFlight, durationSeconds } = options;
    console.log(
      `${members} member(s), ${leases} leases, ${inFlight} requests at a time over ${streams} streams, ${durationSeconds} s\n`,
    );
    console.log(
      table(
        ['system', 'grants/s', 'p50 ms', 'p99 ms', 'keep-alives/s', 'p50 ms', 'p99 ms', 'CPU us/request'],
        rows,
      ),
    );
  } finally {
    progress.clear();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(system: System, options: Options, directory: string): Promise<string[]> {
  const cluster = await Cluster.start({ directory, members: options.members, command: system.command });
  try {
    const before = cpuMs(cluster);
    const { grants, renewals } = await runLeaseLoad(cluster.endpoints, options);
    cluster.assertRunning();
    const all = grants.times.total + renewals.times.total;
    const perRequest = ((cpuMs(cluster) - before) * 1000) / Math.max(1, all);
    return [system.name, ...columns(grants), ...columns(renewals), perRequest.toFixed(0)];
  } finally {
    await cluster.close();
  }
}

function columns({ perSecond, times }: LeaseFigures): string[] {
  const milliseconds = (part: number): string => (times.quantile(part) / 1000).toFixed(2);
  return [perSecond.toFixed(0), milliseconds(0.5), milliseconds(0.99)];
}

function cpuMs(cluster: Cluster): number {
  return cluster.pids.reduce((sum, pid) => sum + (readProcessUsage(pid)?.cpuMs ?? 0), 0);
}

main().catch((error: unknown) => {
  if (error instanceof UsageError) {
    console.error(`${error.message}\nTry npm run bench:lease -- --help`);
    process.exitCode = 2;
    return;
  }
  console.error(error instanceof Error ? `benchmark: ${error.message}` : error);
  process.exitCode = 1;
});
