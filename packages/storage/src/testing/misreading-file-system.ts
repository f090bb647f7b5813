import type { File } from '../file-system.ts';
import type { MemoryDisk } from './memory-disk.ts';
import { MemoryFileSystem } from './memory-file-system.ts';

/** What a read at a position returns instead of what is there, which is in `target`. */
export type Misreading = (file: File, target: Uint8Array, position: number) => Promise<unknown>;

/** Zeros instead of what is behind an offset. */
export function zerosFrom(offset: number): Misreading {
  return async (_file, target, position) => target.fill(0, Math.max(offset - position, 0));
}

/** What is so many bytes away. */
export function shiftedBy(distance: number): Misreading {
  return (file, target, position) => file.read(target, Math.max(position + distance, 0));
}

/** One read, by its number from now on, returns something else. */
export class MisreadingFileSystem extends MemoryFileSystem {
  #misread = 0;
  #misreading: Misreading;

  constructor(disk: MemoryDisk, misread: number, misreading: Misreading) {
    super(disk);
    this.#misreading = misreading;
    this.misread(misread, misreading);
  }

  /** The read with this number, from 1, goes wrong. */
  misread(number: number, misreading: Misreading): void {
    this.#misread = number;
    this.#misreading = misreading;
  }

  get hasMisread(): boolean {
    return this.#misread <= 0;
  }

  override async open(path: string, mode: 'read' | 'write' | 'create'): Promise<File> {
    const file = await super.open(path, mode);
    return {
      size: () => file.size(),
      read: async (target, position) => {
        const count = await file.read(target, position);
        this.#misread -= 1;
        if (this.#misread === 0) await this.#misreading(file, target, position);
        return count;
      },
      write: (source, position) => file.write(source, position),
      sync: () => file.sync(),
      close: () => file.close(),
    };
  }
}
