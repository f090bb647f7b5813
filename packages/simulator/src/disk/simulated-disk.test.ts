import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Life } from '../host/life.ts';
import { Kernel } from '../kernel/kernel.ts';
import { streamOf } from '../kernel/random-stream.ts';
import { Trace } from '../kernel/trace.ts';
import { Inode } from './inode.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { type DiskProbe, SimulatedFileSystem } from './simulated-file-system.ts';

const random = streamOf(1, 'test');

function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

function content(inode: Inode): string {
  const target = new Uint8Array(inode.size);
  inode.read(target, 0);
  return Buffer.from(target).toString().replaceAll('\0', '.');
}

describe('the content of a file', () => {
  test('keeps what was synced and loses what was not, when the power fails', () => {
    const inode = new Inode();
    inode.write(bytes('durable'), 0);
    inode.sync(inode.lastWrite);
    inode.write(bytes('D'), 0);
    inode.write(bytes('!'), 7);
    assert.equal(content(inode), 'Durable!');
    assert.equal(inode.losePower(0, random), 2);
    assert.equal(content(inode), 'durable');
  });

  test('may keep all of it', () => {
    const inode = new Inode();
    inode.write(bytes('kept'), 0);
    assert.equal(inode.losePower(1, random), 0);
    assert.equal(content(inode), 'kept');
  });

  test('tears a write between sectors', () => {
    const contents = new Set<string>();
    for (let round = 0; round < 50; round += 1) {
      const inode = new Inode();
      inode.write(bytes('a'.repeat(1024)), 0);
      inode.sync(inode.lastWrite);
      inode.write(bytes('b'.repeat(1024)), 0);
      inode.losePower(0.5, random);
      const halves = [content(inode).slice(0, 512), content(inode).slice(512)];
      assert(halves.every((half) => half === 'a'.repeat(512) || half === 'b'.repeat(512)));
      contents.add(halves.map((half) => half[0]).join(''));
    }
    assert.deepEqual([...contents].toSorted(), ['aa', 'ab', 'ba', 'bb']);
  });

  test('a later write to a sector that survives brings the earlier ones with it', () => {
    for (let round = 0; round < 50; round += 1) {
      const inode = new Inode();
      inode.write(bytes('one'), 0);
      inode.write(bytes('two'), 3);
      inode.losePower(0.5, random);
      assert(['', 'one', 'onetwo'].includes(content(inode)), content(inode));
    }
  });

  test('a failed sync leaves writes that look well and that no later sync makes durable', () => {
    const outcomes = new Set<string>();
    for (let round = 0; round < 20; round += 1) {
      const inode = new Inode();
      inode.write(bytes('old'), 0);
      inode.failSync(inode.lastWrite, random);
      inode.write(bytes('x'), 1000);
      inode.sync(inode.lastWrite);
      assert.equal(content(inode).slice(0, 3), 'old');
      inode.losePower(0, random);
      outcomes.add(content(inode).slice(0, 3));
    }
    assert.deepEqual([...outcomes].toSorted(), ['...', 'old']);
  });

  test('what is written again after a failed sync is durable with the next one', () => {
    for (let round = 0; round < 20; round += 1) {
      const inode = new Inode();
      inode.write(bytes('old'), 0);
      inode.failSync(inode.lastWrite, random);
      inode.write(bytes('old'), 0);
      inode.sync(inode.lastWrite);
      inode.losePower(0, random);
      assert.equal(content(inode), 'old');
    }
  });

  test('flips a bit before the newest synced write only', () => {
    const inode = new Inode();
    assert.equal(inode.flipBit(random), null);
    inode.write(bytes('aaaa'), 0);
    inode.sync(inode.lastWrite);
    inode.write(bytes('bbbb'), 4);
    inode.sync(inode.lastWrite);
    const position = inode.flipBit(random);
    assert(position !== null && position < 4);
    assert.notEqual(content(inode).slice(0, 4), 'aaaa');
    assert.equal(content(inode).slice(4), 'bbbb');
  });
});

describe('the disk of a host', () => {
  const nowhere: DiskProbe = () => undefined;

  function host(): {
    kernel: Kernel;
    disk: SimulatedDisk;
    start: (probe: DiskProbe) => [Life, SimulatedFileSystem];
  } {
    const kernel = new Kernel();
    const disk = new SimulatedDisk({ accessMeanUs: 10, syncMeanUs: 100 }, streamOf(3, 'disk'));
    const start = (probe: DiskProbe): [Life, SimulatedFileSystem] => {
      const life = new Life(kernel);
      const trace = new Trace(kernel, 'off');
      return [life, new SimulatedFileSystem({ kernel, life, disk, trace, who: 'n1', probe })];
    };
    return { kernel, disk, start };
  }

  async function complete<T>(kernel: Kernel, work: Promise<T>): Promise<T> {
    const [result] = await Promise.all([work, kernel.run(Number.MAX_SAFE_INTEGER, () => false)]);
    return result;
  }

  test('a new file is gone after a power loss unless its directory was synced', async () => {
    for (const synced of [true, false]) {
      const { kernel, disk, start } = host();
      const [life, files] = start(nowhere);
      const write = async (): Promise<void> => {
        const file = await files.open('/a', 'create');
        await file.write(bytes('text'), 0);
        await file.sync();
        if (synced) {
          await files.syncDirectory('/');
        }
      };
      await complete(kernel, write());
      life.kill();
      disk.processDied();
      disk.tree.losePower(0, random);
      assert.equal(disk.tree.find('/a') !== null, synced);
    }
  });

  test('a rename that was not synced is undone by a power loss', async () => {
    const { kernel, disk, start } = host();
    const [, files] = start(nowhere);
    const work = async (): Promise<void> => {
      await files.open('/a', 'create');
      await files.syncDirectory('/');
      await files.rename('/a', '/b');
    };
    await complete(kernel, work());
    assert.deepEqual(disk.tree.list('/'), ['b']);
    disk.tree.losePower(0, random);
    assert.deepEqual(disk.tree.list('/'), ['a']);
  });

  test('a process that dies in a write leaves it undone, done, or done in part, and never comes back', async () => {
    const sizes = new Set<string>();
    for (let round = 0; round < 30; round += 1) {
      const { kernel, disk, start } = host();
      const [life, files] = start((operation) => {
        if (operation === 'write') {
          life.kill();
          disk.processDied();
        }
      });
      disk.random.integer(1 + round); // Another fate each round.
      for (let skip = 0; skip < round; skip += 1) disk.random.next();
      let cameBack = false;
      const write = async (): Promise<void> => {
        const file = await files.open('/a', 'create');
        await file.write(bytes('0123456789'), 0);
        cameBack = true;
      };
      void write();
      await kernel.run(Number.MAX_SAFE_INTEGER, () => false);
      assert.equal(cameBack, false);
      const size = disk.tree.find('/a')?.size ?? 0;
      sizes.add(size === 0 ? 'undone' : size === 10 ? 'done' : 'in part');
    }
    assert.deepEqual([...sizes].toSorted(), ['done', 'in part', 'undone']);
  });

  test('a dead process begins no write that the next crash could do in part, and reaches no crash point', async () => {
    for (let round = 0; round < 30; round += 1) {
      const { kernel, disk, start } = host();
      let reached = 0;
      const [life, files] = start(() => {
        reached += 1;
      });
      for (let skip = 0; skip < round; skip += 1) disk.random.next(); // Another fate each round.
      const work = async (): Promise<number> => {
        const file = await files.open('/a', 'create');
        await file.write(bytes('0123456789'), 0);
        life.kill();
        disk.processDied();
        const reachedAlive = reached;
        void file.write(bytes('stale'), 0);
        void file.sync();
        disk.processDied(); // As the next process would.
        return reachedAlive;
      };
      const reachedAlive = await complete(kernel, work());
      const inode = disk.tree.find('/a');
      assert(inode !== null);
      assert.equal(content(inode), '0123456789');
      assert.equal(reached, reachedAlive);
    }
  });

  test('locks are held by one process, and by none when it is dead', async () => {
    const { kernel, start } = host();
    const [life, first] = start(nowhere);
    const [, second] = start(nowhere);
    const take = async (): Promise<string[]> => {
      const kinds = [(await first.lock('/lock')).kind, (await second.lock('/lock')).kind];
      life.kill();
      return [...kinds, (await second.lock('/lock')).kind];
    };
    assert.deepEqual(await complete(kernel, take()), ['acquired', 'held', 'acquired']);
  });

  test('troubles: a full disk, a failed write, a read that goes astray, a stall', async () => {
    const { kernel, disk, start } = host();
    const [, files] = start(nowhere);
    const work = async (): Promise<void> => {
      const file = await files.open('/a', 'create');
      await file.write(bytes('0123456789'), 0);
      disk.trouble.full = true;
      await assert.rejects(file.write(bytes('x'), 10), { code: 'ENOSPC' });
      await assert.rejects(files.open('/b', 'create'), { code: 'ENOSPC' });
      await file.write(bytes('x'), 0);
      disk.trouble.full = false;
      disk.trouble.failingWrites = 1;
      await assert.rejects(file.write(bytes('yy'), 0), { code: 'EIO' });
      disk.trouble.failingSyncs = 1;
      await assert.rejects(file.sync(), { code: 'EIO' });
      disk.trouble.misdirectsNextRead = true;
      const target = new Uint8Array(5);
      assert.equal(await file.read(target, 5), 5);
      assert.notEqual(Buffer.from(target).toString(), '56789');
      disk.trouble.stalledUntilUs = kernel.nowUs + 1_000_000;
      const beforeUs = kernel.nowUs;
      await file.sync();
      assert(kernel.nowUs >= beforeUs + 1_000_000);
    };
    await complete(kernel, work());
  });
});
