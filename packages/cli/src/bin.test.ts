import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
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

test('output that cannot be written is one line and an exit code', {
  skip: process.platform !== 'linux',
}, () => {
  const full = openSync('/dev/full', 'w');
  try {
    const { status, stderr } = spawnSync(process.execPath, [command, '--version'], {
      stdio: ['ignore', full, 'pipe'],
    });
    assert.equal(status, 1);
    assert.match(stderr.toString(), /^quorate: cannot write to standard output: ENOSPC.*\n$/);
    const silent = spawnSync(process.execPath, [command, 'frobnicate'], {
      stdio: ['ignore', 'ignore', full],
    });
    assert.equal(silent.status, 2, 'the exit code tells it, if nothing else can');
  } finally {
    closeSync(full);
  }
});
