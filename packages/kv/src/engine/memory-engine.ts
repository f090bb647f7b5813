import type { Engine, EngineBatch, EngineView, Fact, PositionedRecord, StoredRecord } from './engine.ts';
import { MemoryChunk, type MemoryRecord } from './memory-chunk.ts';

/** Positions that one page of the table has room for. */
const pageRecords = 1024;

/** A page that a view sees is shared: it is copied before it is changed. */
type Page = { readonly records: (MemoryRecord | undefined)[]; count: number; isShared: boolean };

/** Keeps everything in the process's memory: for tests, simulations and clusters that only live as long. */
export class MemoryEngine implements Engine {
  readonly isPersistent: boolean = false;
  readonly upkeep = 'done';
  /** By position divided by `pageRecords`, ascending; pages without a record are left out. */
  private readonly pages = new Map<number, Page>();
  private readonly factsByName = new Map<string, Uint8Array>();
  private totalBytes = 0;
  private inUseBytes = 0;

  commit(batch: EngineBatch): void {
    if (batch.records.length > 0) {
      this.append(batch.records);
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
    const page = this.pages.get(Math.floor(position / pageRecords));
    return page?.records[position % pageRecords]?.read() ?? null;
  }

  readFrom(position: number, maxRecords: number): readonly PositionedRecord[] {
    const found: PositionedRecord[] = [];
    for (const [pageNumber, { records }] of this.pages) {
      if ((pageNumber + 1) * pageRecords <= position) continue;
      for (const record of records) {
        if (found.length === maxRecords) return found;
        if (record === undefined || record.position < position) continue;
        found.push({ position: record.position, ...record.read() });
      }
    }
    return found;
  }

  openView(): EngineView {
    const facts = [...this.factsByName].map(([name, content]) => ({ name, content }));
    const pages = [...this.pages.values()];
    for (const page of pages) page.isShared = true;
    return new MemoryView(facts, pages);
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

  private append(records: readonly PositionedRecord[]): void {
    const chunk = MemoryChunk.copyOf(records);
    this.totalBytes += chunk.totalBytes;
    this.inUseBytes += chunk.totalBytes;
    for (const record of chunk.records) {
      const page = this.pageToChange(record.position);
      page.records[record.position % pageRecords] = record;
      page.count += 1;
    }
  }

  private remove(position: number): void {
    const pageNumber = Math.floor(position / pageRecords);
    const record = this.pages.get(pageNumber)?.records[position % pageRecords];
    if (record === undefined) return;
    const page = this.pageToChange(position);
    page.records[position % pageRecords] = undefined;
    page.count -= 1;
    if (page.count === 0) this.pages.delete(pageNumber);
    this.inUseBytes -= record.length;
    this.totalBytes -= record.remove();
  }

  /** The page that has room for a position, seen by no view. */
  private pageToChange(position: number): Page {
    const pageNumber = Math.floor(position / pageRecords);
    const found = this.pages.get(pageNumber);
    if (found !== undefined && !found.isShared) return found;
    const page = { records: found?.records.slice() ?? [], count: found?.count ?? 0, isShared: false };
    this.pages.set(pageNumber, page);
    return page;
  }
}

/** Neither records nor shared pages change, so a list of pages is a consistent view, even of what is removed later. */
class MemoryView implements EngineView {
  private readonly factList: readonly Fact[];
  private readonly pages: readonly Page[];

  constructor(facts: readonly Fact[], pages: readonly Page[]) {
    this.factList = facts;
    this.pages = pages;
  }

  facts(): readonly Fact[] {
    return this.factList;
  }

  headers(): Iterable<{ readonly position: number; readonly header: Uint8Array }> {
    return this.records();
  }

  *records(): Iterable<PositionedRecord> {
    for (const page of this.pages) {
      for (const record of page.records) {
        if (record !== undefined) yield { position: record.position, ...record.read() };
      }
    }
  }

  close(): void {
    // Nothing to release.
  }
}
