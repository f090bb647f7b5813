import assert from 'node:assert/strict';
import type { File, FileLock, FileSystem, LockResult } from '../file-system.ts';
import { MemoryDirectory } from './memory-directory.ts';
import { type DiskOperation, diskError, type MemoryDisk } from './memory-disk.ts';
import { MemoryInode } from './memory-inode.ts';

/** What one process sees of a `MemoryDisk`, as long as it lives. */
export class MemoryFileSystem implements FileSystem {
  readonly #disk: MemoryDisk;
  #isAlive = true;
  #openFiles = 0;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
    disk.addUser(this);
  }

  /** Files that were opened and not closed: a test that ends with some has found a leak. */
  get openFiles(): number {
    return this.#openFiles;
  }

  /** Whether the process has neither died nor lost its power. */
  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** From now on nothing that this process does has any effect. */
  die(): void {
    this.#isAlive = false;
  }

  open(path: string, mode: 'read' | 'write' | 'create'): Promise<File> {
    return this.#perform('open', path, () => {
      const { directory, name } = this.#disk.locate(path);
      const found = directory.get(name);
      if (found instanceof MemoryDirectory) throw diskError('EISDIR', path);
      if (mode === 'create') {
        if (found !== null) throw diskError('EEXIST', path);
        const inode = new MemoryInode();
        directory.change({ kind: 'link', name, node: inode });
        return this.#file(inode, path, true);
      }
      if (found === null) throw diskError('ENOENT', path);
      return this.#file(found, path, mode === 'write');
    });
  }

  list(directory: string): Promise<readonly string[]> {
    return this.#perform('list', directory, () => this.#directory(directory).names);
  }

  makeDirectory(path: string): Promise<boolean> {
    return this.#perform('make-directory', path, () => {
      const found = this.#disk.find(path);
      if (found instanceof MemoryDirectory) return false;
      if (found !== null) throw diskError('EEXIST', path);
      const { directory, name } = this.#disk.locate(path);
      directory.change({ kind: 'link', name, node: new MemoryDirectory() });
      return true;
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#perform('rename', from, () => {
      const source = this.#disk.locate(from);
      const target = this.#disk.locate(to);
      const node = source.directory.get(source.name);
      if (node === null) throw diskError('ENOENT', from);
      if (source.directory !== target.directory) throw diskError('EXDEV', from);
      source.directory.change({ kind: 'rename', from: source.name, to: target.name, node });
    });
  }

  remove(path: string): Promise<void> {
    return this.#perform('remove', path, () => {
      const { directory, name } = this.#disk.locate(path);
      const node = directory.get(name);
      if (node === null) throw diskError('ENOENT', path);
      if (node instanceof MemoryDirectory) throw diskError('EISDIR', path);
      directory.change({ kind: 'unlink', name });
    });
  }

  syncDirectory(path: string): Promise<void> {
    return this.#perform('sync-directory', path, () => this.#directory(path).sync());
  }

  lock(path: string): Promise<LockResult> {
    return this.#perform('lock', path, () => {
      const { directory, name } = this.#disk.locate(path);
      if (this.#disk.locks.has(path)) return { kind: 'held', by: 'another process' };
      if (directory.get(name) === null) directory.change({ kind: 'link', name, node: new MemoryInode() });
      this.#disk.locks.set(path, this);
      return { kind: 'acquired', lock: new MemoryLock(this.#disk, path, this) };
    });
  }

  /** Runs one operation: latency, then its effect or its fault. For the files of this process, too. */
  async perform<Result>(
    kind: DiskOperation['kind'],
    path: string,
    effect: () => Result,
    partialEffect: () => void,
  ): Promise<Result> {
    const operation = this.#disk.nextOperation(kind, path);
    await this.#disk.latency?.(operation);
    this.#expectAlive(path);
    const fault = this.#disk.fault?.(operation) ?? null;
    switch (fault?.kind) {
      case undefined:
        return effect();
      case 'fail':
        partialEffect();
        throw diskError(fault.code, path);
      case 'process-death':
        return this.#dieAfter(effect, path, () => this.#disk.killProcesses());
      case 'power-loss':
        return this.#dieAfter(effect, path, () => this.#disk.losePower());
      default:
        return fault satisfies never;
    }
  }

  #dieAfter(effect: () => unknown, path: string, die: () => void): never {
    try {
      effect();
    } finally {
      die();
    }
    throw diskError('EIO', path);
  }

  #perform<Result>(kind: DiskOperation['kind'], path: string, effect: () => Result): Promise<Result> {
    return this.perform(kind, path, effect, () => undefined);
  }

  #expectAlive(path: string): void {
    if (!this.#isAlive) throw diskError('EIO', path);
  }

  #directory(path: string): MemoryDirectory {
    const found = this.#disk.find(path);
    if (found === null) throw diskError('ENOENT', path);
    if (!(found instanceof MemoryDirectory)) throw diskError('ENOTDIR', path);
    return found;
  }

  #file(inode: MemoryInode, path: string, isWritable: boolean): File {
    this.#openFiles += 1;
    return new MemoryFile({
      disk: this.#disk,
      fileSystem: this,
      inode,
      path,
      isWritable,
      closed: () => {
        this.#openFiles -= 1;
      },
    });
  }
}

type MemoryFileParts = {
  readonly disk: MemoryDisk;
  readonly fileSystem: MemoryFileSystem;
  readonly inode: MemoryInode;
  readonly path: string;
  readonly isWritable: boolean;
  readonly closed: () => void;
};

class MemoryFile implements File {
  readonly #parts: MemoryFileParts;
  #isOpen = true;

  constructor(parts: MemoryFileParts) {
    this.#parts = parts;
  }

  async size(): Promise<number> {
    assert(this.#isOpen, 'the file is closed');
    return this.#parts.inode.size;
  }

  read(target: Uint8Array, position: number): Promise<number> {
    const { fileSystem, inode, path } = this.#parts;
    assert(this.#isOpen, 'the file is closed');
    const none = (): void => undefined;
    return fileSystem.perform('read', path, () => inode.read(target, position), none);
  }

  write(source: Uint8Array, position: number): Promise<void> {
    const { disk, fileSystem, inode, path, isWritable } = this.#parts;
    assert(this.#isOpen, 'the file is closed');
    return fileSystem.perform(
      'write',
      path,
      () => {
        if (!isWritable) throw diskError('EBADF', path);
        const growth = Math.max(0, position + source.length - inode.size);
        const excess = growth - disk.freeBytes();
        if (growth > 0 && excess > 0) {
          inode.write(source.subarray(0, source.length - Math.min(excess, growth)), position);
          throw diskError('ENOSPC', path);
        }
        inode.write(source, position);
      },
      () => inode.write(source.subarray(0, disk.random.integer(source.length + 1)), position),
    );
  }

  sync(): Promise<void> {
    const { disk, fileSystem, inode, path } = this.#parts;
    assert(this.#isOpen, 'the file is closed');
    return fileSystem.perform(
      'sync',
      path,
      () => inode.sync(),
      () => disk.failSync(inode),
    );
  }

  async close(): Promise<void> {
    assert(this.#isOpen, 'the file is closed twice');
    this.#isOpen = false;
    this.#parts.closed();
  }
}

class MemoryLock implements FileLock {
  readonly #disk: MemoryDisk;
  readonly #path: string;
  readonly #owner: MemoryFileSystem;

  constructor(disk: MemoryDisk, path: string, owner: MemoryFileSystem) {
    this.#disk = disk;
    this.#path = path;
    this.#owner = owner;
  }

  async release(): Promise<void> {
    // A dead process's lock is gone already, and may be another's by now.
    if (this.#disk.locks.get(this.#path) === this.#owner) this.#disk.locks.delete(this.#path);
  }
}
