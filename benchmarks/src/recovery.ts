import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster } from './cluster.ts';
import { UsageError } from './options.ts';
import { Progress } from './progress.ts';
import { parseRecoveryOptions, recoveryUsage } from './recovery/recovery-options.ts';
import { formatRecovery, formatRecoveryJson } from './recovery/recovery-report.ts';
import type { RecoveryResult } from './recovery/recovery-result.ts';
import { measureRecovery, type RunContext } from './recovery/recovery-run.ts';
import { chooseSystems, type System } from './systems.ts';

/** More than two revisions of 10,000,000 keys take: no system is to refuse writes. */
const quotaBytes = 8 * 2 ** 30;

async function main(): Promise<void> {
  const options = parseRecoveryOptions(process.argv.slice(2));
  if (options === null) {
    console.log(recoveryUsage);
    return;
  }
  const interrupt = new AbortController();
  const stop = (): void => interrupt.abort(new Error('interrupted'));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const load = loadavg();
  const directory = await mkdtemp(join(tmpdir(), 'quorate-bench-'));
  const progress = new Progress(process.stderr);
  const flags = [`--snapshot-count=${options.snapshotCount}`, `--quota-backend-bytes=${quotaBytes}`];
  try {
    const results: RecoveryResult[] = [];
    for (const system of chooseSystems({ ...options, replication: ['pipelined'] }, flags)) {
      const context = {
        options,
        directory: join(directory, system.name),
        signal: interrupt.signal,
        progress: (text: string): void => progress.show(`${system.name}: ${text}`),
      };
      results.push(await measure(system, context));
    }
    progress.clear();
    console.log((options.json ? formatRecoveryJson : formatRecovery)(options, load, results));
  } finally {
    progress.clear();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(system: System, context: RunContext): Promise<RecoveryResult> {
  const { directory } = context;
  const cluster = await Cluster.start({ directory, members: 3, command: system.command });
  try {
    const result = await measureRecovery(system.name, cluster, context);
    cluster.assertRunning();
    return result;
  } catch (error) {
    cluster.assertRunning(); // A member that ended explains more than what the clients saw of it.
    throw error;
  } finally {
    await cluster.close();
    await rm(directory, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  if (error instanceof UsageError) {
    console.error(`${error.message}\nTry npm run bench:recovery -- --help`);
    process.exitCode = 2;
    return;
  }
  console.error(error instanceof Error ? `benchmark: ${error.message}` : error);
  process.exitCode = 1;
});
