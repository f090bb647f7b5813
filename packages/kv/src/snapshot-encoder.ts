import type { Fact, PositionedRecord } from './engine/engine.ts';

/** The version of a snapshot's content (DESIGN.md, "Snapshots"). */
export const snapshotContentVersion = 1;

/** What a chunk holds, as its first byte says. */
export const chunkKinds = { start: 1, facts: 2, records: 3, end: 4 } as const;

/** The fixed part of a fact: lengths of its name (16 bits) and its content (32 bits). */
export const factPrefixBytes = 6;
/** The fixed part of a record: its position (64 bits), lengths of its header and its value (32 bits each). */
export const recordPrefixBytes = 16;

/** So many bytes make a chunk, unless a single fact or record is larger. */
const chunkTargetBytes = 64 * 1024;

/**
 * A store's content as chunks: a start, the facts, the records in the order of their positions, an end. The
 * same content makes the same chunks. Each step of the iteration makes one.
 */
export function* encodeSnapshot(
  facts: Iterable<Fact>,
  records: Iterable<PositionedRecord>,
): Iterable<Uint8Array> {
  const counts = { facts: 0, records: 0 };
  yield startChunk();
  yield* factChunks(facts, counts);
  yield* recordChunks(records, counts);
  yield endChunk(counts);
}

/** How many facts and records were encoded: the end says so. */
export type EncodedCounts = { facts: number; records: number };

export function* factChunks(facts: Iterable<Fact>, counts: EncodedCounts): Iterable<Uint8Array> {
  const chunk = new ChunkWriter();
  chunk.begin(chunkKinds.facts);
  for (const { name, content } of facts) {
    const nameBytes = new TextEncoder().encode(name);
    const at = chunk.reserve(factPrefixBytes, nameBytes, content);
    chunk.view.setUint16(at, nameBytes.length, true);
    chunk.view.setUint32(at + 2, content.length, true);
    counts.facts += 1;
    if (chunk.isFull) {
      yield chunk.take();
      chunk.begin(chunkKinds.facts);
    }
  }
  if (!chunk.isEmpty) yield chunk.take();
}

export function* recordChunks(
  records: Iterable<PositionedRecord>,
  counts: EncodedCounts,
): Iterable<Uint8Array> {
  const chunk = new ChunkWriter();
  chunk.begin(chunkKinds.records);
  for (const { position, header, value } of records) {
    const at = chunk.reserve(recordPrefixBytes, header, value);
    writeNumber(chunk.view, at, position);
    chunk.view.setUint32(at + 8, header.length, true);
    chunk.view.setUint32(at + 12, value.length, true);
    counts.records += 1;
    if (chunk.isFull) {
      yield chunk.take();
      chunk.begin(chunkKinds.records);
    }
  }
  if (!chunk.isEmpty) yield chunk.take();
}

export function startChunk(): Uint8Array {
  const bytes = new Uint8Array(5);
  bytes[0] = chunkKinds.start;
  new DataView(bytes.buffer).setUint32(1, snapshotContentVersion, true);
  return bytes;
}

export function endChunk({ facts, records }: EncodedCounts): Uint8Array {
  const bytes = new Uint8Array(17);
  const view = new DataView(bytes.buffer);
  bytes[0] = chunkKinds.end;
  writeNumber(view, 1, facts);
  writeNumber(view, 9, records);
  return bytes;
}

/** A safe integer in 64 bits, little-endian. */
function writeNumber(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

class ChunkWriter {
  view: DataView;
  private bytes: Uint8Array;
  private length = 0;

  constructor() {
    this.bytes = new Uint8Array(chunkTargetBytes + 4096);
    this.view = new DataView(this.bytes.buffer);
  }

  get isFull(): boolean {
    return this.length >= chunkTargetBytes;
  }

  get isEmpty(): boolean {
    return this.length <= 1;
  }

  begin(kind: number): void {
    this.bytes[0] = kind;
    this.length = 1;
  }

  /** Makes room for a prefix, puts both parts behind it, and returns where the prefix goes. */
  reserve(prefixBytes: number, first: Uint8Array, second: Uint8Array): number {
    const at = this.length;
    const end = at + prefixBytes + first.length + second.length;
    if (end > this.bytes.length) this.grow(end);
    this.bytes.set(first, at + prefixBytes);
    this.bytes.set(second, at + prefixBytes + first.length);
    this.length = end;
    return at;
  }

  /** The chunk so far, with memory of its own. */
  take(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  private grow(size: number): void {
    const bytes = new Uint8Array(size);
    bytes.set(this.bytes.subarray(0, this.length));
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }
}
