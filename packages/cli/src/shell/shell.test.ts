import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { FakeCluster } from '@quorate/client/testing';
import { Command } from 'commander';
import { runCommand } from '../testing/run-command.ts';
import { completeLine } from './completion.ts';
import { History, historyFile } from './history.ts';

test('lines from a pipe are commands over one connection', async () => {
  await using cluster = await FakeCluster.start(1);
  const stdin = 'put "a key" "\\xff"\n\n# a comment\nget "a key"\ncount\n';
  const script = stdin.replace('count', "get 'a key' --count-only\nexit\nput never reached");
  const { code, bytes } = await runCommand(['shell', '--endpoints', cluster.endpoints.join()], {
    stdin: script,
  });
  assert.equal(code, 0);
  assert.deepEqual(
    bytes,
    Buffer.concat([Buffer.from('OK, revision 2\n'), Buffer.of(0xff), Buffer.from('1\n')]),
  );
  assert.deepEqual(cluster.calls(), ['0:Put', '0:Range', '0:Range']);
});

test('the first command of a pipe that fails ends the shell with its exit code', async () => {
  await using cluster = await FakeCluster.start(1);
  const environment = { QUORATE_ENDPOINTS: cluster.endpoints.join() };
  const run = async (stdin: string): Promise<string> => {
    const { code, stderr } = await runCommand(['shell'], { stdin, environment });
    return `${code} ${stderr}`;
  };
  assert.equal(await run('get nothing\nput a b\n'), '3 quorate: there is no key nothing\n');
  assert.equal(await run('frobnicate\nput a b\n'), "2 quorate: unknown command 'frobnicate'\n");
  assert.equal(await run('get "a\nput a b\n'), '2 quorate: the quote " is not closed\n');
  assert.deepEqual(cluster.calls(), ['0:Range']);
});

test('tab completes commands and options', () => {
  const program = new Command();
  program.command('status');
  program.command('member').command('list').option('--json');
  program.command('get').option('--prefix').option('--limit <n>');
  const complete = (line: string): string => completeLine(program, line).flat().join('|');
  assert.equal(complete('st'), 'status |st');
  assert.equal(complete(''), 'status |member |get |');
  assert.equal(complete('member '), 'list |');
  assert.equal(complete('member list --'), '--json |--help |--');
  assert.equal(complete('get key --pre'), '--prefix |--pre');
  assert.equal(complete('get key'), 'key', 'a key is not completed');
  assert.equal(complete('help ge'), 'get |ge');
  assert.equal(complete('nonsense x'), 'x');
});

test('history is kept in a private file, without repetitions and secrets', async (context) => {
  const directory = await mkdtemp(join(tmpdir(), 'quorate-history-'));
  context.after(() => rm(directory, { recursive: true }));
  const file = join(directory, 'new', 'history');
  const first = await History.load(file);
  for (const line of ['get a', 'get a', '  put password x', '', 'get b', 'get a']) first.add(line);
  assert.equal(await first.save(), null);
  assert.equal(await readFile(file, 'utf8'), 'get a\nget b\nget a\n');
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.deepEqual((await History.load(file)).newestFirst, ['get a', 'get b']);
  assert.match((await new History(join(file, 'impossible')).save()) ?? '', /ENOTDIR|EEXIST/);
});

test('the file of the history follows the environment', () => {
  const at = (environment: Record<string, string>): string =>
    historyFile({ environment } as unknown as Parameters<typeof historyFile>[0]);
  assert.equal(at({ HOME: '/users/me' }), '/users/me/.local/state/quorate/history');
  assert.equal(at({ HOME: '/users/me', XDG_STATE_HOME: '/state' }), '/state/quorate/history');
  assert.equal(at({ HOME: '/users/me', QUORATE_HISTORY: '/elsewhere' }), '/elsewhere');
});
