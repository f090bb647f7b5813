import type { RandomStream } from '../kernel/random-stream.ts';

/** The unit that a disk writes all or nothing. */
const SECTOR_BYTES = 512;

/** A completed write that no sync has made durable yet, with what it replaced. */
type UnsyncedWrite = {
  /** Writes to a file are numbered in the order of their completion. */
  readonly sequence: number;
  readonly position: number;
  readonly length: number;
  /** What was there before; shorter than `length` if the write extended the file. */
  readonly previous: Uint8Array;
  /** A sync failed: the page cache has forgotten that this is not on disk, and no later sync will write it. */
  readonly doomed: boolean;
};

/**
 * The content of one file, as the page cache shows it and as the disk holds it.
 *
 * Only the former is kept, together with what an unsynced write replaced: a power loss puts that back,
 * sector by sector, for the writes that it takes away.
 */
export class Inode {
  private bytes = new Uint8Array(0);
  private length = 0;
  private durableLength = 0;
  private writeCount = 0;
  private unsynced: UnsyncedWrite[] = [];
  /** Where the newest synced write ended: bit flips keep off it, see `flipBit`. */
  private lastSynced: { readonly position: number; readonly length: number } | null = null;

  get size(): number {
    return this.length;
  }

  /** The number of the newest write: what a sync that begins now will cover. */
  get lastWrite(): number {
    return this.writeCount;
  }

  read(target: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(target.length, this.length - position));
    target.set(this.bytes.subarray(position, position + count));
    return count;
  }

  write(source: Uint8Array, position: number): void {
    const end = position + source.length;
    this.reserve(end);
    const previous = this.bytes.slice(position, Math.max(position, Math.min(end, this.length)));
    this.bytes.set(source, position);
    this.length = Math.max(this.length, end);
    this.writeCount += 1;
    const sequence = this.writeCount;
    this.unsynced.push({ sequence, position, length: source.length, previous, doomed: false });
  }

  /** Writes up to number `through` are durable now. */
  sync(through: number): void {
    const written = new Set<number>();
    for (const write of this.unsynced) {
      if (write.sequence <= through && !write.doomed) {
        this.durableLength = Math.max(this.durableLength, write.position + write.length);
        this.lastSynced = write;
        for (const { start } of piecesOf(write)) {
          written.add(sectorOf(start));
        }
      }
    }
    // A sector that was written again after a failed sync reached the disk with all that it holds.
    this.unsynced = this.unsynced.filter((write) =>
      write.doomed ? !written.has(sectorOf(write.position)) : write.sequence > through,
    );
  }

  /** A sync of the writes up to number `through` failed: each sector may have reached the disk, or never will. */
  failSync(through: number, random: RandomStream): void {
    this.unsynced = this.unsynced.flatMap((write) =>
      write.sequence > through || write.doomed
        ? [write]
        : piecesOf(write).map(({ start, stop }) => ({
            sequence: write.sequence,
            position: start,
            length: stop - start,
            previous: write.previous.slice(start - write.position, stop - write.position),
            doomed: random.chance(0.5),
          })),
    );
  }

  /**
   * The power fails. Every sector of an unsynced write survives with probability `survival`; a sector that
   * survives holds all earlier writes to it as well. Returns the unsynced bytes that are lost.
   */
  losePower(survival: number, random: RandomStream): number {
    const settledSectors = new Set<number>();
    let lengthAfter = this.durableLength;
    let lostBytes = 0;
    for (const write of this.unsynced.toReversed()) {
      for (const { start, stop } of piecesOf(write)) {
        const sector = sectorOf(start);
        if (settledSectors.has(sector)) {
          continue;
        }
        if (!write.doomed && random.chance(survival)) {
          settledSectors.add(sector);
          lengthAfter = Math.max(lengthAfter, stop);
        } else {
          this.restore(write, start, stop);
          lostBytes += stop - start;
        }
      }
    }
    this.bytes.fill(0, lengthAfter, this.length);
    this.length = lengthAfter;
    this.durableLength = lengthAfter;
    this.unsynced = [];
    return lostBytes;
  }

  /**
   * Flips one bit of durable data. Never in or behind the newest synced write: a log cannot tell damage to its
   * last record from a write that a crash tore. Returns the position, or null if there is nothing to damage.
   */
  flipBit(random: RandomStream, isComplete = false): number | null {
    const bound = isComplete
      ? this.durableLength
      : Math.min(this.durableLength, this.lastSynced?.position ?? 0);
    if (bound === 0 || this.unsynced.length > 0) {
      return null;
    }
    const position = random.integer(bound);
    const value = this.bytes[position];
    if (value === undefined) {
      return null;
    }
    this.bytes[position] = value ^ (1 << random.integer(8));
    return position;
  }

  private restore(write: UnsyncedWrite, start: number, stop: number): void {
    const replaced = write.previous.subarray(start - write.position, stop - write.position);
    this.bytes.fill(0, start, stop);
    this.bytes.set(replaced, start);
  }

  private reserve(size: number): void {
    if (size > this.bytes.length) {
      const larger = new Uint8Array(Math.max(size, this.bytes.length * 2, 4096));
      larger.set(this.bytes);
      this.bytes = larger;
    }
  }
}

function sectorOf(position: number): number {
  return Math.floor(position / SECTOR_BYTES);
}

/** A write cut at the borders of sectors. */
function piecesOf(write: UnsyncedWrite): { readonly start: number; readonly stop: number }[] {
  const pieces: { start: number; stop: number }[] = [];
  const end = write.position + write.length;
  for (let start = write.position; start < end; ) {
    const stop = Math.min(end, (sectorOf(start) + 1) * SECTOR_BYTES);
    pieces.push({ start, stop });
    start = stop;
  }
  return pieces;
}
