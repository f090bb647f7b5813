/**
 * The disk as the log sees it: the seam behind which the real disk, the simulated one, and every disk
 * fault live.
 *
 * A rejected promise carries an Error whose `code` is the POSIX name of the failure (`ENOSPC`, `EIO`,
 * `EACCES`, `ENOENT`, `EEXIST`, ...), as Node's own errors do. Paths are separated by `/`.
 *
 * What is durable when: the bytes of a file after `File.sync`; its name, and the disappearance of a name,
 * after `syncDirectory` of the directory that holds it. Without them a power loss may keep, drop or tear
 * the change, in any order. A process that dies loses nothing that was written.
 */
export interface FileSystem {
  /**
   * - `read`: the file must exist.
   * - `write`: the file must exist; reads and writes.
   * - `create`: the file must not exist (`EEXIST`); reads and writes.
   */
  open(path: string, mode: 'read' | 'write' | 'create'): Promise<File>;
  /** The names in a directory, in no particular order. Rejects with `ENOENT` if there is no such directory. */
  list(directory: string): Promise<readonly string[]>;
  /** Creates a directory in an existing parent. Returns false if it exists already. */
  makeDirectory(path: string): Promise<boolean>;
  /** Replaces `to` if it exists, atomically: nobody ever sees neither or half of a file under `to`. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file's name. Files that are open stay readable. */
  remove(path: string): Promise<void>;
  /** Makes creations, renames and removals of names in this directory durable. */
  syncDirectory(path: string): Promise<void>;
  /**
   * Takes the exclusive lock that the file at `path` stands for, creating the file if need be, or says at
   * once who holds it: another process, or this one. Whoever dies loses its locks, and of two that ask at
   * the same time one gets it.
   */
  lock(path: string): Promise<LockResult>;
}

export type LockResult =
  | { readonly kind: 'acquired'; readonly lock: FileLock }
  /** `by` completes the sentence "in use by ...", as far as it is known. */
  | { readonly kind: 'held'; readonly by: string };

export interface FileLock {
  release(): Promise<void>;
}

/** An open file. Its calls may overlap, but for `close`, which must be the last. */
export interface File {
  /** In bytes. */
  size(): Promise<number>;
  /** Fills `target` from `position` on. Resolves to the bytes read: fewer than asked only at the end of the file. */
  read(target: Uint8Array, position: number): Promise<number>;
  /**
   * Writes all of `source` or rejects; `source` must not change meanwhile. Writing past the end extends the
   * file. It may be durable before the next sync, in whole or in part: nobody may count on that.
   */
  write(source: Uint8Array, position: number): Promise<void>;
  /** Makes everything written so far durable, as `fdatasync` does. After a rejection nothing is known of what was written. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
