import path from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type {
  Engine,
  EngineBatch,
  EngineUpkeep,
  EngineView,
  Fact,
  PositionedRecord,
  StoredRecord,
} from './engine.ts';
import { ensureDirectory, syncDirectory, syncFile } from './engine-directory.ts';
import { EngineError } from './engine-error.ts';
import { SqliteCheckpointer } from './sqlite-checkpointer.ts';
import { sqliteError } from './sqlite-error.ts';

export type SqliteEngineOptions = {
  /** Where the files are; created if it does not exist. */
  readonly directory: string;
  /** Bytes of pages that SQLite keeps in memory. Default 16 MiB. */
  readonly cacheBytes?: number;
  /** The most that the data may take; beyond it commits fail with `disk-full`. No limit by default. */
  readonly maxBytes?: number;
  /** How long to wait for another connection that happens to hold a lock. Default: 5 s to open, a minute to commit. */
  readonly busyTimeoutMs?: number;
};

const fileName = 'store.sqlite';
const defaultCacheBytes = 16 * 1024 * 1024;
const pageBytes = 8192;
/**
 * Pages in SQLite's own log before a commit copies them into the file. That stops everything else for as long as it
 * takes, so it is the last resort: a thread does it much earlier.
 */
const checkpointPages = 32_768;
/** A removed record that is farther than this from the one before is taken to lie on another page. */
const neighboursMax = 16;
/** Of those that are closer, so many change one page: SQLite also fills up the pages beside those that they leave. */
const neighboursPerPage = 8;
/** How many pages one call gives back to the file system: 1 to 2 ms. */
const shrinkPages = 32;
/** As long as no more than this part of the file is free, it is kept for what comes next. */
const freePartMax = 1 / 4;
const freePagesMin = 256;
/** What SQLite calls the mode in which it gives space back when it is asked to. */
const incrementalVacuum = 2;
const defaultBusyTimeoutMs = 5000;
/** Long, because a commit waits for our own thread only, and that for the disk. */
const commitTimeoutMs = 60_000;
/** "Quor" in ASCII: tells our files from those of other applications. */
const applicationId = 0x51756f72;
const formatVersion = 1;
/** A row that earlier releases wrote for the sake of a flush. It is no fact of the store's. */
const syncFact = 'synced';

/**
 * Keeps records in a SQLite database, by way of the module that Node.js brings along.
 *
 * SQLite's write-ahead log is not flushed with each commit (`synchronous = NORMAL`): a power failure may cost
 * the latest commits, but leaves the database consistent.
 */
export class SqliteEngine implements Engine {
  readonly isPersistent = true;
  private readonly file: string;
  private readonly database: DatabaseSync;
  private readonly statements: Statements;
  private readonly checkpointer: SqliteCheckpointer;
  /**
   * Whether a transaction is open between calls. Reads leave it open for each other and for the next commit:
   * without it SQLite would lock and unlock the file for each of them, which costs more than the read.
   */
  private isReading = false;
  /** Whether the file was created so that it can give space back. */
  private readonly canShrink: boolean;

  /** Throws an EngineError. */
  static open(options: SqliteEngineOptions): SqliteEngine {
    ensureDirectory(options.directory);
    const file = path.join(options.directory, fileName);
    let database: DatabaseSync | null = null;
    try {
      database = new DatabaseSync(file, { timeout: options.busyTimeoutMs ?? defaultBusyTimeoutMs });
      prepareDatabase(database, file, options);
      if (options.busyTimeoutMs === undefined) database.exec(`PRAGMA busy_timeout = ${commitTimeoutMs}`);
      syncDirectory(options.directory);
      return new SqliteEngine(file, database);
    } catch (error) {
      database?.close();
      throw sqliteError(error, file);
    }
  }

  private constructor(file: string, database: DatabaseSync) {
    this.file = file;
    this.database = database;
    this.statements = prepareStatements(database);
    this.checkpointer = new SqliteCheckpointer(file, () => this.endReading());
    this.canShrink = readPragma(database, 'auto_vacuum') === incrementalVacuum;
  }

  commit(batch: EngineBatch): void {
    const { insert, remove, setFact, removeFact, commit } = this.statements;
    try {
      this.beginWriting();
      let bytes = 0;
      let lastRemoved = -Infinity;
      for (const { position, header, value } of batch.records) {
        insert.run(position, header, value);
        bytes += header.length + value.length;
      }
      for (const removed of batch.removedPositions) {
        remove.run(removed);
        bytes += Math.abs(removed - lastRemoved) > neighboursMax ? pageBytes : pageBytes / neighboursPerPage;
        lastRemoved = removed;
      }
      for (const { name, content } of batch.facts) {
        setFact.run(name, content);
      }
      for (const name of batch.removedFacts) {
        removeFact.run(name);
      }
      commit.run();
      this.isReading = false;
      this.checkpointer.committed(bytes);
    } catch (error) {
      this.rollBack();
      throw sqliteError(error, this.file);
    }
  }

  get upkeep(): EngineUpkeep {
    return this.checkpointer.upkeep;
  }

  read(position: number): StoredRecord | null {
    try {
      this.beginReading();
      const row = this.statements.read.get(position) as [Uint8Array, Uint8Array] | undefined;
      return row === undefined ? null : { header: row[0], value: row[1] };
    } catch (error) {
      throw sqliteError(error, this.file);
    }
  }

  readFrom(position: number, maxRecords: number): readonly PositionedRecord[] {
    try {
      this.beginReading();
      const rows = this.statements.readFrom.all(position, maxRecords);
      return (rows as unknown as [number, Uint8Array, Uint8Array][]).map(([at, header, value]) => ({
        position: at,
        header,
        value,
      }));
    } catch (error) {
      throw sqliteError(error, this.file);
    }
  }

  openView(): EngineView {
    return SqliteView.open(this.file);
  }

  async sync(): Promise<void> {
    // Commits are in SQLite's log, or were copied from there into the file, which a checkpoint flushes. So the log
    // is all that has to be flushed, and that can be done without stopping the event loop.
    await syncFile(`${this.file}-wal`);
  }

  /** A file of an earlier release keeps its size: it was not made for this. */
  shrink(): boolean {
    try {
      this.beginWriting();
      const [pages, freePages] = this.statements.pages.get() as unknown as [number, number];
      if (freePages < freePagesMin || freePages < pages * freePartMax || !this.canShrink) return false;
      this.statements.shrink.all();
      this.statements.commit.run();
      this.isReading = false;
      // Besides those that move, the pages that point to them change.
      this.checkpointer.committed(2 * shrinkPages * pageBytes);
      return true;
    } catch (error) {
      this.rollBack();
      throw sqliteError(error, this.file);
    }
  }

  size(): { totalBytes: number; inUseBytes: number } {
    try {
      this.beginReading();
      const [pages, freePages] = this.statements.pages.get() as unknown as [number, number];
      return { totalBytes: pages * pageBytes, inUseBytes: (pages - freePages) * pageBytes };
    } catch (error) {
      throw sqliteError(error, this.file);
    }
  }

  async close(): Promise<void> {
    // Without an await if there is nothing to wait for: the file can be opened again when this returns.
    if (this.checkpointer.isRunning) await this.checkpointer.close();
    this.database.close();
  }

  private beginReading(): void {
    if (!this.isReading) {
      this.statements.begin.run();
      this.isReading = true;
    }
  }

  /** The thread may hold SQLite's lock for writing while it cuts the log, which only a new transaction waits for. */
  private beginWriting(): void {
    if (this.upkeep === 'finishing') this.endReading();
    this.beginReading();
  }

  /** SQLite's log starts again from its beginning only for a transaction that began when all of it was copied. */
  private endReading(): void {
    if (this.isReading && this.database.isTransaction) this.statements.commit.run();
    this.isReading = false;
  }

  /** Best effort: after a failed commit the engine is of no more use, and SQLite rolls back when it is opened. */
  private rollBack(): void {
    if (!this.database.isTransaction) return;
    try {
      this.database.exec('ROLLBACK');
    } catch {
      // The error that matters is the one that made the rollback necessary.
    }
  }
}

type Statements = {
  readonly begin: StatementSync;
  readonly insert: StatementSync;
  readonly remove: StatementSync;
  readonly setFact: StatementSync;
  readonly removeFact: StatementSync;
  readonly commit: StatementSync;
  readonly read: StatementSync;
  readonly readFrom: StatementSync;
  readonly pages: StatementSync;
  readonly shrink: StatementSync;
};

function prepareStatements(database: DatabaseSync): Statements {
  return {
    begin: database.prepare('BEGIN'),
    insert: database.prepare('INSERT INTO record (position, header, value) VALUES (?, ?, ?)'),
    remove: database.prepare('DELETE FROM record WHERE position = ?'),
    setFact: database.prepare('INSERT OR REPLACE INTO fact (name, content) VALUES (?, ?)'),
    removeFact: database.prepare('DELETE FROM fact WHERE name = ?'),
    commit: database.prepare('COMMIT'),
    read: asArrays(database.prepare('SELECT header, value FROM record WHERE position = ?')),
    readFrom: asArrays(
      database.prepare(
        'SELECT position, header, value FROM record WHERE position >= ? ORDER BY position LIMIT ?',
      ),
    ),
    pages: asArrays(
      database.prepare('SELECT page_count, freelist_count FROM pragma_page_count, pragma_freelist_count'),
    ),
    shrink: database.prepare(`PRAGMA incremental_vacuum(${shrinkPages})`),
  };
}

/** Rows as arrays are made faster than rows as objects. */
function asArrays(statement: StatementSync): StatementSync {
  statement.setReturnArrays(true);
  return statement;
}

function prepareDatabase(database: DatabaseSync, file: string, options: SqliteEngineOptions): void {
  const cacheKibibytes = Math.ceil((options.cacheBytes ?? defaultCacheBytes) / 1024);
  database.exec(`
    PRAGMA page_size = ${pageBytes};
    PRAGMA auto_vacuum = INCREMENTAL;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA wal_autocheckpoint = ${checkpointPages};
    PRAGMA cache_size = -${cacheKibibytes};
  `);
  if (options.maxBytes !== undefined) {
    database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(options.maxBytes / pageBytes))}`);
  }
  const found = readPragma(database, 'application_id');
  const version = readPragma(database, 'user_version');
  if (found === 0 && version === 0 && readPragma(database, 'schema_version') === 0) {
    createTables(database);
    return;
  }
  if (found !== applicationId) {
    throw new EngineError('damaged', `${file} is a database of another application`, { path: file });
  }
  if (version > formatVersion) {
    throw new EngineError(
      'newer-format',
      `${file} has format ${version}, this release knows ${formatVersion}`,
      {
        path: file,
      },
    );
  }
}

function createTables(database: DatabaseSync): void {
  database.exec(`
    BEGIN IMMEDIATE;
    CREATE TABLE record (position INTEGER PRIMARY KEY, header BLOB NOT NULL, value BLOB NOT NULL) STRICT;
    CREATE TABLE fact (name TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT, WITHOUT ROWID;
    PRAGMA application_id = ${applicationId};
    PRAGMA user_version = ${formatVersion};
    COMMIT;
  `);
}

function readPragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

/** A connection of its own, whose read transaction sees one state of the database until it ends. */
class SqliteView implements EngineView {
  private readonly file: string;
  private readonly database: DatabaseSync;
  private readonly factList: readonly Fact[];

  static open(file: string): SqliteView {
    let database: DatabaseSync | null = null;
    try {
      database = new DatabaseSync(file, { readOnly: true, timeout: defaultBusyTimeoutMs });
      database.exec('BEGIN');
      // The transaction sees the state at its first read, not at its beginning.
      const facts = asArrays(database.prepare('SELECT name, content FROM fact WHERE name <> ?')).all(
        syncFact,
      );
      return new SqliteView(
        file,
        database,
        (facts as unknown as [string, Uint8Array][]).map(([name, content]) => ({ name, content })),
      );
    } catch (error) {
      database?.close();
      throw sqliteError(error, file);
    }
  }

  private constructor(file: string, database: DatabaseSync, facts: readonly Fact[]) {
    this.file = file;
    this.database = database;
    this.factList = facts;
  }

  facts(): readonly Fact[] {
    return this.factList;
  }

  *headers(): Iterable<{ readonly position: number; readonly header: Uint8Array }> {
    // Some rows at once come a third faster than one after the other, and headers are small.
    const query = 'SELECT position, header FROM record WHERE position > ? ORDER BY position LIMIT 500';
    const statement = asArrays(this.prepare(query));
    let last = 0;
    for (;;) {
      const rows = this.guard(() => statement.all(last)) as unknown as [number, Uint8Array][];
      if (rows.length === 0) return;
      for (const [position, header] of rows) {
        yield { position, header };
        last = position;
      }
    }
  }

  *records(): Iterable<PositionedRecord> {
    const statement = this.prepare('SELECT position, header, value FROM record ORDER BY position');
    const rows = asArrays(statement).iterate() as unknown as Iterator<[number, Uint8Array, Uint8Array]>;
    for (;;) {
      const { done, value: row } = this.guard(() => rows.next());
      if (done === true) return;
      yield { position: row[0], header: row[1], value: row[2] };
    }
  }

  private prepare(query: string): StatementSync {
    return this.guard(() => this.database.prepare(query));
  }

  private guard<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw sqliteError(error, this.file);
    }
  }

  close(): void {
    this.database.close();
  }
}
