import type { File, FileSystem, LockResult } from '@quorate/storage';
import type { Life } from '../host/life.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Trace } from '../kernel/trace.ts';
import { DiskError } from './disk-error.ts';
import type { Inode } from './inode.ts';
import type { SimulatedDisk } from './simulated-disk.ts';

/** Called at the start of each disk operation; may kill the process, which then never sees the operation end. */
export type DiskProbe = (operation: 'write' | 'sync' | 'sync-directory' | 'rename' | 'create') => void;

/**
 * A process's view of its host's disk: every operation takes simulated time and can fail as real ones do. Once the
 * process is dead nothing that it does has any effect: its code goes on up to its next await, which never ends.
 */
export class SimulatedFileSystem implements FileSystem {
  private readonly kernel: Kernel;
  private readonly life: Life;
  private readonly disk: SimulatedDisk;
  private readonly trace: Trace;
  private readonly who: string;
  private readonly probe: DiskProbe;

  constructor(parts: {
    readonly kernel: Kernel;
    readonly life: Life;
    readonly disk: SimulatedDisk;
    readonly trace: Trace;
    readonly who: string;
    readonly probe: DiskProbe;
  }) {
    this.kernel = parts.kernel;
    this.life = parts.life;
    this.disk = parts.disk;
    this.trace = parts.trace;
    this.who = parts.who;
    this.probe = parts.probe;
  }

  open(path: string, mode: 'read' | 'write' | 'create'): Promise<File> {
    if (mode === 'create') {
      this.reach('create');
    }
    return this.access(() => {
      if (mode === 'create') {
        if (this.disk.trouble.full) {
          throw new DiskError('ENOSPC', path);
        }
        return new SimulatedFile(this, path, this.disk.tree.create(path));
      }
      const inode = this.disk.tree.find(path);
      if (inode === null) {
        throw new DiskError('ENOENT', path);
      }
      return new SimulatedFile(this, path, inode);
    });
  }

  list(directory: string): Promise<readonly string[]> {
    return this.access(() => this.disk.random.shuffled(this.disk.tree.list(directory)));
  }

  makeDirectory(path: string): Promise<boolean> {
    return this.access(() => this.disk.tree.makeDirectory(path));
  }

  rename(from: string, to: string): Promise<void> {
    this.reach('rename');
    return this.access(() => this.disk.tree.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.access(() => this.disk.tree.remove(path));
  }

  syncDirectory(path: string): Promise<void> {
    this.reach('sync-directory');
    const through = this.disk.tree.lastChange;
    return this.perform(this.disk.speed.syncMeanUs, () => this.disk.tree.sync(path, through));
  }

  lock(path: string): Promise<LockResult> {
    return this.access((): LockResult => {
      if (!this.disk.lock(path, this.life)) {
        return { kind: 'held', by: 'another simulated process' };
      }
      if (this.disk.tree.find(path) === null) {
        this.disk.tree.create(path);
      }
      const release = (): Promise<void> => this.access(() => this.disk.unlock(path, this.life));
      return { kind: 'acquired', lock: { release } };
    });
  }

  readFile(inode: Inode, target: Uint8Array, position: number): Promise<number> {
    return this.access(() => {
      const { trouble } = this.disk;
      if (trouble.misdirectsNextRead && target.length > 0) {
        trouble.misdirectsNextRead = false;
        const elsewhere = Math.max(0, position + this.disk.random.pick([-512, 512, 4096]));
        this.trace.detail(this.who, () => `disk: a read at ${position} returns what is at ${elsewhere}`);
        const wanted = inode.read(target, position);
        const misread = inode.read(target.subarray(0, wanted), elsewhere);
        target.fill(0, misread, wanted);
        return wanted;
      }
      return inode.read(target, position);
    });
  }

  writeFile(path: string, inode: Inode, source: Uint8Array, position: number): Promise<void> {
    // A write of a dead process must not be under way: the next crash would do it in part.
    const complete = this.life.alive ? this.disk.beginWrite(inode, source, position) : () => undefined;
    // A crash that the probe causes finds the write under way.
    this.reach('write');
    return this.access(() => {
      complete();
      const { trouble } = this.disk;
      if (trouble.full && position + source.length > inode.size) {
        throw new DiskError('ENOSPC', path);
      }
      if (trouble.failingWrites > 0) {
        trouble.failingWrites -= 1;
        inode.write(source.subarray(0, this.disk.random.integer(source.length + 1)), position);
        throw new DiskError('EIO', path);
      }
      inode.write(source, position);
      this.trace.detail(this.who, () => `disk: wrote ${source.length} bytes at ${position} of ${path}`);
    });
  }

  syncFile(path: string, inode: Inode): Promise<void> {
    this.reach('sync');
    const through = inode.lastWrite;
    return this.perform(this.disk.speed.syncMeanUs, () => {
      const { trouble } = this.disk;
      if (trouble.failingSyncs > 0) {
        trouble.failingSyncs -= 1;
        inode.failSync(through, this.disk.random);
        this.trace.detail(this.who, () => `disk: the sync of ${path} failed`);
        throw new DiskError('EIO', path);
      }
      inode.sync(through);
      this.trace.detail(this.who, () => `disk: synced ${path}`);
    });
  }

  /** An operation that touches the disk, or the page cache, once. */
  access<T>(operation: () => T): Promise<T> {
    return this.perform(this.disk.speed.accessMeanUs, operation);
  }

  private reach(operation: Parameters<DiskProbe>[0]): void {
    if (this.life.alive) {
      this.probe(operation);
    }
  }

  /** Runs `operation` when the disk is done with it. If the process dies before, it never happens. */
  private perform<T>(meanUs: number, operation: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const stallUs = Math.max(0, this.disk.trouble.stalledUntilUs - this.kernel.nowUs);
    this.life.after(stallUs + this.disk.random.exponential(meanUs), () => {
      try {
        resolve(operation());
      } catch (error) {
        reject(error);
      }
    });
    return promise;
  }
}

class SimulatedFile implements File {
  private readonly fileSystem: SimulatedFileSystem;
  private readonly path: string;
  private readonly inode: Inode;

  constructor(fileSystem: SimulatedFileSystem, path: string, inode: Inode) {
    this.fileSystem = fileSystem;
    this.path = path;
    this.inode = inode;
  }

  size(): Promise<number> {
    return this.fileSystem.access(() => this.inode.size);
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return this.fileSystem.readFile(this.inode, target, position);
  }

  write(source: Uint8Array, position: number): Promise<void> {
    return this.fileSystem.writeFile(this.path, this.inode, source, position);
  }

  sync(): Promise<void> {
    return this.fileSystem.syncFile(this.path, this.inode);
  }

  close(): Promise<void> {
    return this.fileSystem.access(() => undefined);
  }
}
