import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { quorate } from './harness/command.ts';
import { eventually } from './harness/eventually.ts';
import { TestCluster } from './harness/test-cluster.ts';

const isRoot = process.getuid?.() === 0;

/** A small file system of its own, mounted at a directory until it is disposed of. */
class SmallDisk implements AsyncDisposable {
  readonly path: string;
  private readonly ballast: string;

  private constructor(path: string) {
    this.path = path;
    this.ballast = join(path, 'ballast');
  }

  static async mount(path: string, size: string): Promise<SmallDisk> {
    await mkdir(path, { recursive: true });
    const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path]);
    assert.equal(status, 0, String(stderr));
    return new SmallDisk(path);
  }

  /** Leaves no room at all. */
  async fill(): Promise<void> {
    const file = await open(this.ballast, 'a');
    try {
      for (;;) await file.write(Buffer.alloc(64 * 1024));
    } catch (error) {
      assert.equal(Reflect.get(error as object, 'code'), 'ENOSPC');
    } finally {
      await file.close();
    }
    assert.equal((await statfs(this.path)).bavail, 0);
  }

  async free(): Promise<void> {
    await rm(this.ballast);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    spawnSync('umount', ['-l', this.path]);
  }
}

const skip = isRoot ? false : 'only root may mount a file system';

test('a member whose disk is full stops clearly, the others go on, and it comes back', { skip }, async () => {
  await using cluster = await TestCluster.prepare();
  const [member] = cluster.members;
  assert(member !== undefined);
  await using disk = await SmallDisk.mount(member.plan.dataDirectory, '48m');
  for (const each of cluster.members) each.start();
  try {
    await cluster.leader();
    await cluster.client.put('before', 'kept');
    await disk.fill();
    const value = 'x'.repeat(100_000);
    let written = 0;
    await eventually('the member has stopped', async () => {
      await cluster.client.put(`filler ${written}`, value);
      written += 1;
      assert(!member.isRunning, 'it runs still');
    });
    assert.match(member.output(), /no space left on the disk/);
    assert(!/^ {4}at /m.test(member.output().split('\n').at(-2) ?? ''), 'no stack trace at the end');
    await cluster.client.put('meanwhile', 'written');

    await disk.free();
    member.start();
    await eventually('the member has caught up', async () => {
      assert.equal(await cluster.readLocally(member, 'meanwhile'), 'written');
    });
    assert.equal(await cluster.readLocally(member, 'before'), 'kept');
    assert.equal(await cluster.readLocally(member, `filler ${written - 1}`), value);
  } finally {
    await member.kill();
  }
});

test('a backup to a full disk leaves nothing behind, and works when there is room', { skip }, async () => {
  await using cluster = await TestCluster.start({ members: 1 });
  await cluster.client.put('key', 'x'.repeat(1_000_000));
  await using disk = await SmallDisk.mount(join(cluster.directory, 'backups'), '4m');
  const file = join(disk.path, 'backup.snapshot');
  const args = ['snapshot', 'save', file, `--endpoints=${cluster.endpoints.join(',')}`];
  await disk.fill();
  const full = await quorate(args);
  assert.equal(full.code, 1);
  assert.match(full.stderr, /^quorate: no space left on the disk/);
  await disk.free();
  const { code, stderr } = await quorate(args);
  assert.equal(code, 0, stderr);
  const status = await quorate(['snapshot', 'status', file, '--json']);
  assert.equal(Reflect.get(JSON.parse(status.stdout) as object, 'keys'), 1);
});
