import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { QuorateClient } from '@quorate/client';
import { QuorateProcess } from '../testing/quorate-process.ts';
import { runCommand } from '../testing/run-command.ts';

async function temporary(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-up-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** The first of so many neighbouring ports that were free a moment ago. */
async function freePorts(count: number): Promise<number> {
  for (;;) {
    const servers: Server[] = [];
    try {
      const port = await listen(servers, 0);
      for (let next = port + 1; next < port + count; next += 1) await listen(servers, next);
      return port;
    } catch {
      // A neighbour is taken: elsewhere, then.
    } finally {
      for (const server of servers) server.close();
    }
  }
}

async function listen(servers: Server[], port: number): Promise<number> {
  const server = createServer().listen(port, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

test('a cluster starts, is stopped, and goes on where it was', async (context) => {
  const directory = await temporary(context);
  const port = await freePorts(6);
  const endpoints = [0, 2, 4].map((offset) => `127.0.0.1:${port + offset}`);
  await using client = new QuorateClient({ endpoints, timeoutMs: 10_000 });
  {
    await using up = new QuorateProcess(['up', '--base-port', String(port)], directory);
    await up.sees(/Ready: m\d leads in term \d+\./);
    await client.put('color', 'blue');
    up.signal('SIGINT');
    assert.equal(await up.exitCode(), 0);
    assert.match(up.stdout, /stopping\n.*stopped\n$/);
    assert.equal(up.stderr, '');
  }
  await using again = new QuorateProcess(['up'], directory);
  await again.sees(/Ready: /);
  assert.equal((await client.get('color'))?.text(), 'blue');

  const pid = Number((await again.sees(/^ {2}m1 .* (\d+)$/m))[1]);
  process.kill(pid, 'SIGKILL');
  await again.sees(/m1 is gone: killed by SIGKILL/);
  await again.sees(/serve --config-file quorate-data\/m1\.json/);
  assert.equal((await client.get('color'))?.text(), 'blue');
  const { code, stdout } = await runCommand(['status', '--endpoints', endpoints.slice(1).join()]);
  assert.equal(code, 0);
  assert.match(stdout, /^m1 .* unreachable$/m);
  again.signal('SIGTERM');
  assert.equal(await again.exitCode(), 0);
});

test('members do not outlive a supervisor that is killed', async (context) => {
  const directory = await temporary(context);
  const port = await freePorts(2);
  await using up = new QuorateProcess(['up', '--members', '1', '--base-port', String(port)], directory);
  await up.sees(/Ready: m1 leads/);
  up.signal('SIGKILL');
  await up.exitCode();
  // The member has the other end of no pipe of ours, so its end shows in its log alone.
  const logFile = join(directory, 'quorate-data/m1.log');
  while (!(await readFile(logFile, 'utf8')).includes('m1: stopped')) await sleep(50);
});

test('a port in use is named, and nothing is left running', async (context) => {
  const directory = await temporary(context);
  const port = await freePorts(6);
  const holder = createServer().listen(port + 3, '127.0.0.1');
  await once(holder, 'listening');
  await using up = new QuorateProcess(['up', '--base-port', String(port)], directory);
  assert.equal(await up.exitCode(), 1);
  assert.match(
    up.stderr,
    new RegExp(`^quorate: port ${port + 3} is in use by another process\\. [^\\n]+\\n$`),
  );
  holder.close();
});

test('the log of a member is printed, by line and as JSON', async (context) => {
  const directory = await temporary(context);
  const port = await freePorts(2);
  {
    await using up = new QuorateProcess(['up', '--members', '1', '--base-port', String(port)], directory);
    await up.sees(/Ready: /);
    await runCommand(['put', 'color', 'blue', '--endpoints', `127.0.0.1:${port}`]);
    up.signal('SIGTERM');
    assert.equal(await up.exitCode(), 0);
  }
  const text = await runCommand(['inspect', 'wal', 'quorate-data/m1'], { directory });
  assert.equal(text.code, 0);
  assert.match(text.stdout, /^\d+\.wal:\d+ +command +\d+ +\d+ {2}put color \(4 bytes\)$/m);
  const json = await runCommand(['inspect', 'wal', 'quorate-data/m1/log', '--json'], { directory });
  const lines = json.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { summary: string });
  assert.ok(lines.some(({ summary }) => summary === 'put color (4 bytes)'));
});
