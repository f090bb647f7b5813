import assert from 'node:assert/strict';
import type { PositionedRecord, StoredRecord } from './engine.ts';

/** What a chunk takes, unless a single record is larger. What is changed at once is bounded by it. */
const chunkMaxBytes = 64 * 1024;
const chunkMinBytes = 4096;
const chunkMaxRecords = 1024;
/** How many numbers of the table describe a record: position from the first one on, start, lengths of header and value. */
const width = 4;
const positionsMax = 2 ** 32;
/** The header length of a record that was removed. */
const removed = 0xffff_ffff;

/**
 * Records of neighbouring positions in one piece of memory, in the order of their positions.
 *
 * There is no object for a record, and hardly a pointer: a million records are a few thousand objects to the garbage
 * collector, which stops everything else for as long as it takes to go through what it has to.
 */
export class MemoryChunk {
  /** See `MemoryEngine`. */
  readonly generation: number;
  readonly firstPosition: number;
  /** What has been written in it is never changed: readers may keep it. */
  private bytes: Uint8Array;
  private table: Uint32Array;
  /** Records in the table, removed ones included. */
  private count = 0;
  private usedBytes = 0;
  private live = { records: 0, bytes: 0 };

  static startingAt(firstPosition: number, generation: number): MemoryChunk {
    return new MemoryChunk(firstPosition, generation, new Uint8Array(0), new Uint32Array(width));
  }

  private constructor(firstPosition: number, generation: number, bytes: Uint8Array, table: Uint32Array) {
    this.firstPosition = firstPosition;
    this.generation = generation;
    this.bytes = bytes;
    this.table = table;
  }

  get isEmpty(): boolean {
    return this.live.records === 0;
  }

  get totalBytes(): number {
    return this.bytes.length;
  }

  get liveBytes(): number {
    return this.live.bytes;
  }

  /** The same records, to be changed without this one noticing. */
  copy(generation: number): MemoryChunk {
    const copy = new MemoryChunk(this.firstPosition, generation, this.bytes, this.table.slice());
    copy.count = this.count;
    copy.usedBytes = this.usedBytes;
    copy.live = { ...this.live };
    return copy;
  }

  hasRoomFor({ position, header, value }: PositionedRecord): boolean {
    const isFull =
      this.count === chunkMaxRecords || this.usedBytes + header.length + value.length > chunkMaxBytes;
    return this.count === 0 || (!isFull && position - this.firstPosition < positionsMax);
  }

  /** Adds a record behind all others. */
  add({ position, header, value }: PositionedRecord): void {
    assert(header.length < removed && value.length < removed, 'a record is not that large');
    const length = header.length + value.length;
    this.makeRoom(length);
    this.bytes.set(header, this.usedBytes);
    this.bytes.set(value, this.usedBytes + header.length);
    this.enter(position - this.firstPosition, this.usedBytes, header.length, value.length);
    this.usedBytes += length;
  }

  /** Removes a record, if it is there. Its bytes go when half of all are of removed ones, and their readers are done. */
  remove(position: number): void {
    const at = this.find(position);
    if (at === null) return;
    this.live.records -= 1;
    this.live.bytes -= this.lengthAt(at);
    this.table[at + 2] = removed;
    if (this.live.bytes * 2 <= this.bytes.length) this.rewrite();
  }

  has(position: number): boolean {
    return this.find(position) !== null;
  }

  read(position: number): StoredRecord | null {
    const at = this.find(position);
    return at === null ? null : this.recordAt(at);
  }

  /** Those at or after a position, in order. */
  *recordsFrom(position: number): Iterable<PositionedRecord> {
    for (let at = this.firstNotBefore(position); at < this.count * width; at += width) {
      if (this.table[at + 2] === removed) continue;
      yield { position: this.firstPosition + (this.table[at] as number), ...this.recordAt(at) };
    }
  }

  private recordAt(at: number): StoredRecord {
    const start = this.table[at + 1] as number;
    const middle = start + (this.table[at + 2] as number);
    const end = middle + (this.table[at + 3] as number);
    return { header: this.bytes.subarray(start, middle), value: this.bytes.subarray(middle, end) };
  }

  private lengthAt(at: number): number {
    return (this.table[at + 2] as number) + (this.table[at + 3] as number);
  }

  /** Where the table has a record that is there; null if it has none. */
  private find(position: number): number | null {
    const at = this.firstNotBefore(position);
    const isThere = at < this.count * width && this.table[at] === position - this.firstPosition;
    return isThere && this.table[at + 2] !== removed ? at : null;
  }

  private firstNotBefore(position: number): number {
    const offset = position - this.firstPosition;
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.table[middle * width] as number) < offset) low = middle + 1;
      else high = middle;
    }
    return low * width;
  }

  private makeRoom(length: number): void {
    const neededBytes = this.usedBytes + length;
    if (neededBytes > this.bytes.length) {
      const grownBytes = Math.min(chunkMaxBytes, Math.max(chunkMinBytes, this.bytes.length * 2));
      const bytes = new Uint8Array(Math.max(neededBytes, grownBytes));
      bytes.set(this.bytes.subarray(0, this.usedBytes));
      this.bytes = bytes;
    }
    if (this.count * width === this.table.length) {
      const table = new Uint32Array(this.table.length * 2);
      table.set(this.table);
      this.table = table;
    }
  }

  private enter(offset: number, start: number, headerLength: number, valueLength: number): void {
    this.table.set([offset, start, headerLength, valueLength], this.count * width);
    this.count += 1;
    this.live.records += 1;
    this.live.bytes += headerLength + valueLength;
  }

  /** Moves what is left into memory that has room for just that. */
  private rewrite(): void {
    const { table, bytes, count } = this;
    this.bytes = new Uint8Array(this.live.bytes);
    this.table = new Uint32Array(Math.max(1, this.live.records) * width);
    this.count = 0;
    this.usedBytes = 0;
    this.live = { records: 0, bytes: 0 };
    for (let at = 0; at < count * width; at += width) {
      const [offset = 0, start = 0, headerLength = 0, valueLength = 0] = table.subarray(at, at + width);
      if (headerLength === removed) continue;
      const length = headerLength + valueLength;
      this.bytes.set(bytes.subarray(start, start + length), this.usedBytes);
      this.enter(offset, this.usedBytes, headerLength, valueLength);
      this.usedBytes += length;
    }
  }
}
