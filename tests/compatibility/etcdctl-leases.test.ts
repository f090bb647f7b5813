import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { endWithTests, missingCommand, runCommand, type CommandResult } from '../system/harness/command.ts';
import { eventually } from '../system/harness/eventually.ts';
import { TestCluster } from '../system/harness/test-cluster.ts';

describe('leases, locks and elections with etcdctl', {
  skip: missingCommand('etcdctl', 'etcd-client'),
}, () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.start();
  });

  after(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  const endpoints = (): string => `--endpoints=${cluster.endpoints.join(',')}`;

  async function etcdctl(...args: readonly string[]): Promise<CommandResult> {
    return runCommand('etcdctl', [endpoints(), ...args], { environment: { ETCDCTL_API: '3' } });
  }

  async function prints(expected: RegExp, ...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await etcdctl(...args);
    assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
    assert.match(stdout, expected);
    return stdout;
  }

  async function fails(expected: RegExp, ...args: readonly string[]): Promise<void> {
    const { code, stdout, stderr } = await etcdctl(...args);
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, expected);
  }

  /** A command that goes on until it is told to end, with what it has printed so far. */
  function start(...args: readonly string[]): { readonly process: ChildProcess; output: string } {
    const child = spawn('etcdctl', [endpoints(), ...args], { env: { ...process.env, ETCDCTL_API: '3' } });
    endWithTests(child);
    const running = { process: child, output: '' };
    child.stdout.on('data', (data: Buffer) => (running.output += data.toString()));
    return running;
  }

  async function interrupt({ process: child }: { readonly process: ChildProcess }): Promise<void> {
    const closed = once(child, 'close');
    child.kill('SIGINT');
    await closed;
  }

  test('grant, attach, look, keep alive, list and revoke', async () => {
    const granted = await prints(/^lease [\da-f]{16} granted with TTL\(60s\)\n$/, 'lease', 'grant', '60');
    const [, id = ''] = /^lease (\S+)/.exec(granted) ?? [];
    await prints(/^OK\n$/, 'put', 'leased', 'x', `--lease=${id}`);
    const life = new RegExp(`^lease ${id} granted with TTL\\(60s\\), remaining\\(\\d+s\\)`);
    await prints(life, 'lease', 'timetolive', id);
    await prints(/attached keys\(\[leased\]\)\n$/, 'lease', 'timetolive', id, '--keys');
    await prints(new RegExp(`^found 1 leases\n${id}\n$`), 'lease', 'list');
    await prints(/keepalived with TTL\(60\)\n$/, 'lease', 'keep-alive', '--once', id);
    const keeping = start('lease', 'keep-alive', id);
    await eventually('it keeps the lease alive', () =>
      assert.match(keeping.output, /keepalived with TTL\(60\)/),
    );
    await interrupt(keeping);
    await prints(new RegExp(`^lease ${id} revoked\n$`), 'lease', 'revoke', id);
    await prints(/^$/, 'get', 'leased');
    await prints(/already expired\n$/, 'lease', 'timetolive', id);
    await fails(/etcdserver: requested lease not found/, 'lease', 'keep-alive', '--once', id);
  });

  test('what cannot be done is told in the words of etcd', async () => {
    await fails(/etcdserver: requested lease not found/, 'lease', 'revoke', '7b');
    await fails(/etcdserver: requested lease not found/, 'put', 'a', 'b', '--lease=7b');
    await fails(/etcdserver: too large lease TTL/, 'lease', 'grant', '9000000001');
  });

  test('lock, with a command and without, together with our own', async () => {
    await prints(
      /^job\/[\da-f]+ \d+\n$/,
      'lock',
      'job',
      '--',
      'sh',
      '-c',
      'echo $ETCD_LOCK_KEY $ETCD_LOCK_REV',
    );
    const holder = start('lock', 'job');
    await eventually('it holds the lock', () => assert.match(holder.output, /^job\/[\da-f]+\n/));
    const ours = cluster.client.lock('job');
    await eventually('ours waits', async () =>
      assert.equal(await cluster.client.count({ prefix: 'job/' }), 2),
    );
    await interrupt(holder);
    await (await ours).release();
  });

  test('elect and listen, together with our own', async () => {
    const listener = start('elect', '--listen', 'scheduler');
    const candidate = start('elect', 'scheduler', 'theirs');
    await eventually('it leads', () => assert.match(candidate.output, /^scheduler\/[\da-f]+\ntheirs\n$/));
    await eventually('it is seen', () => assert.match(listener.output, /theirs\n$/));
    assert.equal((await cluster.client.leader('scheduler'))?.entry.text(), 'theirs');
    const ours = cluster.client.campaign('scheduler', 'ours');
    await eventually('ours waits', async () =>
      assert.equal(await cluster.client.count({ prefix: 'scheduler/' }), 2),
    );
    await interrupt(candidate);
    await using leadership = await ours;
    await eventually('ours is seen', () => assert.match(listener.output, /ours\n$/));
    assert.equal(leadership.lost.aborted, false);
    await interrupt(listener);
  });
});
