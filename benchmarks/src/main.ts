import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QuorateClient } from '@quorate/client';
import { Cluster } from './cluster.ts';
import { runLoad } from './load.ts';
import { type BenchmarkOptions, parseBenchmarkOptions, usage, UsageError } from './options.ts';
import { readProcessUsage } from './process-usage.ts';
import { Progress } from './progress.ts';
import { formatJson, formatTables } from './report.ts';
import { type BenchmarkResult, summarize, type UsageMark } from './result.ts';
import { chooseSystems, type System } from './systems.ts';

async function main(): Promise<void> {
  const options = parseBenchmarkOptions(process.argv.slice(2));
  if (options === null) {
    console.log(usage);
    return;
  }
  const interrupt = new AbortController();
  const stop = (): void => interrupt.abort(new Error('interrupted'));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const directory = await mkdtemp(join(tmpdir(), 'quorate-bench-'));
  const progress = new Progress(process.stderr);
  try {
    const results: BenchmarkResult[] = [];
    for (const system of chooseSystems(options)) {
      results.push(await measure(system, options, join(directory, system.name), progress, interrupt.signal));
    }
    progress.clear();
    console.log(options.json ? formatJson(options, results) : formatTables(options, results));
  } finally {
    progress.clear();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(
  system: System,
  options: BenchmarkOptions,
  directory: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<BenchmarkResult> {
  progress.show(`${system.name}: starting ${options.members} members`);
  const { members, command } = { ...system, ...options };
  const cluster = await Cluster.start({ directory, members, command });
  const marks: UsageMark[] = [];
  try {
    const observer = {
      progress: (text: string): void => progress.show(`${system.name}: ${text}`),
      mark: (): void => {
        marks.push({ members: cluster.pids.map(readProcessUsage), loadCpuMs: ownCpuMs() });
      },
    };
    const outcome = await runLoad(cluster.endpoints, options, observer, signal);
    cluster.assertRunning();
    const [start, end] = marks;
    if (start === undefined || end === undefined) {
      throw new Error('the load did not mark its start and end');
    }
    const names = cluster.plans.map((plan) => plan.name);
    return summarize(system.name, names, await findLeader(cluster), outcome, start, end);
  } catch (error) {
    cluster.assertRunning(); // A member that ended explains more than what the clients saw of it.
    throw error;
  } finally {
    await cluster.close();
  }
}

/** The name of the member that leads, or null if none says so. */
async function findLeader(cluster: Cluster): Promise<string | null> {
  await using client = new QuorateClient({ endpoints: cluster.endpoints });
  const answers = await Promise.allSettled(client.endpoints.map((endpoint) => client.status(endpoint)));
  const index = answers.findIndex((answer) => answer.status === 'fulfilled' && answer.value.isLeader);
  return cluster.plans[index]?.name ?? null;
}

function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

main().catch((error: unknown) => {
  if (error instanceof UsageError) {
    console.error(`${error.message}\nTry npm run bench -- --help`);
    process.exitCode = 2;
    return;
  }
  console.error(error instanceof Error ? `benchmark: ${error.message}` : error);
  process.exitCode = 1;
});
