import { type Identity, identityPath, readIdentity, writeIdentity } from './identity-file.ts';
import type { FileLock, FileSystem } from './file-system.ts';
import { parseSegmentName } from './segment.ts';
import { damaged, diskErrorCode, StorageError, toStorageError } from './storage-error.ts';
import { WriteAheadLog } from './write-ahead-log.ts';

export type DataDirectoryOptions = {
  readonly fileSystem: FileSystem;
  /** Created, with its parents, if it does not exist. */
  readonly path: string;
  /**
   * Whose directory it must be, or becomes if it is new; or what decides that, given whose it is (null if it is
   * new), while the directory is locked. What that rejects with, `open` rejects with.
   */
  readonly identity: Identity | ((found: Identity | null) => Promise<Identity>);
  /** See `WriteAheadLogOptions`; used when the directory is new. */
  readonly random: { integer(bound: number): number };
  readonly segmentMaxBytes?: number;
};

/** Where the parts of a new directory go. The directories exist. */
export type NewDirectory = { readonly logDirectory: string; readonly snapshotDirectory: string };

/**
 * One member's directory:
 *
 *     lock, lock.pid   held by the process that uses the directory
 *     identity.json    cluster id, member id, name and format version; written last
 *     log/             the write-ahead log
 *     snapshot/        snapshots of the state machine (see `SnapshotDirectory`)
 *     state/           the state machine's engine may do here what it likes
 *     *.damaged        what was set aside, for people; never read
 *
 * `identity.json` appears only when all else does, so that afterwards a missing log is known to be a loss
 * and not a beginning: a member that forgot its vote and its log could break the cluster's promises.
 */
export class DataDirectory {
  readonly path: string;
  /** What the directory says; the name is the one it was created with. */
  readonly identity: Identity;
  /** Whether this call created it. */
  readonly isNew: boolean;
  readonly #fileSystem: FileSystem;
  readonly #lock: FileLock;

  private constructor(
    fileSystem: FileSystem,
    path: string,
    identity: Identity,
    isNew: boolean,
    lock: FileLock,
  ) {
    this.#fileSystem = fileSystem;
    this.path = path;
    this.identity = identity;
    this.isNew = isNew;
    this.#lock = lock;
  }

  /**
   * Opens the directory for this process alone, creating it if it does not exist.
   *
   * Rejects with `locked`, `wrong-cluster`, `wrong-member`, `newer-format`, `damaged`, `not-writable`,
   * `disk-full` or `disk-failed`; then it holds no lock.
   */
  static async open(options: DataDirectoryOptions): Promise<DataDirectory> {
    const { fileSystem } = options;
    const path = options.path.replace(/(?<=.)\/+$/, '');
    await createDirectories(fileSystem, path);
    const lock = await takeLock(fileSystem, path);
    try {
      const found = await readIdentity(fileSystem, path);
      const identity =
        typeof options.identity === 'function'
          ? await options.identity(found?.identity ?? null)
          : options.identity;
      if (found === null) {
        await initialise({ ...options, path, identity });
        return new DataDirectory(fileSystem, path, identity, true, lock);
      }
      checkIdentity(found.identity, identity, path);
      await checkLogExists(fileSystem, path);
      // From now on there may be what an older release would not understand, so it must refuse the directory.
      if (found.isOlderFormat) await writeIdentity(fileSystem, path, found.identity);
      // The process that wrote the identity may have died before its name was durable.
      await fileSystem.syncDirectory(path).catch((error: unknown) => {
        throw toStorageError(error, 'opening', path);
      });
      return new DataDirectory(fileSystem, path, found.identity, false, lock);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /**
   * Makes a directory that begins with more than an empty log: `fill` writes the log and the snapshots, and the
   * identity comes last, so that nobody ever starts on a part of it. The directory must not exist or hold no file.
   *
   * Rejects with `not-empty`, with what `fill` rejects with, or as `open` does; then no file is left in it, as far
   * as the disk allows, and it may be tried again.
   */
  static async create(
    options: Pick<DataDirectoryOptions, 'fileSystem' | 'path'> & { readonly identity: Identity },
    fill: (parts: NewDirectory) => Promise<void>,
  ): Promise<void> {
    const { fileSystem, identity } = options;
    const path = options.path.replace(/(?<=.)\/+$/, '');
    const parts = { logDirectory: logDirectory(path), snapshotDirectory: snapshotDirectory(path) };
    const directories = [parts.logDirectory, parts.snapshotDirectory, stateDirectory(path)];
    await createDirectories(fileSystem, path);
    const lock = await takeLock(fileSystem, path);
    try {
      await checkVacant(fileSystem, path, directories);
      for (const directory of directories) await createDirectories(fileSystem, directory);
      await syncWithParents(fileSystem, path);
      try {
        await fill(parts);
        await writeIdentity(fileSystem, path, identity);
      } catch (error) {
        for (const directory of directories) await removeFiles(fileSystem, directory);
        throw error;
      }
    } finally {
      await lock.release();
    }
  }

  get logDirectory(): string {
    return logDirectory(this.path);
  }

  /** Not there before `SnapshotDirectory.open` has made it. */
  get snapshotDirectory(): string {
    return snapshotDirectory(this.path);
  }

  get stateDirectory(): string {
    return stateDirectory(this.path);
  }

  /**
   * Gives the directories of the state machine other names, and makes empty ones in their place: what they hold is
   * never used again, and never deleted. With `snapshots` those of the snapshots as well. Nothing in them may be
   * open. Durable when it resolves, with the new paths.
   */
  async setAsideState({ snapshots }: { readonly snapshots: boolean }): Promise<readonly string[]> {
    const directories = snapshots ? [this.stateDirectory, this.snapshotDirectory] : [this.stateDirectory];
    const moved: string[] = [];
    try {
      const names = new Set(await this.#fileSystem.list(this.path));
      for (const directory of directories) {
        const name = directory.slice(this.path.length + 1);
        if (!names.has(name)) continue;
        let aside = `${name}.damaged`;
        for (let count = 2; names.has(aside); count += 1) aside = `${name}.damaged-${count}`;
        await this.#fileSystem.rename(directory, `${this.path}/${aside}`);
        await this.#fileSystem.makeDirectory(directory);
        moved.push(`${this.path}/${aside}`);
      }
      await this.#fileSystem.syncDirectory(this.path);
    } catch (error) {
      throw toStorageError(error, 'setting aside the state in', this.path);
    }
    return moved;
  }

  /** Makes the directory that of another cluster, or member. Durable when it resolves; the object keeps the old one. */
  async changeIdentity(identity: Identity): Promise<void> {
    await writeIdentity(this.#fileSystem, this.path, identity);
  }

  /** Lets another process have the directory. Call it when everything in it is closed. */
  async close(): Promise<void> {
    await this.#lock.release();
  }
}

function logDirectory(path: string): string {
  return `${path}/log`;
}

function snapshotDirectory(path: string): string {
  return `${path}/snapshot`;
}

function stateDirectory(path: string): string {
  return `${path}/state`;
}

/** Creates a directory and the parents that it lacks. Their names are not durable yet. */
async function createDirectories(fileSystem: FileSystem, path: string): Promise<void> {
  const parent = parentOf(path);
  try {
    await fileSystem.makeDirectory(path);
  } catch (error) {
    if (diskErrorCode(error) !== 'ENOENT' || parent === path) throw toStorageError(error, 'creating', path);
    await createDirectories(fileSystem, parent);
    // Once more, and no further: where nothing can be created, its parent exists and it still says ENOENT.
    await fileSystem.makeDirectory(path).catch((again: unknown) => {
      throw toStorageError(again, 'creating', path);
    });
  }
}

/**
 * Makes the names in a directory durable, and its own, and those of all that it is in: an interrupted start
 * may have created any of them. Ends where this user may not look, for there it has created nothing.
 */
async function syncWithParents(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.syncDirectory(path);
  } catch (error) {
    if (FOREIGN_DIRECTORY_CODES.has(diskErrorCode(error) ?? '')) return;
    throw toStorageError(error, 'creating', path);
  }
  const parent = parentOf(path);
  if (parent !== path) await syncWithParents(fileSystem, parent);
}

/** How opening or syncing a directory fails that belongs to others, is read-only, or is no real one. */
const FOREIGN_DIRECTORY_CODES: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'EINVAL']);

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  if (slash < 0) return '.';
  return path.slice(0, Math.max(slash, 1));
}

async function takeLock(fileSystem: FileSystem, path: string): Promise<FileLock> {
  const result = await fileSystem.lock(`${path}/lock`).catch((error: unknown) => {
    throw toStorageError(error, 'locking', path);
  });
  if (result.kind === 'acquired') return result.lock;
  throw new StorageError(
    'locked',
    `the data directory ${path} is in use by ${result.by}: stop that one first, or choose another directory for this member`,
    { file: `${path}/lock` },
  );
}

const LOCK_NAMES: ReadonlySet<string> = new Set(['lock', 'lock.pid']);

/** Rejects with `not-empty` if there is a file other than those of the lock. */
async function checkVacant(
  fileSystem: FileSystem,
  path: string,
  directories: readonly string[],
): Promise<void> {
  const known = new Set(directories.map((directory) => directory.slice(path.length + 1)));
  const names = (await listIfPresent(fileSystem, path)).filter(
    (name) => !LOCK_NAMES.has(name) && !known.has(name),
  );
  for (const directory of directories) names.push(...(await listIfPresent(fileSystem, directory)));
  const [first] = names;
  if (first === undefined) return;
  throw new StorageError(
    'not-empty',
    `the directory ${path} is not empty: there is ${first} in it; choose another one, or move away what is in it`,
    { file: path },
  );
}

async function listIfPresent(fileSystem: FileSystem, directory: string): Promise<readonly string[]> {
  try {
    return await fileSystem.list(directory);
  } catch (error) {
    if (diskErrorCode(error) === 'ENOENT') return [];
    throw toStorageError(error, 'listing', directory);
  }
}

/** As far as possible: what counts is the reason why they are removed. */
async function removeFiles(fileSystem: FileSystem, directory: string): Promise<void> {
  try {
    for (const name of await fileSystem.list(directory)) await fileSystem.remove(`${directory}/${name}`);
  } catch {
    // Whoever tries again is told what is left.
  }
}

/** Makes a new directory's parts, the identity last. A crash before that leaves what the next start completes. */
async function initialise(options: DataDirectoryOptions & { readonly identity: Identity }): Promise<void> {
  const { fileSystem, path, identity, random, segmentMaxBytes } = options;
  await createDirectories(fileSystem, logDirectory(path));
  await createDirectories(fileSystem, stateDirectory(path));
  await syncWithParents(fileSystem, path);
  const log = await WriteAheadLog.open({
    fileSystem,
    directory: logDirectory(path),
    random,
    ...(segmentMaxBytes === undefined ? {} : { segmentMaxBytes }),
  });
  await log.close();
  if (log.recovered.lastIndex !== 0 || log.recovered.hardState.term !== 0) {
    throw damaged(identityPath(path), null, 'the file is missing, though the log has entries');
  }
  await writeIdentity(fileSystem, path, identity);
}

function checkIdentity(found: Identity, expected: Identity, path: string): void {
  const owner = `member ${found.memberId.toString(16)} ("${found.name}") of cluster ${found.clusterId.toString(16)}`;
  const wanted = `member ${expected.memberId.toString(16)} ("${expected.name}") of cluster ${expected.clusterId.toString(16)}`;
  const advice = 'choose another data directory, or correct the configuration of this member';
  if (found.clusterId !== expected.clusterId) {
    throw new StorageError(
      'wrong-cluster',
      `the data directory ${path} belongs to ${owner}, and this is ${wanted}: ${advice}`,
      { file: identityPath(path) },
    );
  }
  if (found.memberId !== expected.memberId) {
    throw new StorageError(
      'wrong-member',
      `the data directory ${path} belongs to ${owner}, and this is ${wanted}: ${advice}`,
      { file: identityPath(path) },
    );
  }
}

async function checkLogExists(fileSystem: FileSystem, path: string): Promise<void> {
  const directory = logDirectory(path);
  const names = await fileSystem.list(directory).catch((error: unknown) => {
    if (diskErrorCode(error) === 'ENOENT') throw damaged(directory, null, 'the log is missing');
    throw toStorageError(error, 'listing', directory);
  });
  if (names.some((name) => parseSegmentName(name) !== null)) return;
  throw damaged(directory, null, 'the log is missing: there is no segment in the directory');
}
