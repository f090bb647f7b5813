import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NodeFileSystem } from './node-file-system.ts';
import { testFileSystem } from './testing/file-system-contract.ts';

testFileSystem('the real disk', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-disk-'));
  return {
    fileSystem: new NodeFileSystem(),
    directory,
    other: new NodeFileSystem(),
    tearDown: () => rm(directory, { recursive: true }),
  };
});

const HOLDER = `
  import { NodeFileSystem } from '@quorate/storage/node';
  const result = await new NodeFileSystem().lock(process.argv[1]);
  process.stdout.write(result.kind === 'held' ? 'held by ' + result.by : result.kind);
  if (result.kind === 'acquired') setInterval(() => undefined, 1000);
`;

/** A process that tries to take the lock, and holds it until it is killed. */
async function startHolder(context: TestContext, lockPath: string) {
  const child = spawn(
    process.execPath,
    ['--conditions=quorate-source', '--input-type=module', '--eval', HOLDER, lockPath],
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

test('the lock of another process holds until that process is killed, and names it', async (context) => {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-lock-'));
  context.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'lock');
  const fileSystem = new NodeFileSystem();

  const holder = await startHolder(context, path);
  assert.equal(holder.said, 'acquired');
  assert.deepEqual(await fileSystem.lock(path), { kind: 'held', by: `process ${holder.pid}` });
  await holder.kill();

  // What the dead process left behind is no obstacle, whichever process has its id by now.
  const taken = await fileSystem.lock(path);
  assert(taken.kind === 'acquired');
  const refused = await startHolder(context, path);
  assert.equal(refused.said, `held by process ${process.pid}`);
  await refused.kill();
  await taken.lock.release();
});

test('of several processes that start together one gets the lock', async (context) => {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-lock-'));
  context.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'lock');
  // A killed owner's remains are there from the start.
  await (await startHolder(context, path)).kill();
  const holders = await Promise.all([1, 2, 3].map(() => startHolder(context, path)));
  assert.equal(holders.filter((holder) => holder.said === 'acquired').length, 1);
  for (const holder of holders) await holder.kill();
});
