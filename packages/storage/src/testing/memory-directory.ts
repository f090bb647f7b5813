import { MemoryInode, type Random } from './memory-inode.ts';

export type MemoryNode = MemoryInode | MemoryDirectory;

/** One change of names that a sync of the directory would make durable. */
type NameChange =
  | { readonly kind: 'link'; readonly name: string; readonly node: MemoryNode }
  | { readonly kind: 'unlink'; readonly name: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string; readonly node: MemoryNode };

/** The names in a simulated directory, as processes see them and as they are on the disk. */
export class MemoryDirectory {
  readonly #names = new Map<string, MemoryNode>();
  readonly #namesOnDisk = new Map<string, MemoryNode>();
  #pending: NameChange[] = [];

  get names(): readonly string[] {
    return [...this.#names.keys()];
  }

  get(name: string): MemoryNode | null {
    return this.#names.get(name) ?? null;
  }

  change(change: NameChange): void {
    applyChange(this.#names, change);
    this.#pending.push(change);
  }

  sync(): void {
    for (const change of this.#pending) applyChange(this.#namesOnDisk, change);
    this.#pending = [];
  }

  /** Each change since the last sync is kept or lost for itself. */
  losePower(random: Random, tearBytes: number): void {
    for (const change of this.#pending) {
      if (random.integer(2) === 0) applyChange(this.#namesOnDisk, change);
    }
    this.#pending = [];
    this.#names.clear();
    for (const [name, node] of this.#namesOnDisk) {
      this.#names.set(name, node);
      node.losePower(random, tearBytes);
    }
  }

  /** The bytes of all files in this directory and below. */
  totalBytes(): number {
    let sum = 0;
    for (const node of this.#names.values()) {
      sum += node instanceof MemoryInode ? node.size : node.totalBytes();
    }
    return sum;
  }
}

function applyChange(names: Map<string, MemoryNode>, change: NameChange): void {
  switch (change.kind) {
    case 'link':
      names.set(change.name, change.node);
      return;
    case 'unlink':
      names.delete(change.name);
      return;
    case 'rename':
      names.delete(change.from);
      names.set(change.to, change.node);
      return;
    default:
      change satisfies never;
  }
}
