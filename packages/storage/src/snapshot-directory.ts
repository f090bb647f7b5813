import type { FileSystem } from './file-system.ts';
import { IncomingSnapshot, type SnapshotOffer } from './incoming-snapshot.ts';
import { removeIfPresent } from './segment.ts';
import { SnapshotFile } from './snapshot-file.ts';
import type { SnapshotHeader } from './snapshot-format.ts';
import { SnapshotWriter } from './snapshot-writer.ts';
import { toStorageError } from './storage-error.ts';

/** Which snapshot a file holds: that of the state machine after this entry. */
export type SnapshotName = { readonly index: number; readonly term: number };

/**
 * The snapshot files of one member:
 *
 *     <index>-<term>.snapshot           complete
 *     <index>-<term>.tmp                while this member writes one; worthless after a restart
 *     <index>-<term>.damaged            was complete once; kept for people, never read
 *     <index>-<term>-<digest>.incoming  while one comes from another member; goes on after a restart
 *
 * At most one is written, and one received, at a time.
 */
export class SnapshotDirectory {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;

  /**
   * Opens the directory, creating it if its parent lacks it, and removes what a crash has left unfinished.
   * Rejects with a StorageError.
   */
  static async open(fileSystem: FileSystem, directory: string): Promise<SnapshotDirectory> {
    try {
      const isNew = await fileSystem.makeDirectory(directory);
      if (isNew) await fileSystem.syncDirectory(parentOf(directory));
      for (const name of await fileSystem.list(directory)) {
        if (name.endsWith(TEMPORARY)) await removeIfPresent(fileSystem, `${directory}/${name}`);
      }
      // A complete file whose name the crash may have left in the cache only.
      await fileSystem.syncDirectory(directory);
    } catch (error) {
      throw toStorageError(error, 'opening', directory);
    }
    return new SnapshotDirectory(fileSystem, directory);
  }

  private constructor(fileSystem: FileSystem, directory: string) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
  }

  /** The complete snapshots, oldest first. */
  async list(): Promise<readonly SnapshotName[]> {
    const names = (await this.#names()).map((name) => parseName(name)).filter((name) => name !== null);
    return names.toSorted((a, b) => a.index - b.index || a.term - b.term);
  }

  /** Opens a snapshot that was listed. See `SnapshotFile.open`. */
  openFile(name: SnapshotName): Promise<SnapshotFile> {
    return SnapshotFile.open(this.#fileSystem, this.#path(`${stem(name)}${COMPLETE}`));
  }

  /** Opens the newest snapshot, or resolves to null if there is none. */
  async openLatest(): Promise<SnapshotFile | null> {
    const latest = (await this.list()).at(-1);
    return latest === undefined ? null : this.openFile(latest);
  }

  /** As `setAside`, of the newest snapshot; null if there is none. */
  async setAsideLatest(): Promise<string | null> {
    const latest = (await this.list()).at(-1);
    return latest === undefined ? null : this.setAside(latest);
  }

  /** Gives a snapshot another name, under which it is never taken for one again, and resolves with its path. */
  async setAside(name: SnapshotName): Promise<string> {
    const from = this.#path(`${stem(name)}${COMPLETE}`);
    const names = new Set(await this.#names());
    let aside = `${stem(name)}${DAMAGED}`;
    for (let count = 2; names.has(aside); count += 1) aside = `${stem(name)}${DAMAGED}-${count}`;
    try {
      await this.#fileSystem.rename(from, this.#path(aside));
      await this.#fileSystem.syncDirectory(this.#directory);
    } catch (error) {
      throw toStorageError(error, 'setting aside', from);
    }
    return this.#path(aside);
  }

  /** Begins to write a snapshot. It replaces one of the same entry when it is finished. */
  create(header: SnapshotHeader): Promise<SnapshotWriter> {
    const name = stem(header.description);
    const names = { temporary: `${name}${TEMPORARY}`, final: `${name}${COMPLETE}` };
    return SnapshotWriter.open(this.#fileSystem, this.#directory, names, header);
  }

  /** Begins to receive a snapshot, or goes on with what is here of that very file. Others that are partly here go. */
  async receive(offer: SnapshotOffer): Promise<IncomingSnapshot> {
    const name = stem(offer);
    const temporary = `${name}-${offer.digest}${INCOMING}`;
    await this.#remove((other) => other.endsWith(INCOMING) && other !== temporary);
    const names = { temporary, final: `${name}${COMPLETE}` };
    return IncomingSnapshot.open(this.#fileSystem, this.#directory, names, offer);
  }

  /** Removes the complete snapshots of entries before `index`, and what is partly here of such. */
  async removeBefore(index: number): Promise<void> {
    await this.#remove((name) => {
      const found = parseStem(name);
      return found !== null && found.index < index && (name.endsWith(COMPLETE) || name.endsWith(INCOMING));
    });
  }

  async #remove(isUnwanted: (name: string) => boolean): Promise<void> {
    const unwanted = (await this.#names()).filter(isUnwanted);
    if (unwanted.length === 0) return;
    try {
      for (const name of unwanted) await removeIfPresent(this.#fileSystem, this.#path(name));
      await this.#fileSystem.syncDirectory(this.#directory);
    } catch (error) {
      throw toStorageError(error, 'removing snapshots from', this.#directory);
    }
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await this.#fileSystem.list(this.#directory);
    } catch (error) {
      throw toStorageError(error, 'listing', this.#directory);
    }
  }

  #path(name: string): string {
    return `${this.#directory}/${name}`;
  }
}

const COMPLETE = '.snapshot';
const TEMPORARY = '.tmp';
const INCOMING = '.incoming';
const DAMAGED = '.damaged';

function stem({ index, term }: SnapshotName): string {
  return `${String(index).padStart(16, '0')}-${String(term).padStart(16, '0')}`;
}

function parseName(name: string): SnapshotName | null {
  return name.endsWith(COMPLETE) ? parseStem(name) : null;
}

function parseStem(name: string): SnapshotName | null {
  const match = /^(\d{16})-(\d{16})[-.]/.exec(name);
  return match === null ? null : { index: Number(match[1]), term: Number(match[2]) };
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '.' : path.slice(0, Math.max(slash, 1));
}
