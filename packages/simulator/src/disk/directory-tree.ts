import type { RandomStream } from '../kernel/random-stream.ts';
import { DiskError } from './disk-error.ts';
import { Inode } from './inode.ts';

/** A change of names that no `syncDirectory` has made durable yet. */
type NameChange = { readonly sequence: number } & (
  | { readonly kind: 'create'; readonly name: string; readonly inode: Inode }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string; readonly inode: Inode }
);

class Directory {
  names = new Map<string, Inode>();
  durableNames = new Map<string, Inode>();
  unsynced: NameChange[] = [];
}

/** The names on a disk: what the kernel shows, and what a power loss would leave. Renames stay within a directory. */
export class DirectoryTree {
  private directories = new Map<string, Directory>([['', new Directory()]]);
  private changeCount = 0;
  /** Directories whose own name is durable. */
  private durable = new Set<string>(['']);

  /** All files, in a fixed order, with their paths. */
  *files(): Iterable<{ readonly path: string; readonly inode: Inode }> {
    for (const [directory, { names }] of this.directories) {
      for (const [name, inode] of names) {
        yield { path: `${directory}/${name}`, inode };
      }
    }
  }

  find(path: string): Inode | null {
    const { directory, name } = this.locate(path);
    return directory.names.get(name) ?? null;
  }

  create(path: string): Inode {
    const { directory, name } = this.locate(path);
    if (directory.names.has(name) || this.directories.has(normalize(path))) {
      throw new DiskError('EEXIST', path);
    }
    const inode = new Inode();
    directory.names.set(name, inode);
    directory.unsynced.push({ sequence: this.nextChange(), kind: 'create', name, inode });
    return inode;
  }

  remove(path: string): void {
    const { directory, name } = this.locate(path);
    if (!directory.names.delete(name)) {
      throw new DiskError('ENOENT', path);
    }
    directory.unsynced.push({ sequence: this.nextChange(), kind: 'remove', name });
  }

  rename(from: string, to: string): void {
    const source = this.locate(from);
    const target = this.locate(to);
    const inode = source.directory.names.get(source.name);
    if (inode === undefined) {
      throw new DiskError('ENOENT', from);
    }
    if (source.directory !== target.directory) {
      throw new DiskError('EXDEV', to);
    }
    source.directory.names.delete(source.name);
    source.directory.names.set(target.name, inode);
    const sequence = this.nextChange();
    source.directory.unsynced.push({ sequence, kind: 'rename', from: source.name, to: target.name, inode });
  }

  /** The names of files and directories in a directory. */
  list(path: string): string[] {
    const prefix = `${normalize(path)}/`;
    const names = [...this.directory(path).names.keys()];
    for (const candidate of this.directories.keys()) {
      if (candidate.startsWith(prefix) && !candidate.slice(prefix.length).includes('/')) {
        names.push(candidate.slice(prefix.length));
      }
    }
    return names;
  }

  makeDirectory(path: string): boolean {
    const name = normalize(path);
    if (this.directories.has(name)) {
      return false;
    }
    this.directory(parentOf(name));
    this.directories.set(name, new Directory());
    return true;
  }

  /** The number of the newest change of a name: what a sync that begins now will cover. */
  get lastChange(): number {
    return this.changeCount;
  }

  /** The changes of names in this directory up to number `through` are durable now. */
  sync(path: string, through: number): void {
    const name = normalize(path);
    const directory = this.directory(path);
    for (const change of directory.unsynced) {
      if (change.sequence <= through) {
        apply(change, directory.durableNames);
      }
    }
    directory.unsynced = directory.unsynced.filter((change) => change.sequence > through);
    for (const candidate of this.directories.keys()) {
      if (candidate !== '' && parentOf(candidate) === name) {
        this.durable.add(candidate);
      }
    }
  }

  /** The power fails: each change of names that was not synced survives with probability `survival`. Returns how many are lost. */
  losePower(survival: number, random: RandomStream): number {
    let lost = 0;
    for (const [path, directory] of this.directories) {
      for (const change of directory.unsynced) {
        if (random.chance(survival)) {
          apply(change, directory.durableNames);
        } else {
          lost += 1;
        }
      }
      directory.unsynced = [];
      directory.names = new Map(directory.durableNames);
      if (!this.durable.has(path) && !random.chance(survival)) {
        lost += 1;
        this.forget(path);
      } else {
        this.durable.add(path);
      }
    }
    return lost;
  }

  private nextChange(): number {
    this.changeCount += 1;
    return this.changeCount;
  }

  private forget(path: string): void {
    for (const candidate of [...this.directories.keys()]) {
      if (candidate === path || candidate.startsWith(`${path}/`)) {
        this.directories.delete(candidate);
        this.durable.delete(candidate);
      }
    }
  }

  private locate(path: string): { directory: Directory; name: string } {
    const normal = normalize(path);
    return { directory: this.directory(parentOf(normal)), name: normal.slice(normal.lastIndexOf('/') + 1) };
  }

  private directory(path: string): Directory {
    const directory = this.directories.get(normalize(path));
    if (directory === undefined) {
      throw new DiskError('ENOENT', path);
    }
    return directory;
  }
}

function apply(change: NameChange, names: Map<string, Inode>): void {
  switch (change.kind) {
    case 'create':
      names.set(change.name, change.inode);
      return;
    case 'remove':
      names.delete(change.name);
      return;
    case 'rename':
      names.delete(change.from);
      names.set(change.to, change.inode);
      return;
  }
}

/** The root is the empty string; no path ends in a slash. */
function normalize(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return parts.map((part) => `/${part}`).join('');
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
