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

/** One read, by its number from now on, returns something else; the next one is right again. */
export class MisreadingFileSystem extends MemoryFileSystem {
  /** Whether it has come to that read. */
  hasMisread = false;
  #readsLeft: number;
  #misreading: Misreading;

  /** `misread` is the number of that read, from 1; 0 for none. */
  constructor(disk: MemoryDisk, misread: number, misreading: Misreading) {
    super(disk);
    this.#readsLeft = misread;
    this.#misreading = misreading;
  }

  /** The same for another read, counted from now on. */
  misread(number: number, misreading: Misreading): void {
    this.hasMisread = false;
    this.#readsLeft = number;
    this.#misreading = misreading;
  }

  override async open(path: string, mode: 'read' | 'write' | 'create'): Promise<File> {
    const file = await super.open(path, mode);
    return {
      size: () => file.size(),
      read: async (target, position) => {
        const count = await file.read(target, position);
        this.#readsLeft -= 1;
        if (this.#readsLeft === 0) {
          this.hasMisread = true;
          await this.#misreading(file, target, position);
        }
        return count;
      },
      write: (source, position) => file.write(source, position),
      sync: () => file.sync(),
      close: () => file.close(),
    };
  }
}
