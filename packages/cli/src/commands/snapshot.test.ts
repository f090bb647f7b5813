import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createLogger, parseConfiguration, type RunningServer, startServer } from '@quorate/server';
import { type CommandResult, runCommand } from '../testing/run-command.ts';

/** A member in this process, and commands that talk to it. */
describe('backups', () => {
  let directory = '';
  let server: RunningServer;

  function run(...args: readonly string[]): Promise<CommandResult> {
    const environment = { QUORATE_ENDPOINTS: server.clientUrls[0] ?? '' };
    return runCommand(args, { directory, environment });
  }

  async function succeeds(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await run(...args);
    assert.equal(code, 0, stderr);
    return stdout;
  }

  async function fails(code: number, message: RegExp, ...args: readonly string[]): Promise<void> {
    const result = await run(...args);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, message);
    assert.equal(result.stderr.trimEnd().split('\n').length, 1, result.stderr);
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'quorate-snapshot-command-'));
    const flags = ['--data-dir', join(directory, 'member'), '--listen-client-urls', 'http://127.0.0.1:0'];
    const { configuration } = parseConfiguration({
      flags: [
        ...flags,
        '--listen-peer-urls',
        'http://127.0.0.1:0',
        '--initial-advertise-peer-urls',
        'http://127.0.0.1:1',
      ],
      environment: {},
      readFile: () => Buffer.alloc(0),
    });
    const stream = { isTTY: false, write: () => true };
    const logger = createLogger({ ...configuration, logLevel: 'error' }, stream);
    server = await startServer(configuration, { logger, version: 'test' });
    for (const key of ['a', 'b', 'c']) await succeeds('put', key, `value of ${key}`);
    await succeeds('del', 'b');
  });

  after(async () => {
    await server.close();
    await rm(directory, { recursive: true });
  });

  test('a snapshot is saved, checked and restored', async () => {
    assert.match(
      await succeeds('snapshot', 'save', 'a.snapshot'),
      /^saved \d+ B of 127\.0\.0\.1:\d+ to a\.snapshot\n$/,
    );
    const status: Record<string, unknown> = JSON.parse(
      await succeeds('snapshot', 'status', 'a.snapshot', '--json'),
    );
    assert.deepEqual([status['keys'], status['records'], status['revision']], [2, 4, 5]);
    assert.match(
      await succeeds('snapshot', 'status', 'a.snapshot'),
      /^HASH +REVISION .*\n[0-9a-f]{16} +5 +0 +2 +4 /,
    );
    const restored = await succeeds(
      'snapshot',
      'restore',
      'a.snapshot',
      '--data-dir',
      'restored',
      '--name',
      'n1',
    );
    assert.match(
      restored,
      /^restored 2 keys at revision 5 to .*restored, for member n1 of cluster [0-9a-f]+\.\n$/,
    );
    await fails(1, /restored is not empty/, 'snapshot', 'restore', 'a.snapshot', '--data-dir', 'restored');
    const bumped = await succeeds(
      ...['snapshot', 'restore', 'a.snapshot', '--data-dir', 'bumped', '--bump-revision', '100', '--json'],
    );
    assert.equal(Reflect.get(JSON.parse(bumped) as object, 'compactedRevision'), 105);
    assert.ok((await readdir(join(directory, 'bumped'))).includes('identity.json'));
  });

  test('what is no whole snapshot is told so, and so is what is not there', async () => {
    await succeeds('snapshot', 'save', 'b.snapshot');
    const bytes = await readFile(join(directory, 'b.snapshot'));
    await writeFile(join(directory, 'cut.snapshot'), bytes.subarray(0, 300));
    await writeFile(join(directory, 'letter'), 'a letter');
    await fails(1, /damaged snapshot: .*cut\.snapshot at offset \d+/, 'snapshot', 'status', 'cut.snapshot');
    await fails(1, /cut\.snapshot/, 'snapshot', 'restore', 'cut.snapshot', '--data-dir', 'never');
    await fails(1, /letter is not a whole snapshot of Quorate/, 'snapshot', 'restore', 'letter');
    await fails(1, /there is no file absent$/m, 'snapshot', 'status', 'absent');
    await fails(1, /there is no file absent$/m, 'snapshot', 'restore', 'absent', '--data-dir', 'never');
    await fails(1, /: there is no directory absent\. Create it first/, 'snapshot', 'save', 'absent/x');
    await fails(1, /: letter is not a directory/, 'snapshot', 'save', 'letter/x');
    for (const command of ['save', 'status', 'restore']) {
      await fails(2, /: member is a directory\. Name a file in it/, 'snapshot', command, 'member');
    }
    await fails(
      2,
      /--bump-revision must be a whole number/,
      'snapshot',
      'restore',
      'x',
      '--bump-revision',
      '-1',
    );
    await fails(4, /connection refused/, 'snapshot', 'save', 'x', '--endpoints', '127.0.0.1:1');
    assert.equal((await readdir(directory)).includes('never'), false);
  });

  test('the doctor finds a cluster of one as good as it can be', async () => {
    const { code, stdout } = await run('doctor', '--json');
    const { findings } = JSON.parse(stdout) as { findings: { check: string; severity: string }[] };
    const wrong = findings.filter(({ severity }) => severity !== 'ok').map(({ check }) => check);
    // How quick and how full the disk of the machine is, is not for this test to judge.
    assert.deepEqual(
      wrong.filter((check) => !['flush', 'disk'].includes(check)),
      ['quorum'],
    );
    assert.ok(code === 0 || wrong.length > 1);
    assert.match((await run('doctor')).stdout, /quorum +warning +1 of 1 voter answers, 1 is needed/);
  });

  test('alarms are listed and cleared', async () => {
    assert.equal(await succeeds('alarm', 'list'), 'no alarms\n');
    assert.equal(await succeeds('alarm', 'list', '--json'), '{"alarms":[]}\n');
    assert.equal(await succeeds('alarm', 'disarm'), '0 alarms cleared\n');
  });
});
