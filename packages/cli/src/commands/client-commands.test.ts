import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { FakeCluster } from '@quorate/client/testing';
import { type CommandOptions, type CommandResult, runCommand } from '../testing/run-command.ts';

type Run = (args: readonly string[], options?: CommandOptions) => Promise<CommandResult>;

/** A fake cluster, and a way to run commands against it. */
async function start(context: TestContext, size = 1): Promise<{ cluster: FakeCluster; quorate: Run }> {
  const cluster = await FakeCluster.start(size);
  context.after(() => cluster[Symbol.asyncDispose]());
  const quorate: Run = (args, options = {}) => {
    const environment = { QUORATE_ENDPOINTS: cluster.endpoints.join(','), ...options.environment };
    return runCommand(args, { ...options, environment });
  };
  return { cluster, quorate };
}

test('put and get', async (context) => {
  const { quorate } = await start(context);
  const put = await quorate(['put', 'color', 'blue']);
  assert.deepEqual([put.code, put.stdout, put.stderr], [0, 'OK, revision 2\n', '']);
  const got = await quorate(['get', 'color']);
  assert.deepEqual([got.code, got.stdout], [0, 'blue'], 'the exact bytes, as the output is no terminal');
  const again = await quorate(['put', 'color', 'red', '--prev']);
  assert.equal(again.stdout, 'OK, revision 3\nbefore: blue\n');
  assert.equal((await quorate(['get', 'color', '--rev', '2'])).stdout, 'blue');
  assert.deepEqual(JSON.parse((await quorate(['put', 'x', 'y', '--json'])).stdout), { revision: 4 });
});

test('values come from standard input and from files, byte by byte', async (context) => {
  const { quorate } = await start(context);
  const directory = await mkdtemp(join(tmpdir(), 'quorate-cli-'));
  context.after(() => rm(directory, { recursive: true }));
  const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  await writeFile(join(directory, 'value'), every);
  await quorate(['put', 'from-stdin'], { stdin: every });
  await quorate(['put', 'from-dash', '-'], { stdin: every });
  await quorate(['put', 'from-file', '--file', 'value'], { directory });
  for (const key of ['from-stdin', 'from-dash', 'from-file']) {
    assert.deepEqual(Uint8Array.from((await quorate(['get', key])).bytes), every, key);
  }
  assert.equal((await quorate(['put', 'dash', '--', '-x'])).code, 0);
  assert.equal((await quorate(['get', 'dash'])).stdout, '-x');
});

test('arguments with escapes are any bytes', async (context) => {
  const { quorate } = await start(context);
  await quorate(['put', '--escaped', 'a\\x00\\xff', '\\xfe\\n']);
  assert.deepEqual([...(await quorate(['get', '--escaped', 'a\\x00\\xff'])).bytes], [0xfe, 0x0a]);
  assert.equal((await quorate(['get', '--all'])).stdout, 'a\\x00\\xff\t\\xfe\\n\n');
});

test('a terminal gets text with a line end, and no bytes that could garble it', async (context) => {
  const { quorate } = await start(context);
  await quorate(['put', 'text', 'two\nlines']);
  await quorate(['put', 'bytes'], { stdin: Uint8Array.of(0x1b, 0x5b, 0xff) });
  const terminal = { isTerminal: true, environment: { NO_COLOR: '1' } };
  assert.equal((await quorate(['get', 'text'], terminal)).stdout, 'two\nlines\n');
  assert.equal((await quorate(['get', 'bytes'], terminal)).stdout, '\\x1b[\\xff\n');
  assert.deepEqual([...(await quorate(['get', 'bytes', '--raw'], terminal)).bytes], [0x1b, 0x5b, 0xff]);
});

test('several keys', async (context) => {
  const { quorate } = await start(context);
  for (const [key, value] of [
    ['a/1', 'x'],
    ['a/2', 'y\tz'],
    ['b', 'w'],
  ] as const) {
    await quorate(['put', key, value]);
  }
  const lines = async (...args: string[]): Promise<string> => (await quorate(['get', ...args])).stdout;
  assert.equal(await lines('a/', '--prefix'), 'a/1\tx\na/2\ty\\tz\n');
  assert.equal(await lines('a/2', 'c', '--keys-only'), 'a/2\nb\n');
  assert.equal(await lines('a/2', '--from-key', '--keys-only'), 'a/2\nb\n');
  assert.equal(await lines('--all', '--limit', '1', '--keys-only'), 'a/1\n');
  assert.equal(await lines('--all', '--count-only'), '3\n');
  assert.equal(await lines('--all', '--sort', 'key:desc', '--keys-only'), 'b\na/2\na/1\n');
  assert.equal(await lines('--all', '--sort', 'value', '--keys-only'), 'b\na/1\na/2\n');
  assert.equal(await lines('a/', '--prefix', '--raw'), 'a/1\nx\na/2\ny\tz\n');
  assert.equal(await lines('none/', '--prefix'), '');
});

test('JSON has bytes in base64', async (context) => {
  const { quorate } = await start(context);
  await quorate(['put', 'a', 'x']);
  const { stdout } = await quorate(['get', '--all', '--json']);
  assert.deepEqual(JSON.parse(stdout), {
    revision: 2,
    count: 1,
    kvs: [{ key: 'YQ==', value: 'eA==', createRevision: 2, modRevision: 2, version: 1, lease: '0' }],
  });
  const missing = await quorate(['get', 'b', '--json']);
  assert.deepEqual([missing.code, JSON.parse(missing.stdout)], [3, { revision: 2, count: 0, kvs: [] }]);
});

test('a key that does not exist has an exit code of its own', async (context) => {
  const { quorate } = await start(context);
  const { code, stdout, stderr } = await quorate(['get', 'nothing']);
  assert.deepEqual([code, stdout, stderr], [3, '', 'quorate: there is no key nothing\n']);
});

test('del', async (context) => {
  const { quorate } = await start(context);
  for (const key of ['a', 'ab', 'b']) await quorate(['put', key, key.toUpperCase()]);
  assert.equal((await quorate(['del', 'nothing'])).stdout, '0 keys deleted\n');
  assert.equal((await quorate(['del', 'a', '--prefix', '--prev'])).stdout, '2 keys deleted\na\tA\nab\tAB\n');
  assert.deepEqual(JSON.parse((await quorate(['del', 'b', '--json'])).stdout), { revision: 6, deleted: 1 });
});

test('"every key" must be said', async (context) => {
  const { cluster, quorate } = await start(context);
  await quorate(['put', 'a', '1']);
  for (const args of [
    ['del'],
    ['del', '', '--prefix'],
    ['del', '', '--from-key'],
    ['del', 'a', 'b', '--prefix'],
  ]) {
    assert.equal((await quorate(args)).code, 2, args.join(' '));
  }
  assert.deepEqual(cluster.calls(), ['0:Put']);
  assert.equal((await quorate(['del', '--all'])).stdout, '1 key deleted\n');
});

test('txn', async (context) => {
  const { quorate } = await start(context);
  const stdin = 'if\n missing lock\nthen\n put lock mine\nelse\n get lock\n del other\n';
  const first = await quorate(['txn'], { stdin });
  assert.deepEqual([first.code, first.stdout], [0, 'the conditions hold: then\nput\n']);
  const second = await quorate(['txn'], { stdin });
  const verdict = 'a condition does not hold: else\n';
  assert.equal(second.stdout, `${verdict}get: 1 key\n  lock\tmine\ndel: 0 keys deleted\n`);
  const json = await quorate(['txn', '--json'], { stdin: '{"then":[{"get":{"key":"lock"}},{"txn":{}}]}' });
  const [got, nested] = JSON.parse(json.stdout).results;
  assert.equal(got.get.kvs[0].value, 'bWluZQ==');
  assert.deepEqual(nested, { txn: { succeeded: true, results: [] } });
  assert.equal((await quorate(['txn'], { stdin: '# nothing\n' })).code, 2);
});

test('status and member list', async (context) => {
  const { cluster, quorate } = await start(context, 3);
  cluster.elect(1, 7);
  const status = await quorate(['status']);
  assert.equal(status.code, 0);
  const rows = status.stdout.split('\n').map((line) => line.split(/ {2,}/));
  assert.deepEqual(rows[0]?.slice(0, 6), ['NAME', 'ID', 'ENDPOINT', 'VERSION', 'ROLE', 'TERM']);
  assert.deepEqual(rows[2]?.slice(0, 6), ['member-2', '2', cluster.endpoints[1], '3.6.0', 'leader', '7']);
  const list = await quorate(['member', 'list', '--json']);
  assert.deepEqual(JSON.parse(list.stdout).members[2], {
    id: '3',
    name: 'member-3',
    peerUrls: [],
    clientUrls: [`http://${cluster.endpoints[2]}`],
    isLearner: false,
  });
});

test('status shows who is down, and fails if nobody leads', async (context) => {
  const { cluster, quorate } = await start(context, 3);
  await cluster.member(0).stop();
  const { code, stdout, stderr } = await quorate([
    'status',
    '--endpoints',
    cluster.endpoints.slice(1).join(),
  ]);
  assert.equal(code, 4);
  assert.match(stdout, /^member-1 .* unreachable$/m);
  assert.match(stdout, /^member-1: .* connection refused$/m);
  assert.match(stderr, /^quorate: no member leads\. .*\n$/);
});

test('each kind of failure has its exit code and one line', async (context) => {
  const { cluster, quorate } = await start(context);
  const [member] = cluster.members;
  assert.ok(member !== undefined);
  const failing = async (...args: string[]): Promise<[number, string]> => {
    const { code, stdout, stderr } = await quorate(args);
    assert.equal(stdout, '');
    assert.match(stderr, /^quorate: [^\n]+\n$/);
    return [code, stderr];
  };
  assert.match((await failing('put', '', 'x')).join(), /^1,quorate: key is not provided/);
  assert.match((await failing('get', 'a', '--rev', '99')).join(), /^1,.*future revision/);
  assert.match((await failing('put', 'a', 'x'.repeat(3_000_000))).join(), /^1,.*too|^1,.*at most/);
  member.always = { kind: 'status', code: 14, details: 'etcdserver: no leader', outcome: 'none' };
  assert.match((await failing('put', 'a', 'b')).join(), /^4,quorate: no leader\. A majority/);
  member.always = { kind: 'hang' };
  assert.match((await failing('get', 'a', '--timeout', '50ms')).join(), /^4,.*no answer/);
  assert.match((await failing('put', 'a', 'b', '--timeout', '50ms')).join(), /^5,.*may or may not/);
  await member.stop();
  assert.match((await failing('get', 'a')).join(), /^4,.*not available: connection refused/);
});

test('mistakes on the command line', async (context) => {
  const { quorate } = await start(context);
  for (const [args, pattern] of [
    [['fetch', 'a'], /unknown command 'fetch'/],
    [['pt', 'a'], /unknown command 'pt'. Did you mean put\?/],
    [['get', 'a', '--endponts=x'], /unknown option '--endponts=x'. Did you mean --endpoints\?/],
    [['get', 'a', '--endpoints', 'nonsense'], /not an endpoint: "nonsense"/],
    [['get', 'a', '--endpoints', 'https://h:1'], /TLS is not supported yet/],
    [['get', 'a', '--timeout', 'soon'], /not a duration: "soon"/],
    [['get', 'a', '--limit', '-1'], /--limit must be a whole number/],
    [['get', 'a', '--sort', 'size'], /--sort does not know "size"/],
    [['put'], /missing required argument 'key'/],
    [['put', 'a', 'b', '--file', 'c'], /a value or --file, not both/],
    [['inspect', 'wal', '/no/such/directory'], /there is no directory/],
    [['--endpoints', 'nonsense', 'get', 'a'], /not an endpoint: "nonsense"/],
    [['up', '--members', '2'], /--members must be 1, 3 or 5/],
    [['serve', '--nmae=m1'], /--nmae.*--name/],
  ] as const) {
    const { code, stdout, stderr } = await quorate(args);
    assert.deepEqual([code, stdout], [2, ''], args.join(' '));
    assert.match(stderr, pattern);
    assert.equal(stderr.split('\n').length, 2, stderr);
  }
  const file = await quorate(['put', 'a', '--file', 'no-such-file']);
  assert.deepEqual(
    [file.code, file.stderr],
    [1, 'quorate: cannot read no-such-file: there is no such file\n'],
  );
  const noLog = await quorate(['inspect', 'wal', '.']);
  assert.match(noLog.stderr, /there is no write-ahead log in/);
  assert.equal(noLog.code, 1);
  const terminal = await quorate(['put', 'a'], { isTerminal: true, environment: { NO_COLOR: '1' } });
  assert.match(terminal.stderr, /no value given/);
});

test('help and version are no errors', async () => {
  const help = await runCommand(['--help']);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /Exit codes:\n {2}0 {2}done/);
  assert.equal((await runCommand(['help', 'get'])).code, 0);
  assert.match((await runCommand(['serve', '--help'])).stdout, /--initial-cluster NAME=URL/);
  assert.match((await runCommand(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
  const nothing = await runCommand([]);
  assert.equal(nothing.code, 2);
  assert.match(nothing.stderr, /^Usage: quorate/);
});
