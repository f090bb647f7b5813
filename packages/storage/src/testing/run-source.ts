import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';

/** Another process, and the first that it said. */
export type SourceProcess = {
  readonly pid: number | undefined;
  readonly said: string;
  /** Ends it as a crash would, and waits for that. */
  kill(): Promise<void>;
};

/** Runs a source text with one argument in a process of its own, until it is killed or the test is over. */
export async function runSource(
  context: TestContext,
  source: string,
  argument: string,
): Promise<SourceProcess> {
  const child = spawn(
    process.execPath,
    ['--conditions=quorate-source', '--input-type=module', '--eval', source, argument],
    { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  context.after(() => child.kill('SIGKILL'));
  const [said] = await once(child.stdout, 'data');
  return {
    pid: child.pid,
    said: String(said),
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
