import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type CommandResult, endWithTests, quorate, quorateArguments } from './harness/command.ts';
import { eventually } from './harness/eventually.ts';
import { freePortRange } from './harness/free-ports.ts';
import { TemporaryDirectory } from './harness/temporary-directory.ts';
import { TestCluster } from './harness/test-cluster.ts';

describe('the commands of a client', () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.start();
  });

  after(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  function run(args: readonly string[], stdin?: string | Uint8Array): Promise<CommandResult> {
    const environment = { QUORATE_ENDPOINTS: cluster.endpoints.join(',') };
    return quorate(args, { environment, ...(stdin === undefined ? {} : { stdin }) });
  }

  async function succeeds(args: readonly string[], stdin?: string | Uint8Array): Promise<string> {
    const { code, stdout, stderr } = await run(args, stdin);
    assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
    return stdout;
  }

  test('put, get, overwrite, delete', async () => {
    await succeeds(['put', 'greeting', 'hello']);
    assert.equal((await succeeds(['get', 'greeting'])).trimEnd(), 'hello');
    await succeeds(['put', 'greeting', 'goodbye']);
    assert.equal((await succeeds(['get', 'greeting'])).trimEnd(), 'goodbye');
    await succeeds(['del', 'greeting']);
    const { code, stdout } = await run(['get', 'greeting']);
    assert.equal(code, 3, 'a key that does not exist has an exit code of its own');
    assert.equal(stdout, '');
  });

  test('values from standard input and from files, byte by byte', async () => {
    const bytes = Uint8Array.from({ length: 1024 }, (_, index) => index % 256);
    await succeeds(['put', 'binary'], bytes);
    assert.deepEqual((await cluster.client.get('binary'))?.value, Buffer.from(bytes));
    const file = join(cluster.directory, 'value');
    await writeFile(file, bytes);
    await succeeds(['put', 'from-file', '--file', file]);
    assert.deepEqual((await cluster.client.get('from-file'))?.value, Buffer.from(bytes));
  });

  test('ranges and JSON', async () => {
    await cluster.client.putMany([
      ['list/a', '1'],
      ['list/b', '2'],
    ]);
    assert.equal(await succeeds(['get', '--prefix', 'list/']), 'list/a\t1\nlist/b\t2\n');
    const json = JSON.stringify(JSON.parse(await succeeds(['get', '--prefix', 'list/', '--json'])));
    assert(json.includes(Buffer.from('list/a').toString('base64')), json);
  });

  test('a transaction from standard input', async () => {
    await succeeds(['put', 'lock', 'free']);
    const take = 'if\n  value lock = free\nthen\n  put lock taken\n';
    await succeeds(['txn'], take);
    assert.equal((await cluster.client.get('lock'))?.text(), 'taken');
  });

  test('status and member list name every member, and one leader', async () => {
    const leader = await cluster.leader();
    const status = await succeeds(['status']);
    const list = await succeeds(['member', 'list']);
    for (const member of cluster.members) {
      assert(status.includes(member.name) && status.includes(member.endpoint), status);
      assert(list.includes(member.name) && list.includes(member.endpoint), list);
    }
    const leaders = status.split('\n').filter((line) => line.includes('leader'));
    assert(
      leaders.some((line) => line.includes(leader.name)),
      status,
    );
  });

  test('a shell fed from a pipe', async () => {
    const output = await succeeds(['shell'], 'put piped yes\nget piped\n');
    assert.match(output, /^yes$/m);
  });

  test('the log of a running member can be inspected', async () => {
    await succeeds(['put', 'inspected', 'here']);
    const output = await succeeds(['inspect', 'wal', cluster.member(0).plan.dataDirectory]);
    assert.match(output, /inspected/);
  });
});

/** A `quorate up` of the test's own, on ports of its own. */
class UpProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  #output = '';

  constructor(directory: string, basePort: number, members: number) {
    const flags = [`--data-dir=${directory}`, `--base-port=${basePort}`, `--members=${members}`];
    this.#child = spawn(process.execPath, [...quorateArguments, 'up', ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    endWithTests(this.#child);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString();
      });
    }
  }

  get output(): string {
    return this.#output;
  }

  /** Waits for a line of its output. */
  async says(expected: RegExp): Promise<RegExpExecArray> {
    return eventually(`quorate up prints ${expected}`, () => {
      const match = expected.exec(this.#output);
      assert(match !== null, this.#output);
      return match;
    });
  }

  /** Ctrl-C: waits for the end and returns the exit code. */
  async interrupt(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit');
      this.#child.kill('SIGINT');
      await exited;
    }
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.interrupt();
  }
}

for (const members of [1, 3, 5]) {
  test(`quorate up --members ${members}: Ctrl-C keeps the data, and starting again resumes`, async () => {
    await using directory = await TemporaryDirectory.create();
    const basePort = await freePortRange(members * 2);
    const endpoints = Array.from({ length: members }, (_, index) => `127.0.0.1:${basePort + index * 2}`);
    const client = ['--endpoints', endpoints.join(',')];
    {
      await using up = new UpProcess(directory.path, basePort, members);
      await up.says(/Ready/);
      for (const endpoint of endpoints) {
        assert(up.output.includes(endpoint), up.output);
      }
      assert.equal((await quorate(['put', 'key', 'value', ...client])).code, 0);
      assert.equal(await up.interrupt(), 0);
      assert.doesNotMatch(up.output, /too long/);
    }
    await using up = new UpProcess(directory.path, basePort, members);
    await up.says(/Ready/);
    assert.equal((await quorate(['get', 'key', ...client])).stdout.trimEnd(), 'value');
    assert.equal(await up.interrupt(), 0);
  });
}

test('the first session of the README: put, get, kill a member, get', async () => {
  await using directory = await TemporaryDirectory.create();
  const basePort = await freePortRange(6);
  const endpoints = [0, 2, 4].map((offset) => `127.0.0.1:${basePort + offset}`).join(',');
  const run = (...args: string[]) => quorate(args, { environment: { QUORATE_ENDPOINTS: endpoints } });
  await using up = new UpProcess(directory.path, basePort, 3);
  const [, leader = ''] = await up.says(/Ready: (m\d) leads/);
  assert.equal((await run('put', 'greeting', 'hello')).code, 0);
  assert.equal((await run('get', 'greeting')).stdout.trimEnd(), 'hello');
  const [, pid] = await up.says(new RegExp(`^ *${leader} .* (\\d+)$`, 'm'));
  process.kill(Number(pid), 'SIGKILL');
  const { code, stdout, stderr } = await run('get', 'greeting');
  assert.equal(code, 0, stderr);
  assert.equal(stdout.trimEnd(), 'hello');
  await up.says(new RegExp(`${leader}.*(ended|died|killed|gone|SIGKILL)`));
});
