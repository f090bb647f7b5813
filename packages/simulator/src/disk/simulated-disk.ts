import type { RandomStream } from '../kernel/random-stream.ts';
import type { Life } from '../host/life.ts';
import { DirectoryTree } from './directory-tree.ts';
import type { Inode } from './inode.ts';

/** How fast a disk is. Delays are exponentially distributed around these means. */
export type DiskSpeed = { readonly accessMeanUs: number; readonly syncMeanUs: number };

/** What is wrong with a disk at the moment. Whoever injects the faults sets these. */
export type DiskTrouble = {
  /** Operations that end before this time end then. */
  stalledUntilUs: number;
  /** Files can neither be created nor grow. */
  full: boolean;
  /** How many of the next syncs fail. */
  failingSyncs: number;
  /** How many of the next writes fail. */
  failingWrites: number;
  /** How many of the next reads return the bytes of another place. */
  misdirectsNextRead: boolean;
};

/** What a power loss took. */
export type PowerLoss = { readonly bytes: number; readonly names: number };

/**
 * One host's disk with its page cache. It outlives the processes that use it.
 *
 * A process that dies leaves the page cache as it is; each of its writes that was under way is done, undone
 * or half done. A power loss takes what was not synced, see `Inode` and `DirectoryTree`.
 */
export class SimulatedDisk {
  readonly tree = new DirectoryTree();
  readonly speed: DiskSpeed;
  readonly random: RandomStream;
  readonly trouble: DiskTrouble = {
    stalledUntilUs: 0,
    full: false,
    failingSyncs: 0,
    failingWrites: 0,
    misdirectsNextRead: false,
  };
  private readonly locks = new Map<string, Life>();
  private readonly writesUnderWay = new Set<{
    readonly inode: Inode;
    source: Uint8Array;
    position: number;
  }>();

  constructor(speed: DiskSpeed, random: RandomStream) {
    this.speed = speed;
    this.random = random;
  }

  /** Remembers a write until it is complete, so that a crash can do it by half. The result forgets it. */
  beginWrite(inode: Inode, source: Uint8Array, position: number): () => void {
    const write = { inode, source, position };
    this.writesUnderWay.add(write);
    return () => this.writesUnderWay.delete(write);
  }

  /** The process that used this disk is gone: its locks too, and what it was writing is done in part. */
  processDied(): void {
    this.locks.clear();
    for (const { inode, source, position } of this.writesUnderWay) {
      const portion = this.random.pick([0, 1, this.random.fraction()]);
      const length = Math.floor(source.length * portion);
      if (length > 0 && !this.trouble.full) {
        inode.write(source.subarray(0, length), position);
      }
    }
    this.writesUnderWay.clear();
  }

  /** The host loses power, after `processDied`. What was not synced survives with a probability that is drawn once. */
  losePower(): PowerLoss {
    const survival = this.random.pick([0, 0.5, 0.9, 1]);
    let bytes = 0;
    for (const { inode } of this.tree.files()) {
      bytes += inode.losePower(survival, this.random);
    }
    return { bytes, names: this.tree.losePower(survival, this.random) };
  }

  /** Flips a bit of durable data. Returns the file and the position, or null if there is nothing to damage. */
  flipBit(inSnapshot = false): string | null {
    const isMeant = (path: string): boolean => !inSnapshot || path.endsWith('.snapshot');
    const files = [...this.tree.files()].filter(({ path, inode }) => inode.size > 0 && isMeant(path));
    for (const { path, inode } of this.random.shuffled(files)) {
      // A snapshot is complete when it has its name: no part of it may be taken for a torn write.
      const position = inode.flipBit(this.random, inSnapshot);
      if (position !== null) {
        return `${path} at ${position}`;
      }
    }
    return null;
  }

  /** Takes the lock if nobody has it. */
  lock(path: string, owner: Life): boolean {
    const holder = this.locks.get(path);
    if (holder !== undefined && holder.alive) {
      return false;
    }
    this.locks.set(path, owner);
    return true;
  }

  unlock(path: string, owner: Life): void {
    if (this.locks.get(path) === owner) {
      this.locks.delete(path);
    }
  }
}
