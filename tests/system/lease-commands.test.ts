import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { type CommandResult, endWithTests, quorate, quorateArguments } from './harness/command.ts';
import { eventually } from './harness/eventually.ts';
import { TestCluster } from './harness/test-cluster.ts';

/** A command that goes on until it is told to end. */
class RunningCommand {
  readonly process: ChildProcess;
  output = '';
  errors = '';

  constructor(cluster: TestCluster, args: readonly string[]) {
    this.process = spawn(process.execPath, [...quorateArguments, ...args], {
      env: { ...process.env, QUORATE_ENDPOINTS: cluster.endpoints.join(',') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    endWithTests(this.process);
    this.process.stdout?.on('data', (data: Buffer) => (this.output += data.toString()));
    this.process.stderr?.on('data', (data: Buffer) => (this.errors += data.toString()));
  }

  async prints(expected: RegExp): Promise<string> {
    await eventually(`it prints ${expected}`, () => assert.match(this.output, expected));
    return this.output;
  }

  async complains(expected: RegExp): Promise<void> {
    await eventually(`it complains ${expected}`, () => assert.match(this.errors, expected));
  }

  async exitCode(): Promise<number | null> {
    const { process: child } = this;
    if (child.exitCode === null) await once(child, 'close');
    return child.exitCode;
  }

  async end(signal: 'SIGINT' | 'SIGTERM' = 'SIGINT'): Promise<number | null> {
    const closed = once(this.process, 'close');
    this.process.kill(signal);
    const [code] = (await closed) as [number | null];
    return code;
  }
}

describe('the commands for leases, locks and elections', () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.start();
  });

  after(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  const run = async (...args: readonly string[]): Promise<CommandResult> =>
    quorate(args, { environment: { QUORATE_ENDPOINTS: cluster.endpoints.join(',') } });

  async function succeeds(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await run(...args);
    assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
    return stdout;
  }

  test('a lease is granted, put under, looked at, kept alive and revoked', async () => {
    assert.equal(await succeeds('lease', 'grant', '60', '--id', '7b'), 'lease 7b granted with TTL(60s)\n');
    await succeeds('put', 'leased', 'x', '--lease', '7b');
    assert.match(
      await succeeds('lease', 'timetolive', '7b', '--keys'),
      /^lease 7b granted with TTL\(60s\), remaining\(\d+s\), attached keys\(\[leased\]\)\n$/,
    );
    assert.equal(await succeeds('lease', 'keep-alive', '7b', '--once'), 'lease 7b keepalived with TTL(60)\n');
    assert.match(await succeeds('lease', 'list'), /^found 1 lease\n7b\n$/);
    const keeping = new RunningCommand(cluster, ['lease', 'keep-alive', '7b']);
    await keeping.prints(/keepalived/);
    assert.equal(await keeping.end(), 0);
    assert.equal(await succeeds('lease', 'revoke', '7b'), 'lease 7b revoked\n');
    assert.equal((await run('get', 'leased')).code, 3);
    assert.equal(await succeeds('lease', 'timetolive', '7b'), 'lease 7b already expired\n');
    assert.match((await run('lease', 'keep-alive', '7b', '--once')).stderr, /lease 7b expired or revoked/);
    assert.equal((await run('lease', 'revoke', '7b')).code, 1);
    assert.equal((await run('lease', 'revoke', 'xyz')).code, 2);
    await succeeds('put', 'session', 'x', '--ttl', '60');
    assert.match(await succeeds('lease', 'list', '--json'), /"leases":\["[\da-f]+"\]/);
  });

  test('a lock is held while a command runs, which is told so, and ends with its exit code', async () => {
    const script = 'echo "$QUORATE_LOCK_KEY $ETCD_LOCK_REV"; exit 7';
    const { code, stdout, stderr } = await run('lock', 'job', '--', 'sh', '-c', script);
    assert.deepEqual([code, stderr], [7, '']);
    assert.match(stdout, /^job\/[\da-f]+ \d+\n$/);
    assert.equal(await cluster.client.count({ prefix: 'job/' }), 0);
    assert.equal((await run('lock', 'job', 'no-such-command')).code, 2);
  });

  test('a command that runs under a lock is told to end with the one that holds it', async () => {
    const script = 'trap "exit 7" TERM; echo runs; while :; do sleep 0.1; done';
    const holder = new RunningCommand(cluster, ['lock', 'ended', '--', 'sh', '-c', script]);
    await holder.prints(/runs/);
    assert.equal(await holder.end('SIGTERM'), 7);
    await succeeds('lock', 'ended', '--wait', '1s', 'true');
  });

  test('who holds a lock lets it go when interrupted, and who waits for it gives up in time', async () => {
    const holder = new RunningCommand(cluster, ['lock', 'job']);
    await holder.prints(/^job\/[\da-f]+\n$/);
    const { code, stderr } = await run('lock', 'job', '--wait', '300ms', 'true');
    assert.equal(code, 4, stderr);
    const next = new RunningCommand(cluster, ['lock', 'job']);
    await eventually('it waits', async () => {
      assert.equal(await cluster.client.count({ prefix: 'job/' }), 2);
    });
    assert.equal(await holder.end(), 0);
    await next.prints(/^job\/[\da-f]+\n$/);
    assert.equal(await next.end(), 0);
    assert.equal(await cluster.client.count({ prefix: 'job/' }), 0);
  });

  test('leaders are elected, and listened to', async () => {
    const listener = new RunningCommand(cluster, ['elect', 'scheduler', '--listen']);
    const first = new RunningCommand(cluster, ['elect', 'scheduler', 'one']);
    await first.prints(/^scheduler\/[\da-f]+\none\n$/);
    await listener.prints(/one/);
    const second = new RunningCommand(cluster, ['elect', 'scheduler', 'two']);
    await eventually('it waits', async () => {
      assert.equal(await cluster.client.count({ prefix: 'scheduler/' }), 2);
    });
    assert.equal(await first.end(), 0);
    await second.prints(/two/);
    await listener.prints(/one\n.*two\n$/s);
    assert.deepEqual([await second.end(), await listener.end()], [0, 0]);
    assert.equal((await run('elect', 'scheduler')).code, 2);
  });
});

test('a lease is kept alive through an outage, and given up when it cannot last any longer', async () => {
  await using cluster = await TestCluster.start({ members: 1 });
  const member = cluster.member(0);
  const { id } = await cluster.client.createLease({ ttlSeconds: 6 });
  const keeping = new RunningCommand(cluster, ['lease', 'keep-alive', id.toString(16)]);
  await keeping.prints(/keepalived/);
  await member.kill();
  await keeping.complains(
    /^lease [\da-f]+ not kept alive yet: .*\. Trying again for the \ds that it lasts\.\n$/,
  );
  const before = keeping.output;
  member.start();
  await eventually('it is kept alive again', () => assert.notEqual(keeping.output, before));
  await member.kill();
  assert.equal(await keeping.exitCode(), 4);
  await keeping.complains(/could not be kept alive for its TTL\(6s\), and ends: .*\n$/);
});
