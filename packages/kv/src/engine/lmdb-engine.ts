import { closeSync, existsSync, openSync, readSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { type Database, open, type RootDatabase, TransactionFlags } from 'lmdb';
import type { Engine, EngineBatch, EngineView, Fact, PositionedRecord, StoredRecord } from './engine.ts';
import { ensureDirectory, syncDirectory } from './engine-directory.ts';
import { diskFull, EngineError } from './engine-error.ts';

export type LmdbEngineOptions = {
  /** Where the files are; created if it does not exist. */
  readonly directory: string;
};

type RecordDatabase = Database<Uint8Array, number>;
type FactDatabase = Database<Uint8Array, string>;

const dataFileName = 'data.mdb';
/** Says what wrote the file. It is no fact of the store's. */
const formatFact = 'lmdb-format';
const formatVersion = 1;
const { ABORTABLE, SYNCHRONOUS_COMMIT, NO_SYNC_FLUSH } = TransactionFlags;
/** Committed on return, all or nothing; flushed to the disk in the background. */
const transactionFlags = (ABORTABLE | SYNCHRONOUS_COMMIT | NO_SYNC_FLUSH) as TransactionFlags;
/** A file system with less room than this is full, as far as an LMDB that failed to write is concerned. */
const freeBytesMin = 16 * 1024 * 1024;

/**
 * Keeps records in an LMDB database, through the optional package `lmdb`.
 *
 * Commits are flushed in the background. After a power failure LMDB opens the latest state that was flushed
 * wholly, so that commits may be lost, but the database is consistent.
 */
export class LmdbEngine implements Engine {
  readonly isPersistent = true;
  readonly upkeep = 'done';
  private readonly directory: string;
  private readonly root: RootDatabase;
  private readonly records: RecordDatabase;
  private readonly facts: FactDatabase;

  /** Throws an EngineError. */
  static open(options: LmdbEngineOptions): LmdbEngine {
    const { directory } = options;
    ensureDirectory(directory);
    checkFile(path.join(directory, dataFileName), directory);
    try {
      const root = open({ path: directory, noSubdir: false, maxDbs: 2 });
      const records: RecordDatabase = root.openDB({ name: 'record', encoding: 'binary' });
      const facts: FactDatabase = root.openDB({ name: 'fact', encoding: 'binary' });
      const engine = new LmdbEngine(directory, root, records, facts);
      engine.checkFormat();
      syncDirectory(directory);
      return engine;
    } catch (error) {
      throw lmdbError(error, directory);
    }
  }

  private constructor(directory: string, root: RootDatabase, records: RecordDatabase, facts: FactDatabase) {
    this.directory = directory;
    this.root = root;
    this.records = records;
    this.facts = facts;
  }

  commit(batch: EngineBatch): void {
    try {
      this.root.transactionSync(() => {
        for (const record of batch.records) {
          const { position } = record;
          const appended: unknown = this.records.putSync(position, joined(record), { append: true });
          if (appended === false) {
            throw new EngineError('failed', `there is a record at or after position ${position} already`);
          }
        }
        for (const removed of batch.removedPositions) {
          this.records.removeSync(removed);
        }
        for (const { name, content } of batch.facts) {
          this.facts.putSync(name, content);
        }
        for (const name of batch.removedFacts) {
          this.facts.removeSync(name);
        }
      }, transactionFlags);
    } catch (error) {
      throw lmdbError(error, this.directory);
    }
  }

  read(position: number): StoredRecord | null {
    try {
      const bytes = this.records.getBinary(position);
      return bytes === undefined ? null : split(bytes);
    } catch (error) {
      throw lmdbError(error, this.directory);
    }
  }

  readFrom(position: number, maxRecords: number): readonly PositionedRecord[] {
    try {
      const found = this.records.getRange({ start: position, limit: maxRecords });
      return [...found].map(({ key, value }) => ({ position: key, ...split(value) }));
    } catch (error) {
      throw lmdbError(error, this.directory);
    }
  }

  openView(): EngineView {
    try {
      return new LmdbView(this.root.useReadTransaction(), this.records, this.facts);
    } catch (error) {
      throw lmdbError(error, this.directory);
    }
  }

  async sync(): Promise<void> {
    try {
      await this.root.flushed;
    } catch (error) {
      throw lmdbError(error, this.directory);
    }
  }

  size(): { totalBytes: number; inUseBytes: number } {
    const { pageSize, lastPageNumber, treeBranchPageCount, treeLeafPageCount, overflowPages } =
      this.records.getStats() as LmdbStats;
    return {
      totalBytes: (lastPageNumber + 1) * pageSize,
      inUseBytes: (treeBranchPageCount + treeLeafPageCount + overflowPages) * pageSize,
    };
  }

  /** LMDB uses pages again, and its file never gets smaller. */
  shrink(): boolean {
    return false;
  }

  async close(): Promise<void> {
    await this.root.close();
  }

  private checkFormat(): void {
    const found = this.facts.getBinary(formatFact)?.[0];
    if (found === undefined) {
      this.facts.putSync(formatFact, Uint8Array.of(formatVersion));
    } else if (found > formatVersion) {
      throw new EngineError(
        'newer-format',
        `${this.directory} has format ${found}, this release knows ${formatVersion}`,
        { path: this.directory },
      );
    }
  }
}

type LmdbStats = {
  readonly pageSize: number;
  readonly lastPageNumber: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
};

type ReadTransaction = ReturnType<RootDatabase['useReadTransaction']>;

/** One read transaction, which sees one state of the database until it ends. */
class LmdbView implements EngineView {
  private readonly transaction: ReadTransaction;
  private readonly recordDatabase: RecordDatabase;
  private readonly factDatabase: FactDatabase;

  constructor(transaction: ReadTransaction, records: RecordDatabase, facts: FactDatabase) {
    this.transaction = transaction;
    this.recordDatabase = records;
    this.factDatabase = facts;
  }

  facts(): readonly Fact[] {
    const entries = this.factDatabase.getRange({ transaction: this.transaction });
    return [...entries]
      .filter(({ key }) => key !== formatFact)
      .map(({ key, value }) => ({ name: key, content: value }));
  }

  *headers(): Iterable<{ readonly position: number; readonly header: Uint8Array }> {
    for (const { key, value } of this.recordDatabase.getRange({ transaction: this.transaction })) {
      yield { position: key, header: split(value).header };
    }
  }

  *records(): Iterable<PositionedRecord> {
    for (const { key, value } of this.recordDatabase.getRange({ transaction: this.transaction })) {
      yield { position: key, ...split(value) };
    }
  }

  close(): void {
    this.transaction.done();
  }
}

const lengthBytes = 4;

/** A record as LMDB holds it: the header's length (32 bits, little-endian), the header, the value. */
function joined({ header, value }: StoredRecord): Uint8Array {
  const bytes = new Uint8Array(lengthBytes + header.length + value.length);
  new DataView(bytes.buffer).setUint32(0, header.length, true);
  bytes.set(header, lengthBytes);
  bytes.set(value, lengthBytes + header.length);
  return bytes;
}

/** The parts are plain byte arrays, although LMDB returns a Buffer. */
function split({ buffer, byteOffset, byteLength }: Uint8Array): StoredRecord {
  const headerLength = new DataView(buffer, byteOffset, byteLength).getUint32(0, true);
  const header = new Uint8Array(buffer, byteOffset + lengthBytes, headerLength);
  const valueOffset = lengthBytes + headerLength;
  return { header, value: new Uint8Array(buffer, byteOffset + valueOffset, byteLength - valueOffset) };
}

/** Where LMDB's meta page has its magic number and the size of pages. The second meta page is the second page. */
const magicOffset = 24;
const magic = 0xbeefc0de;
const pageSizeOffset = 48;

/**
 * LMDB maps its files into memory and trusts them: a file that is none of its own, or one that finds no room
 * on the disk, would end the process.
 */
function checkFile(file: string, directory: string): void {
  if (!existsSync(file)) {
    if (isFull(directory)) {
      throw diskFull(file);
    }
    return;
  }
  const meta = new DataView(new ArrayBuffer(64));
  const descriptor = openSync(file, 'r');
  try {
    const isMetaPage = (offset: number): boolean =>
      readSync(descriptor, meta, 0, meta.byteLength, offset) === meta.byteLength &&
      meta.getUint32(magicOffset, true) === magic;
    if (!isMetaPage(0) || !isMetaPage(meta.getUint32(pageSizeOffset, true))) {
      throw new EngineError('damaged', `${file} is no LMDB database`, { path: file });
    }
  } finally {
    closeSync(descriptor);
  }
}

/** LMDB's own error numbers that have a meaning here; others are those of the operating system. */
const damagedCodes: ReadonlySet<unknown> = new Set([-30796, -30794, -30793]);
const ioErrorCode = 5;
const notPermittedCodes: ReadonlySet<unknown> = new Set([1, 13, 30]);
const noSpaceCodes: ReadonlySet<unknown> = new Set([28, 122, -30792]);

function lmdbError(error: unknown, directory: string): EngineError {
  if (error instanceof EngineError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const message = `${directory}: ${error instanceof Error ? error.message : String(error)}`;
  const options = { path: directory, cause: error };
  if (damagedCodes.has(code)) return new EngineError('damaged', message, options);
  if (notPermittedCodes.has(code)) return new EngineError('not-writable', message, options);
  if (noSpaceCodes.has(code) || (code === ioErrorCode && isFull(directory))) {
    return diskFull(directory, error);
  }
  return new EngineError('failed', message, options);
}

/** LMDB reports a write that was cut short as an input/output error, whatever cut it short. */
function isFull(directory: string): boolean {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize < freeBytesMin;
}
