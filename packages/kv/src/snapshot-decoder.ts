import type { Fact, PositionedRecord } from './engine/engine.ts';
import {
  chunkKinds,
  factPrefixBytes,
  recordPrefixBytes,
  snapshotContentVersion,
} from './snapshot-encoder.ts';
import { SnapshotError } from './snapshot-error.ts';

/** What a chunk brings. Contents are views of the chunk. */
export type SnapshotPart =
  | { readonly kind: 'start' }
  | { readonly kind: 'facts'; readonly facts: readonly Fact[] }
  | { readonly kind: 'records'; readonly records: readonly PositionedRecord[] }
  | { readonly kind: 'end' };

/**
 * Reads what `encodeSnapshot` made, chunk by chunk. Checks form, order and counts; whether the bytes are those
 * that were written is for whoever stores or carries them.
 */
export class SnapshotDecoder {
  private stage: 'start' | 'facts' | 'records' | 'end' = 'start';
  private lastPosition = 0;
  private facts = 0;
  private records = 0;

  /** How many facts and records there were so far. */
  get factCount(): number {
    return this.facts;
  }

  get recordCount(): number {
    return this.records;
  }

  /** Throws a SnapshotError. */
  decode(chunk: Uint8Array): SnapshotPart {
    const input = new ChunkReader(chunk);
    switch (input.kind) {
      case chunkKinds.start:
        this.enter('start', ['start']);
        checkVersion(input);
        this.stage = 'facts';
        return { kind: 'start' };
      case chunkKinds.facts: {
        this.enter('facts', ['facts']);
        const facts = input.all(() => readFact(input));
        this.facts += facts.length;
        return { kind: 'facts', facts };
      }
      case chunkKinds.records: {
        this.enter('records', ['facts', 'records']);
        const records = input.all(() => this.readRecord(input));
        this.records += records.length;
        return { kind: 'records', records };
      }
      case chunkKinds.end:
        this.enter('end', ['facts', 'records']);
        this.checkEnd(input);
        return { kind: 'end' };
      default:
        throw damaged('it has a part of a kind that does not exist');
    }
  }

  /** To be called when no chunk is left. Throws a SnapshotError if the end was not among them. */
  expectEnd(): void {
    if (this.stage !== 'end') throw damaged('it ends too early');
  }

  private enter(next: typeof this.stage, allowed: readonly (typeof this.stage)[]): void {
    if (!allowed.includes(this.stage)) throw damaged('its parts are in the wrong order');
    this.stage = next;
  }

  private readRecord(input: ChunkReader): PositionedRecord {
    const at = input.take(recordPrefixBytes);
    const position = input.number(at);
    if (position <= this.lastPosition) throw damaged('its records are in the wrong order');
    this.lastPosition = position;
    const header = input.bytes(input.view.getUint32(at + 8, true));
    const value = input.bytes(input.view.getUint32(at + 12, true));
    return { position, header, value };
  }

  private checkEnd(input: ChunkReader): void {
    const at = input.take(16);
    input.expectEnd();
    if (input.number(at) !== this.facts || input.number(at + 8) !== this.records) {
      throw damaged('it does not hold as much as its end says');
    }
  }
}

function checkVersion(input: ChunkReader): void {
  const version = input.view.getUint32(input.take(4), true);
  if (version > snapshotContentVersion) {
    throw new SnapshotError(
      'newer-format',
      `the snapshot's content has format ${version}, this release knows ${snapshotContentVersion}: upgrade this member first`,
    );
  }
  if (version !== snapshotContentVersion) throw damaged('it has no valid version');
  input.expectEnd();
}

function readFact(input: ChunkReader): Fact {
  const at = input.take(factPrefixBytes);
  const name = input.text(input.view.getUint16(at, true));
  return { name, content: input.bytes(input.view.getUint32(at + 2, true)) };
}

/** A `damaged` error in the words that all of them share. */
export function damaged(found: string, cause?: unknown): SnapshotError {
  const message = `the content of the snapshot is not what was written: ${found}`;
  return new SnapshotError('damaged', message, cause === undefined ? {} : { cause });
}

class ChunkReader {
  readonly view: DataView;
  private readonly chunk: Uint8Array;
  private at = 1;

  constructor(chunk: Uint8Array) {
    this.chunk = chunk;
    this.view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }

  get kind(): number {
    return this.chunk[0] ?? 0;
  }

  /** Passes over so many bytes, and returns where they start. */
  take(count: number): number {
    const start = this.at;
    if (start + count > this.chunk.length) throw damaged('one of its parts ends too early');
    this.at = start + count;
    return start;
  }

  bytes(count: number): Uint8Array {
    const start = this.take(count);
    return this.chunk.subarray(start, start + count);
  }

  text(count: number): string {
    return new TextDecoder().decode(this.bytes(count));
  }

  number(at: number): number {
    const value = this.view.getUint32(at + 4, true) * 0x1_0000_0000 + this.view.getUint32(at, true);
    if (!Number.isSafeInteger(value)) throw damaged('it has a number that is too large');
    return value;
  }

  all<Item>(read: () => Item): readonly Item[] {
    const items: Item[] = [];
    while (this.at < this.chunk.length) items.push(read());
    return items;
  }

  expectEnd(): void {
    if (this.at !== this.chunk.length) throw damaged('one of its parts has bytes left over');
  }
}
