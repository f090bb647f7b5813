import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createLogger, parseConfiguration, type RunningServer, startServer } from '@quorate/server';
import { type CommandResult, runCommand } from '../testing/run-command.ts';

async function freeUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return `http://127.0.0.1:${address.port}`;
}

/** Members in this process, and commands that change them; each test goes on where the one before it ended. */
describe('quorate member', { timeout: 60_000 }, () => {
  let directory = '';
  const servers: RunningServer[] = [];

  async function startMember(name: string, flags: readonly string[]): Promise<RunningServer> {
    const { configuration } = parseConfiguration({
      flags: [
        ...[...flags, `--data-dir=${join(directory, name)}`],
        ...['--heartbeat-interval=50', '--election-timeout=500'],
      ],
      environment: {},
      readFile: () => assert.fail('no file is named'),
    });
    const stream = { isTTY: false, write: () => true };
    const logger = createLogger({ ...configuration, logLevel: 'error' }, stream);
    const server = await startServer(configuration, { logger, version: 'test' });
    servers.push(server);
    return server;
  }

  function run(...args: readonly string[]): Promise<CommandResult> {
    const environment = { QUORATE_ENDPOINTS: servers[0]?.clientUrls[0] ?? '' };
    return runCommand(['member', ...args], { directory, environment });
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
    assert.equal(result.stdout, '');
    assert.equal(result.stderr.trimEnd().split('\n').length, 1, result.stderr);
  }

  /** Name, state and peer URL of each member, as listed. */
  async function listed(): Promise<readonly string[]> {
    const [, ...rows] = (await succeeds('list')).trimEnd().split('\n');
    return rows.map((row) => row.split(/ {2,}/).slice(1, 4).join(' ').trim());
  }

  async function untilListed(row: string): Promise<void> {
    while (!(await listed()).includes(row)) await pause(20);
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'quorate-member-command-'));
    await startMember('n1', [
      ...['--name=n1', '--listen-client-urls=http://127.0.0.1:0'],
      `--listen-peer-urls=${await freeUrl()}`,
    ]);
    await untilListed(`n1 voter ${servers[0]?.peerUrls[0]}`);
  });

  after(async () => {
    for (const server of servers.toReversed()) await server.close();
    await rm(directory, { recursive: true });
  });

  test('add prints the command that starts the new member', async () => {
    const peerUrl = await freeUrl();
    const clientUrl = await freeUrl();
    const urls = ['--peer-url', peerUrl, '--client-url', clientUrl];
    await fails(1, /there is a member called n1 already/, 'add', 'n1', ...urls);
    await fails(2, /127\.0\.0\.1:1 is no peer URL/, 'add', 'n2', '--peer-url', '127.0.0.1:1');
    await fails(2, /--learner and --voter exclude each other/, 'add', 'n2', ...urls, '--learner', '--voter');
    const text = await succeeds('add', 'n2', ...urls, '--learner');
    const [, id = '', command = ''] =
      /^n2 \(([0-9a-f]+)\) is added as a learner\. Start it where http:\S+ leads to:\n\n {2}quorate serve (.+)\n$/.exec(
        text,
      ) ?? assert.fail(text);
    assert.ok((await succeeds('list')).includes(`${id} `));
    assert.ok((await listed()).includes(`not started ${peerUrl}`));
    await fails(1, /in sync with leader|caught up/, 'promote', id);
    await startMember('n2', command.split(' '));
    await untilListed(`n2 learner ${peerUrl}`);
  });

  test('promote gives a learner its vote, once', async () => {
    const [, second] = servers;
    let promoted = await run('promote', 'n2');
    // It is refused until the leader knows that the learner has caught up.
    while (promoted.code === 1) {
      assert.match(promoted.stderr, /in sync with leader|caught up/);
      await pause(20);
      promoted = await run('promote', 'n2');
    }
    assert.match(promoted.stdout, /^n2 \([0-9a-f]+\) has a vote now\n$/);
    assert.ok((await listed()).includes(`n2 voter ${second?.peerUrls[0]}`));
    await fails(1, /learner/, 'promote', 'n2');
    await fails(1, /there is no member n9\. The members are n\d .*n\d /, 'promote', 'n9');
  });

  test('transfer lets the other one lead', async () => {
    const [first, second] = servers;
    assert.match(await succeeds('transfer', 'n2'), /^n2 \([0-9a-f]+\) leads now\n$/);
    assert.equal(second?.status().role, 'leader');
    const { leader } = JSON.parse(await succeeds('transfer', 'n1', '--json')) as { leader: { name: string } };
    assert.equal(leader.name, 'n1');
    assert.equal(first?.status().role, 'leader');
  });

  test('update changes where the others reach a member', async () => {
    const [, second] = servers;
    const peerUrl = second?.peerUrls[0] ?? '';
    const named = peerUrl.replace('127.0.0.1', 'localhost');
    await fails(1, /exists/i, 'update', 'n2', '--peer-url', servers[0]?.peerUrls[0] ?? '');
    assert.match(
      await succeeds('update', 'n2', '--peer-url', named),
      new RegExp(`^n2 \\([0-9a-f]+\\) is reached at ${named} from now on\n$`),
    );
    assert.ok((await listed()).includes(`n2 voter ${named}`));
  });

  test('remove takes a member away for good', async () => {
    const [, second] = servers;
    assert.match(await succeeds('remove', 'n2'), /^n2 \([0-9a-f]+\) is removed, 1 member is left\n$/);
    assert.match(String(await second?.failed), /removed/);
    assert.deepEqual(await listed(), [`n1 voter ${servers[0]?.peerUrls[0]}`]);
    await fails(1, /there is no member n2\. The members are n1 /, 'remove', 'n2');
  });
});
