import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { NodeFileSystem } from './node-file-system.ts';
import { command, index } from './testing/log-fixture.ts';
import { seededRandom } from './testing/seeded-random.ts';
import { WriteAheadLog } from './write-ahead-log.ts';

/** Appends entries as fast as it can, in batches of different sizes, and says which index is acknowledged. */
const WRITER = `
  import { WriteAheadLog } from '@quorate/storage';
  import { NodeFileSystem } from '@quorate/storage/node';
  import { commands, entriesWrite, hardState } from './testing/log-fixture.ts';
  const log = await WriteAheadLog.open({
    fileSystem: new NodeFileSystem(),
    directory: process.argv[1],
    random: { integer: (bound) => Math.floor(Math.random() * bound) },
    segmentMaxBytes: 64 * 1024,
  });
  for (let batch = 1; ; batch += 1) {
    const first = log.lastIndex + 1;
    await log.append([entriesWrite(commands(1, first, first + (batch % 7), 500), hardState(1, first - 1))]);
    process.stdout.write(log.lastIndex + '\\n');
  }
`;

/** Runs the writer, kills it after some acknowledgements, and returns the last index that it said was durable. */
async function writeUntilKilled(directory: string, acknowledgements: number): Promise<number> {
  const child = spawn(
    process.execPath,
    ['--conditions=quorate-source', '--input-type=module', '--eval', WRITER, directory],
    { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  let said = '';
  for await (const chunk of child.stdout) {
    said += String(chunk);
    if (said.split('\n').length > acknowledgements) child.kill('SIGKILL');
  }
  await exited;
  // What follows the last line break was cut off by the kill.
  return Number(said.split('\n').at(-2));
}

test('a process that is killed while it writes has lost nothing that it acknowledged', async (context) => {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-killed-'));
  context.after(() => rm(directory, { recursive: true }));
  for (const acknowledgements of [1, 20, 60]) {
    const acknowledged = await writeUntilKilled(directory, acknowledgements);
    const log = await WriteAheadLog.open({
      fileSystem: new NodeFileSystem(),
      directory,
      random: seededRandom(acknowledgements),
    });
    assert(acknowledged >= acknowledgements);
    assert(log.lastIndex >= acknowledged, `${acknowledged} was acknowledged, ${log.lastIndex} recovered`);
    const entries = await log.read(index(1), log.lastIndex, Number.POSITIVE_INFINITY);
    assert.equal(entries.length, log.lastIndex);
    for (const [at, entry] of entries.entries()) assert.deepEqual(entry, command(1, at + 1, 500));
    await log.close();
  }
});
