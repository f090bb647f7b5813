import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { NodeFileSystem } from './node-file-system.ts';
import { testFileSystem } from './testing/file-system-contract.ts';
import { runSource } from './testing/run-source.ts';

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

test('the lock of another process holds until that process is killed, and names it', async (context) => {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-lock-'));
  context.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'lock');
  const fileSystem = new NodeFileSystem();

  const holder = await runSource(context, HOLDER, path);
  assert.equal(holder.said, 'acquired');
  assert.deepEqual(await fileSystem.lock(path), { kind: 'held', by: `process ${holder.pid}` });
  await holder.kill();

  // What the dead process left behind is no obstacle, whichever process has its id by now.
  const taken = await fileSystem.lock(path);
  assert(taken.kind === 'acquired');
  const refused = await runSource(context, HOLDER, path);
  assert.equal(refused.said, `held by process ${process.pid}`);
  await refused.kill();
  await taken.lock.release();
});

test('of several processes that start together one gets the lock', async (context) => {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-lock-'));
  context.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'lock');
  // A killed owner's remains are there from the start.
  await (await runSource(context, HOLDER, path)).kill();
  const holders = await Promise.all([1, 2, 3].map(() => runSource(context, HOLDER, path)));
  assert.equal(holders.filter((holder) => holder.said === 'acquired').length, 1);
  for (const holder of holders) await holder.kill();
});
