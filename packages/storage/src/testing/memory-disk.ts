import { MemoryDirectory, type MemoryNode } from './memory-directory.ts';
import { MemoryInode, type Random } from './memory-inode.ts';

/** A call that a process makes on the disk, for those who inject latency and faults. */
export type DiskOperation = {
  readonly kind:
    | 'open'
    | 'list'
    | 'make-directory'
    | 'rename'
    | 'remove'
    | 'sync-directory'
    | 'lock'
    | 'read'
    | 'write'
    | 'sync';
  readonly path: string;
  /** Counts all operations on this disk, from 1. */
  readonly number: number;
};

/** What goes wrong with an operation. */
export type DiskFault =
  /**
   * It is refused with this POSIX code. A write may have been done in part; a sync leaves it open what reached
   * the disk, and the next one does not repeat it.
   */
  | { readonly kind: 'fail'; readonly code: string }
  /** The process dies, or the machine, when the operation has been done and before it is answered. */
  | { readonly kind: 'process-death' }
  | { readonly kind: 'power-loss' };

/** A process that uses the disk. */
export type DiskUser = { die(): void };

export type MemoryDiskOptions = {
  /** Decides what survives a power loss and how much of a failed write was done. */
  readonly random: Random;
  /** Awaited before an operation takes effect. Default: none. */
  readonly latency?: (operation: DiskOperation) => Promise<void>;
  /** Asked once for every operation. Default: nothing fails. */
  readonly fault?: (operation: DiskOperation) => DiskFault | null;
  /** The sum of the sizes of all files; beyond it writes fail with `ENOSPC`. Default: no limit. */
  readonly capacityBytes?: number;
  /** A write that was not synced survives a power loss in pieces of this size. Default 512. */
  readonly tearBytes?: number;
};

/**
 * A simulated disk with its page cache. Each process sees it through a `MemoryFileSystem` of its own, which
 * is dead for good after `killProcesses` or `losePower`: whatever the old process still tries has no effect.
 *
 * No clock and no randomness of its own: the same calls give the same bytes.
 */
export class MemoryDisk {
  readonly random: Random;
  readonly locks = new Map<string, DiskUser>();
  /** May be changed at any time. */
  latency: ((operation: DiskOperation) => Promise<void>) | null;
  fault: ((operation: DiskOperation) => DiskFault | null) | null;
  capacityBytes: number;
  readonly #tearBytes: number;
  readonly #root = new MemoryDirectory();
  readonly #users = new Set<DiskUser>();
  #operations = 0;

  constructor(options: MemoryDiskOptions) {
    this.random = options.random;
    this.latency = options.latency ?? null;
    this.fault = options.fault ?? null;
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.#tearBytes = options.tearBytes ?? 512;
  }

  /** How many operations were begun. */
  get operations(): number {
    return this.#operations;
  }

  /** Every process dies; the cache stays. */
  killProcesses(): void {
    for (const user of this.#users) user.die();
    this.#users.clear();
    this.locks.clear();
  }

  /** Every process dies, and of what was not synced any part is lost. */
  losePower(): void {
    this.killProcesses();
    this.#root.losePower(this.random, this.#tearBytes);
  }

  /** A copy of a file's bytes, past all faults. */
  peek(path: string): Uint8Array {
    const bytes = new Uint8Array(this.#inode(path).size);
    this.#inode(path).read(bytes, 0);
    return bytes;
  }

  /** Changes a file's bytes durably, past all faults. */
  poke(path: string, position: number, bytes: Uint8Array): void {
    this.#inode(path).overwrite(position, bytes);
  }

  /** Cuts a file durably, past all faults. */
  truncate(path: string, size: number): void {
    this.#inode(path).truncate(size);
  }

  /** Removes a file durably, past all faults. */
  delete(path: string): void {
    this.#inode(path);
    const { directory, name } = this.locate(path);
    directory.change({ kind: 'unlink', name });
    directory.sync();
  }

  // What follows serves the file systems.

  addUser(user: DiskUser): void {
    this.#users.add(user);
  }

  nextOperation(kind: DiskOperation['kind'], path: string): DiskOperation {
    this.#operations += 1;
    return { kind, path, number: this.#operations };
  }

  /** The directory that a path's last name is in. Throws `ENOENT` or `ENOTDIR`. */
  locate(path: string): { directory: MemoryDirectory; name: string } {
    const names = splitPath(path);
    const name = names.pop() ?? '.';
    let directory = this.#root;
    for (const part of names) {
      const next = directory.get(part);
      if (next === null) throw diskError('ENOENT', path);
      if (!(next instanceof MemoryDirectory)) throw diskError('ENOTDIR', path);
      directory = next;
    }
    return { directory, name };
  }

  find(path: string): MemoryNode | null {
    if (splitPath(path).length === 0) return this.#root;
    const { directory, name } = this.locate(path);
    return directory.get(name);
  }

  freeBytes(): number {
    return this.capacityBytes === Number.POSITIVE_INFINITY
      ? this.capacityBytes
      : this.capacityBytes - this.#root.totalBytes();
  }

  failSync(inode: MemoryInode): void {
    inode.failSync(this.random, this.#tearBytes);
  }

  #inode(path: string): MemoryInode {
    const node = this.find(path);
    if (node instanceof MemoryInode) return node;
    throw diskError(node === null ? 'ENOENT' : 'EISDIR', path);
  }
}

/** An error as a `FileSystem` must reject with. */
export function diskError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: simulated, ${path}`), { code });
}

function splitPath(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
