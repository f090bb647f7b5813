import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const command = join(import.meta.dirname, '../bin/quorate.js');

test('the command runs the sources of a checkout, and passes exit codes on', async () => {
  const { stdout, stderr } = await run(process.execPath, [command, '--version']);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  assert.equal(stderr, '');
  await assert.rejects(run(process.execPath, [command, 'frobnicate']), { code: 2 });
});
