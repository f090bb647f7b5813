import assert from 'node:assert/strict';
import type { Engine, EngineBatch, EngineView, Fact, PositionedRecord, StoredRecord } from './engine.ts';
import { MemoryChunk } from './memory-chunk.ts';

/**
 * Keeps everything in the process's memory: for tests, simulations and clusters that only live as long.
 *
 * A view shares the chunks. Those of an earlier generation than the engine's may be seen by one, and are copied before
 * they are changed.
 */
export class MemoryEngine implements Engine {
  readonly isPersistent: boolean = false;
  readonly upkeep = 'done';
  /** In the order of their positions. Empty ones are left in it until there are many. */
  private chunks: MemoryChunk[] = [];
  private emptyChunks = 0;
  private generation = 0;
  private readonly factsByName = new Map<string, Uint8Array>();
  private totalBytes = 0;
  private inUseBytes = 0;

  commit(batch: EngineBatch): void {
    for (const record of batch.records) {
      this.append(record);
    }
    for (const position of batch.removedPositions) {
      this.remove(position);
    }
    for (const { name, content } of batch.facts) {
      this.factsByName.set(name, content.slice());
    }
    for (const name of batch.removedFacts) {
      this.factsByName.delete(name);
    }
  }

  read(position: number): StoredRecord | null {
    return this.chunks[this.indexOf(position)]?.read(position) ?? null;
  }

  readFrom(position: number, maxRecords: number): readonly PositionedRecord[] {
    const found: PositionedRecord[] = [];
    for (let index = Math.max(0, this.indexOf(position)); index < this.chunks.length; index++) {
      for (const record of this.chunks[index]?.recordsFrom(position) ?? []) {
        if (found.length === maxRecords) return found;
        found.push(record);
      }
    }
    return found;
  }

  openView(): EngineView {
    const facts = [...this.factsByName].map(([name, content]) => ({ name, content }));
    this.generation += 1;
    return new MemoryView(facts, this.chunks.slice());
  }

  async sync(): Promise<void> {
    // There is nothing that could be made durable.
  }

  size(): { totalBytes: number; inUseBytes: number } {
    return { totalBytes: this.totalBytes, inUseBytes: this.inUseBytes };
  }

  /** Removing has done it already. */
  shrink(): boolean {
    return false;
  }

  async close(): Promise<void> {
    // A later store may be opened on what this one holds, as on a file.
  }

  private append(record: PositionedRecord): void {
    while (this.chunks.at(-1)?.isEmpty === true) {
      this.chunks.pop();
      this.emptyChunks -= 1;
    }
    if (this.chunks.at(-1)?.hasRoomFor(record) !== true) {
      this.chunks.push(MemoryChunk.startingAt(record.position, this.generation));
    }
    this.change(this.chunks.length - 1, (chunk) => chunk.add(record));
  }

  private remove(position: number): void {
    const index = this.indexOf(position);
    if (this.chunks[index]?.has(position) !== true) return;
    this.change(index, (chunk) => chunk.remove(position));
    if (!this.chunks[index]?.isEmpty) return;
    this.emptyChunks += 1;
    if (this.emptyChunks * 2 > this.chunks.length) {
      this.chunks = this.chunks.filter((chunk) => !chunk.isEmpty);
      this.emptyChunks = 0;
    }
  }

  private change(index: number, work: (chunk: MemoryChunk) => void): void {
    const chunk = this.chunkToChange(index);
    const { totalBytes, liveBytes } = chunk;
    work(chunk);
    this.totalBytes += chunk.totalBytes - totalBytes;
    this.inUseBytes += chunk.liveBytes - liveBytes;
  }

  /** A chunk that no view sees. */
  private chunkToChange(index: number): MemoryChunk {
    const chunk = this.chunks[index];
    assert(chunk !== undefined, 'there is a chunk for what is changed');
    if (chunk.generation === this.generation) return chunk;
    const copy = chunk.copy(this.generation);
    this.chunks[index] = copy;
    return copy;
  }

  /** Of the chunk that has a position, if any has; -1 if all begin after it. */
  private indexOf(position: number): number {
    let low = 0;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.chunks[middle] as MemoryChunk).firstPosition <= position) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** The chunks that a view has do not change, so a list of them is a consistent state. */
class MemoryView implements EngineView {
  private readonly factList: readonly Fact[];
  private readonly chunks: readonly MemoryChunk[];

  constructor(facts: readonly Fact[], chunks: readonly MemoryChunk[]) {
    this.factList = facts;
    this.chunks = chunks;
  }

  facts(): readonly Fact[] {
    return this.factList;
  }

  headers(): Iterable<{ readonly position: number; readonly header: Uint8Array }> {
    return this.records();
  }

  *records(): Iterable<PositionedRecord> {
    for (const chunk of this.chunks) {
      yield* chunk.recordsFrom(chunk.firstPosition);
    }
  }

  close(): void {
    // Nothing to release.
  }
}
