import type { Engine, EngineBatch, EngineView, Fact, StoredRecord } from './engine.ts';

/** Keeps everything in the process's memory: for tests, simulations and clusters that only live as long. */
export class MemoryEngine implements Engine {
  readonly isPersistent = false;
  private readonly recordsByPosition = new Map<number, StoredRecord>();
  private readonly factsByName = new Map<string, Uint8Array>();
  private bytes = 0;

  commit(batch: EngineBatch): void {
    let position = batch.firstPosition;
    for (const { header, value } of batch.records) {
      // The bytes given may be views of a large buffer, which must not be kept alive for a few of its bytes.
      this.recordsByPosition.set(position, { header: header.slice(), value: value.slice() });
      this.bytes += header.length + value.length;
      position += 1;
    }
    for (const removed of batch.removedPositions) {
      const record = this.recordsByPosition.get(removed);
      if (record !== undefined) {
        this.recordsByPosition.delete(removed);
        this.bytes -= record.header.length + record.value.length;
      }
    }
    for (const { name, content } of batch.facts) {
      this.factsByName.set(name, content.slice());
    }
  }

  read(position: number): StoredRecord | null {
    return this.recordsByPosition.get(position) ?? null;
  }

  openView(): EngineView {
    return new MemoryView(
      [...this.factsByName].map(([name, content]) => ({ name, content })),
      [...this.recordsByPosition].map(([position, record]) => ({ position, ...record })),
    );
  }

  async sync(): Promise<void> {
    // There is nothing that could be made durable.
  }

  size(): { totalBytes: number; inUseBytes: number } {
    return { totalBytes: this.bytes, inUseBytes: this.bytes };
  }

  async close(): Promise<void> {
    // A later store may be opened on what this one holds, as on a file.
  }
}

/** Records never change, so a copy of the list is a consistent view. */
class MemoryView implements EngineView {
  private readonly factList: readonly Fact[];
  private readonly recordList: readonly ({ readonly position: number } & StoredRecord)[];

  constructor(facts: readonly Fact[], records: readonly ({ readonly position: number } & StoredRecord)[]) {
    this.factList = facts;
    this.recordList = records;
  }

  facts(): readonly Fact[] {
    return this.factList;
  }

  headers(): Iterable<{ readonly position: number; readonly header: Uint8Array }> {
    return this.recordList;
  }

  records(): Iterable<{ readonly position: number } & StoredRecord> {
    return this.recordList;
  }

  close(): void {
    // Nothing to release.
  }
}
