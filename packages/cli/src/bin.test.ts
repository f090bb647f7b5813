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

test('a member takes the flags of etcd, and tells its version as etcd does', async () => {
  const { stdout } = await run(process.execPath, [command, 'serve', '--version']);
  assert.match(stdout, /^etcd Version: 3\.\d+\.\d+\nQuorate Version: \d/);
  const flags = ['-name', 'n1', '--pre-vote', '-initial-cluster=n2=http://127.0.0.1:1', '--auto-tls'];
  await assert.rejects(run(process.execPath, [command, 'serve', ...flags]), (error: { stderr: string }) => {
    assert.equal(
      error.stderr,
      'quorate: --auto-tls: is not supported: there is no TLS yet; use a network that you trust, or a proxy that ends TLS; it can only be false\n',
    );
    return true;
  });
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
