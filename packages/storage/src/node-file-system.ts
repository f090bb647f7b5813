import { close, constants, fdatasync, fstat, open, read, write } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { File, FileLock, FileSystem, LockResult } from './file-system.ts';
import { diskErrorCode } from './storage-error.ts';

/** Only the user that runs the member may read its data. */
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;

/**
 * On Linux a write to a file opened with O_DSYNC is durable when it returns, and a sync has nothing to do:
 * one system call and one trip to the thread pool instead of two. Elsewhere the flag may promise less than
 * `fdatasync` does (on macOS it leaves the data in the drive's cache), so there a sync calls that.
 */
const WRITES_ARE_DURABLE = process.platform === 'linux';

const DURABLY = WRITES_ARE_DURABLE ? constants.O_DSYNC : 0;

const OPEN_FLAGS = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR | DURABLY,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | DURABLY,
} as const;

/** SQLite's result code for "somebody else holds the lock". */
const SQLITE_BUSY = 5;

/** The real disk. */
export class NodeFileSystem implements FileSystem {
  async open(path: string, mode: 'read' | 'write' | 'create'): Promise<File> {
    // A bare descriptor instead of a FileHandle: the callback calls cost half the CPU on the path of every write.
    return new NodeFile(await openDescriptor(path, OPEN_FLAGS[mode]));
  }

  async list(directory: string): Promise<readonly string[]> {
    return fs.readdir(directory);
  }

  async makeDirectory(path: string): Promise<boolean> {
    try {
      await fs.mkdir(path, { mode: DIRECTORY_MODE });
      return true;
    } catch (error) {
      if (diskErrorCode(error) === 'EEXIST' && (await fs.stat(path)).isDirectory()) return false;
      throw error;
    }
  }

  async rename(from: string, to: string): Promise<void> {
    await fs.rename(from, to);
  }

  async remove(path: string): Promise<void> {
    await fs.unlink(path);
  }

  async syncDirectory(path: string): Promise<void> {
    const handle = await fs.open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /**
   * Node has no `flock`, and a file with a process id in it cannot be taken over safely: ids are reused,
   * containers all start at 1, and two starters can both find the same stale file. SQLite, which is built
   * into Node, takes a lock of the kernel (`fcntl` on POSIX, `LockFileEx` on Windows) on an empty database
   * file. The kernel drops it with the process, however that ends.
   *
   * POSIX drops such a lock too when the process closes *any* descriptor of the file, so nothing else in
   * this process may open it. The owner's process id, which is only for people, has a file of its own.
   */
  async lock(path: string): Promise<LockResult> {
    const database = new DatabaseSync(path, { timeout: 0, open: false });
    try {
      database.open();
      database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    } catch (error) {
      if (database.isOpen) database.close();
      if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) {
        return { kind: 'held', by: await describeOwner(path) };
      }
      // SQLite is vague about permissions; this says EACCES or EROFS where they are the reason.
      await fs.access(dirname(path), fs.constants.W_OK);
      throw error;
    }
    try {
      await fs.writeFile(ownerPath(path), `${process.pid}\n`, { mode: FILE_MODE });
    } catch (error) {
      database.close();
      throw error;
    }
    return { kind: 'acquired', lock: new NodeFileLock(path, database) };
  }
}

class NodeFileLock implements FileLock {
  readonly #path: string;
  readonly #database: DatabaseSync;

  constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
  }

  async release(): Promise<void> {
    try {
      await fs.rm(ownerPath(this.#path), { force: true });
    } finally {
      this.#database.close();
    }
  }
}

class NodeFile implements File {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  size(): Promise<number> {
    return new Promise((resolve, reject) => {
      fstat(this.#descriptor, (error, stats) => (error === null ? resolve(stats.size) : reject(error)));
    });
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    let done = 0;
    while (done < target.length) {
      const count = await this.#readSome(target, done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async write(source: Uint8Array, position: number): Promise<void> {
    let done = 0;
    while (done < source.length) done += await this.#writeSome(source, done, position + done);
  }

  async sync(): Promise<void> {
    if (!WRITES_ARE_DURABLE) await this.#syncData();
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      close(this.#descriptor, (error) => (error ? reject(error) : resolve()));
    });
  }

  #syncData(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#descriptor, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  #readSome(target: Uint8Array, done: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      read(this.#descriptor, target, done, target.length - done, position, (error, count) =>
        error === null ? resolve(count) : reject(error),
      );
    });
  }

  #writeSome(source: Uint8Array, done: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.#descriptor, source, done, source.length - done, position, (error, count) =>
        error === null ? resolve(count) : reject(error),
      );
    });
  }
}

function openDescriptor(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, flags, FILE_MODE, (error, descriptor) =>
      error === null ? resolve(descriptor) : reject(error),
    );
  });
}

function ownerPath(lockPath: string): string {
  return `${lockPath}.pid`;
}

async function describeOwner(lockPath: string): Promise<string> {
  try {
    const id = (await fs.readFile(ownerPath(lockPath), 'utf8')).trim();
    return /^\d+$/.test(id) ? `process ${id}` : 'another process';
  } catch (error) {
    // The owner has the lock and has not written its id yet, or is about to go.
    if (diskErrorCode(error) === 'ENOENT') return 'another process';
    throw error;
  }
}
