import type { Engine, EngineBatch, EngineView, Fact, StoredRecord } from './engine.ts';
import { MemoryChunk, type MemoryRecord } from './memory-chunk.ts';

/** Positions that one page of the table has room for. */
const pageRecords = 1024;

type Page = { readonly records: (MemoryRecord | undefined)[]; count: number };

/** Keeps everything in the process's memory: for tests, simulations and clusters that only live as long. */
export class MemoryEngine implements Engine {
  readonly isPersistent = false;
  /** By position divided by `pageRecords`, ascending; pages without a record are left out. */
  private readonly pages = new Map<number, Page>();
  private readonly factsByName = new Map<string, Uint8Array>();
  private totalBytes = 0;
  private inUseBytes = 0;

  commit(batch: EngineBatch): void {
    if (batch.records.length > 0) {
      this.append(batch.firstPosition, batch.records);
    }
    for (const position of batch.removedPositions) {
      this.remove(position);
    }
    for (const { name, content } of batch.facts) {
      this.factsByName.set(name, content.slice());
    }
  }

  read(position: number): StoredRecord | null {
    const page = this.pages.get(Math.floor(position / pageRecords));
    return page?.records[position % pageRecords]?.read() ?? null;
  }

  openView(): EngineView {
    const facts = [...this.factsByName].map(([name, content]) => ({ name, content }));
    return new MemoryView(
      facts,
      [...this.pages.values()].flatMap((page) => page.records.filter(isPresent)),
    );
  }

  async sync(): Promise<void> {
    // There is nothing that could be made durable.
  }

  size(): { totalBytes: number; inUseBytes: number } {
    return { totalBytes: this.totalBytes, inUseBytes: this.inUseBytes };
  }

  async close(): Promise<void> {
    // A later store may be opened on what this one holds, as on a file.
  }

  private append(firstPosition: number, records: readonly StoredRecord[]): void {
    const chunk = MemoryChunk.copyOf(firstPosition, records);
    this.totalBytes += chunk.totalBytes;
    this.inUseBytes += chunk.totalBytes;
    for (const record of chunk.records) {
      const pageNumber = Math.floor(record.position / pageRecords);
      let page = this.pages.get(pageNumber);
      if (page === undefined) {
        page = { records: [], count: 0 };
        this.pages.set(pageNumber, page);
      }
      page.records[record.position % pageRecords] = record;
      page.count += 1;
    }
  }

  private remove(position: number): void {
    const pageNumber = Math.floor(position / pageRecords);
    const page = this.pages.get(pageNumber);
    const record = page?.records[position % pageRecords];
    if (page === undefined || record === undefined) return;
    page.records[position % pageRecords] = undefined;
    page.count -= 1;
    if (page.count === 0) this.pages.delete(pageNumber);
    this.inUseBytes -= record.length;
    this.totalBytes -= record.remove();
  }
}

function isPresent(record: MemoryRecord | undefined): record is MemoryRecord {
  return record !== undefined;
}

/** Records never change, so a list of them is a consistent view, even of those that are removed later. */
class MemoryView implements EngineView {
  private readonly factList: readonly Fact[];
  private readonly recordList: readonly MemoryRecord[];

  constructor(facts: readonly Fact[], records: readonly MemoryRecord[]) {
    this.factList = facts;
    this.recordList = records;
  }

  facts(): readonly Fact[] {
    return this.factList;
  }

  headers(): Iterable<{ readonly position: number; readonly header: Uint8Array }> {
    return this.records();
  }

  *records(): Iterable<{ readonly position: number } & StoredRecord> {
    for (const record of this.recordList) {
      yield { position: record.position, ...record.read() };
    }
  }

  close(): void {
    // Nothing to release.
  }
}
