import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { quorate } from './harness/command.ts';
import { eventually, putUntilAcknowledged } from './harness/eventually.ts';
import { closeServer, freePorts, portOf } from './harness/free-ports.ts';
import { MemberProcess } from './harness/member-process.ts';
import { TestCluster } from './harness/test-cluster.ts';

/** Starts a member that must refuse to start, and returns the last line that it wrote. */
async function refusal(member: MemberProcess, changes: readonly string[] = []): Promise<string> {
  const failing = new MemberProcess({
    ...member.plan,
    logFile: `${member.plan.logFile}.refused-${process.hrtime.bigint()}`,
    args: withFlags(member.plan.args, changes),
  });
  failing.start();
  try {
    const code = await failing.ended();
    const lines = failing.output().trim().split('\n');
    assert(code !== null && code !== 0, `it ended with ${code}: ${lines.join('\n')}`);
    assert(!lines.some((line) => /^ {4}at /.test(line)), `a stack trace: ${lines.join('\n')}`);
    const errors = lines.filter((line) => !/"level":(10|20|30|"(trace|debug|info)")/.test(line));
    assert.equal(errors.length, 1, `one clear line, not: ${errors.join('\n')}`);
    return errors[0] ?? '';
  } finally {
    await failing.kill();
  }
}

/** Flags with some of them replaced by others of the same name. */
function withFlags(flags: readonly string[], changes: readonly string[]): readonly string[] {
  const nameOf = (flag: string): string => flag.replace(/=.*/, '');
  const changed = new Set(changes.map(nameOf));
  return [...flags.filter((flag) => !changed.has(nameOf(flag))), ...changes];
}

/** A cluster of one member that has run, holds one key, and is stopped. */
async function stoppedMember(): Promise<{ cluster: TestCluster; member: MemberProcess }> {
  const cluster = await TestCluster.start({ members: 1 });
  await cluster.client.put('key', 'kept');
  const member = cluster.member(0);
  assert.equal(await member.stop(), 0);
  return { cluster, member };
}

async function assertKept(cluster: TestCluster, member: MemberProcess): Promise<void> {
  member.start();
  assert.equal((await cluster.client.get('key'))?.text(), 'kept');
}

test('an unknown flag is named, with the one that was probably meant', async () => {
  const { code, stderr } = await quorate(['serve', '--nmae=m1']);
  assert.notEqual(code, 0);
  assert.match(stderr, /--nmae/);
  assert.match(stderr, /--name/);
  assert.equal(stderr.trim().split('\n').length, 1, stderr);
});

test('a port in use is named', async () => {
  await using cluster = await TestCluster.prepare({ members: 1 });
  const member = cluster.member(0);
  for (const port of [member.plan.clientPort, member.plan.peerPort]) {
    const holder = createServer().listen(port, '127.0.0.1');
    await once(holder, 'listening');
    try {
      const line = await refusal(member);
      assert.match(line, new RegExp(String(portOf(holder))));
      assert.match(line, /in use/);
    } finally {
      await closeServer(holder);
    }
  }
  member.start();
  await cluster.client.put('key', 'value');
});

test('the data directory of another member is refused', async () => {
  const { cluster, member } = await stoppedMember();
  await using _ = cluster;
  const peerUrl = `http://127.0.0.1:${member.plan.peerPort}`;
  const line = await refusal(member, ['--name=other', `--initial-cluster=other=${peerUrl}`]);
  assert.match(line, /belongs to/);
  await assertKept(cluster, member);
});

test('the data directory of another cluster is refused', async () => {
  const { cluster, member } = await stoppedMember();
  await using _ = cluster;
  assert.match(await refusal(member, ['--initial-cluster-token=other']), /belongs to/);
  await assertKept(cluster, member);
});

test('a data directory of a newer format is refused', async () => {
  const { cluster, member } = await stoppedMember();
  await using _ = cluster;
  const file = join(member.plan.dataDirectory, 'identity.json');
  const identity = await readFile(file, 'utf8');
  await writeFile(file, identity.replace(/"formatVersion": \d+/, '"formatVersion": 999'));
  const line = await refusal(member);
  assert.match(line, /format version 999/);
  await writeFile(file, identity);
  await assertKept(cluster, member);
});

test('a data directory in use is refused, and its owner is not disturbed', async () => {
  await using cluster = await TestCluster.start({ members: 1 });
  const member = cluster.member(0);
  await cluster.client.put('key', 'kept');
  const [clientPort, peerPort] = await freePorts(2);
  const line = await refusal(member, [
    `--listen-client-urls=http://127.0.0.1:${clientPort}`,
    `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${member.plan.peerPort}`,
  ]);
  assert.match(line, /the data directory .* is in use/);
  assert.equal((await cluster.client.get('key'))?.text(), 'kept');
});

const notLinux = existsSync('/sys/kernel') ? false : 'needs a place that nobody may write, such as /sys';

test('an unwritable data directory is refused', { skip: notLinux }, async () => {
  await using cluster = await TestCluster.prepare({ members: 1 });
  const line = await refusal(cluster.member(0), ['--data-dir=/sys/quorate']);
  assert.match(line, /not permitted/);
  assert.match(line, /\/sys\/quorate/);
});

/** The path of the log's only segment file. */
async function segmentOf(member: MemberProcess): Promise<string> {
  const directory = join(member.plan.dataDirectory, 'log');
  const names = await readdir(directory);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).size));
  const name = names[sizes.indexOf(Math.max(...sizes))];
  assert(name !== undefined);
  return join(directory, name);
}

test('a damaged log is refused, naming file and offset, and is not changed', async () => {
  await using cluster = await TestCluster.start({ members: 1 });
  const member = cluster.member(0);
  await cluster.client.put('first', 'a value that is easy to find');
  for (let number = 0; number < 50; number += 1) {
    await cluster.client.put(`key/${number}`, 'x'.repeat(500));
  }
  await member.stop();
  const segment = await segmentOf(member);
  const intact = await readFile(segment);
  const position = intact.indexOf('a value that is easy to find');
  assert(position > 0);
  const file = await open(segment, 'r+');
  await file.write(Buffer.from('A'), 0, 1, position);
  await file.close();
  const damaged = await readFile(segment);

  const line = await refusal(member);
  assert.match(line, /damaged/);
  assert(line.includes(segment), line);
  assert.match(line, /offset \d+/);
  assert.deepEqual(await readFile(segment), damaged);

  await writeFile(segment, intact);
  member.start();
  assert.equal((await cluster.client.get('first'))?.text(), 'a value that is easy to find');
});

test('a member whose log is damaged does not keep the others from going on', async () => {
  await using cluster = await TestCluster.start();
  await cluster.client.put('key', 'a value that is easy to find');
  for (let number = 0; number < 50; number += 1) {
    await cluster.client.put(`key/${number}`, 'x'.repeat(500));
  }
  const member = cluster.member(0);
  await member.kill();
  const segment = await segmentOf(member);
  const content = await readFile(segment);
  content.write('A', content.indexOf('a value that is easy to find'));
  await writeFile(segment, content);
  assert.match(await refusal(member), /damaged/);
  await cluster.client.put('key', 'after');
  assert.equal((await cluster.client.get('key'))?.text(), 'after');
});

test('two members with one name, one URL or one identity are refused', async () => {
  for (const initialCluster of [
    'm1=http://127.0.0.1:1001,m1=http://127.0.0.1:1002',
    'm1=http://127.0.0.1:1001,m2=http://127.0.0.1:1001',
  ]) {
    const { code, stderr } = await quorate(['serve', '--name=m1', `--initial-cluster=${initialCluster}`]);
    assert.notEqual(code, 0);
    assert.match(stderr, /initial-cluster/);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  }
});

test('a second process with the identity of a member takes no part', async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  await client.put('key', 'before');
  const original = cluster.member(0);
  const directory = join(cluster.directory, 'impostor');
  await mkdir(directory);
  const [clientPort, peerPort] = await freePorts(2);
  const impostor = new MemberProcess({
    ...original.plan,
    logFile: join(directory, 'log'),
    args: withFlags(original.plan.args, [
      `--data-dir=${directory}/data`,
      `--listen-client-urls=http://127.0.0.1:${clientPort}`,
      `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
    ]),
  });
  impostor.start();
  try {
    const leader = await cluster.leader();
    const { term } = await cluster.status(leader);
    for (let number = 0; number < 20; number += 1) {
      await client.put('key', String(number));
    }
    assert.equal((await client.get('key'))?.text(), '19');
    assert((await cluster.status(await cluster.leader())).term >= term);
  } finally {
    await impostor.kill();
  }
  const content = await cluster.agreedContent();
  assert.match(content[0] ?? '', /^key=19 .* v21$/);
});

test('a member address that does not exist is logged, and the others go on', async () => {
  await using cluster = await TestCluster.prepare();
  const [first, second] = [cluster.member(0), cluster.member(1)];
  const third = `m3=http://127.0.0.1:${cluster.member(2).plan.peerPort}`;
  const members = [first, second].map(
    (member) =>
      new MemberProcess({
        ...member.plan,
        args: member.plan.args.map((arg) => arg.replace(third, 'm3=http://no-such-host.invalid:2380')),
      }),
  );
  try {
    for (const member of members) {
      member.start();
    }
    await cluster.client.put('key', 'value');
    await eventually('the address is named in the log', () => {
      assert.match(members.map((member) => member.output()).join('\n'), /no-such-host\.invalid/);
    });
  } finally {
    await Promise.all(members.map((member) => member.kill()));
  }
});

/** Why a small file system cannot be mounted here, or false if it can. */
function cannotMount(): string | false {
  const { status } = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], {
    stdio: 'ignore',
  });
  return status === 0 ? false : 'mounting a small file system is not permitted';
}

test('a full disk stops its member with a clear line, and loses nothing', {
  skip: cannotMount(),
}, async () => {
  await using cluster = await TestCluster.prepare();
  const member = cluster.member(0);
  const mountPoint = member.plan.dataDirectory;
  await mkdir(mountPoint);
  const mount = (...args: readonly string[]): void => {
    assert.equal(spawnSync('mount', [...args, mountPoint]).status, 0);
  };
  mount('-t', 'tmpfs', '-o', 'size=8m', 'tmpfs');
  try {
    for (const each of cluster.members) {
      each.start();
    }
    const acknowledged: string[] = [];
    await cluster.leader();
    for (let number = 0; member.isRunning; number += 1) {
      assert(number < 400, 'the disk of 8 MiB takes 40 MB');
      await putUntilAcknowledged(cluster.client, `key/${number}`, `${number}:`.padEnd(100_000, 'x'));
      acknowledged.push(`key/${number}`);
    }
    assert.notEqual(await member.ended(), 0);
    const lines = member.output().split('\n');
    assert(
      lines.some((line) => /no space left/.test(line)),
      lines.slice(-5).join('\n'),
    );

    spawnSync('mount', ['-o', 'remount,size=200m', mountPoint]);
    member.start();
    await putUntilAcknowledged(cluster.client, 'after', 'value');
    await eventually('the member has caught up', async () => {
      assert.equal(await cluster.readLocally(member, 'after'), 'value');
    });
    for (const key of acknowledged) {
      assert((await cluster.readLocally(member, key))?.startsWith(`${key.slice(4)}:`), `${key} is lost`);
    }
  } finally {
    await member.kill();
    spawnSync('umount', ['-l', mountPoint]);
  }
});
