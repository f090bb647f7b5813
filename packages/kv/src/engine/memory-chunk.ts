import type { PositionedRecord, StoredRecord } from './engine.ts';

/**
 * The bytes of some records in one piece of memory: a buffer for each of them would cost several times what is
 * in it, and the garbage collector's time as well.
 */
export class MemoryChunk {
  private bytes: Uint8Array;
  private recordList: readonly MemoryRecord[] = [];
  private liveBytes: number;

  static copyOf(records: readonly PositionedRecord[]): MemoryChunk {
    let length = 0;
    for (const { header, value } of records) {
      length += header.length + value.length;
    }
    const chunk = new MemoryChunk(new Uint8Array(length));
    let start = 0;
    chunk.recordList = records.map(({ position, header, value }) => {
      const record = new MemoryRecord(chunk, position, start, header.length, value.length);
      chunk.bytes.set(header, start);
      chunk.bytes.set(value, start + header.length);
      start += record.length;
      return record;
    });
    return chunk;
  }

  private constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.liveBytes = bytes.length;
  }

  get records(): readonly MemoryRecord[] {
    return this.recordList;
  }

  get totalBytes(): number {
    return this.bytes.length;
  }

  slice(start: number, length: number): Uint8Array {
    return this.bytes.subarray(start, start + length);
  }

  /**
   * Notes that a record was removed, and returns how many bytes of memory that frees. Readers of a removed
   * record may still be about: its bytes go when the chunk has shrunk by half and they are done.
   */
  release(record: MemoryRecord): number {
    this.liveBytes -= record.length;
    if (this.liveBytes * 2 > this.bytes.length) {
      return 0;
    }
    const before = this.bytes.length;
    const left = this.recordList.filter((one) => !one.isRemoved);
    const moved = new MemoryChunk(new Uint8Array(this.liveBytes));
    let start = 0;
    for (const one of left) {
      moved.bytes.set(this.slice(one.start, one.length), start);
      one.moveTo(moved, start);
      start += one.length;
    }
    moved.recordList = left;
    return before - moved.bytes.length;
  }
}

/** One record within a chunk. */
export class MemoryRecord {
  readonly position: number;
  private chunk: MemoryChunk;
  private offset: number;
  private readonly headerLength: number;
  private readonly valueLength: number;
  private removed = false;

  constructor(
    chunk: MemoryChunk,
    position: number,
    start: number,
    headerLength: number,
    valueLength: number,
  ) {
    this.chunk = chunk;
    this.position = position;
    this.offset = start;
    this.headerLength = headerLength;
    this.valueLength = valueLength;
  }

  get start(): number {
    return this.offset;
  }

  get length(): number {
    return this.headerLength + this.valueLength;
  }

  get isRemoved(): boolean {
    return this.removed;
  }

  read(): StoredRecord {
    return {
      header: this.chunk.slice(this.offset, this.headerLength),
      value: this.chunk.slice(this.offset + this.headerLength, this.valueLength),
    };
  }

  /** Returns how many bytes of memory that frees. */
  remove(): number {
    this.removed = true;
    return this.chunk.release(this);
  }

  /** The same bytes are now in another chunk. */
  moveTo(chunk: MemoryChunk, start: number): void {
    this.chunk = chunk;
    this.offset = start;
  }
}
