import { once } from 'node:events';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Checkpointed } from './sqlite-checkpoint-worker.ts';

/** So much is committed between two checkpoints. */
const checkpointBytes = 4 * 1024 * 1024;
/**
 * The log starts from its beginning only when it has been copied to its end, and commits go on meanwhile. When it is
 * longer than this, the event loop copies the last bit itself as soon as that is little; when it is much longer,
 * whatever it is.
 */
const longLogPages = 2048;
const restMaxBytes = 1024 * 1024;
const veryLongLogPages = 8192;

/**
 * Has SQLite's write-ahead log copied into the database file by another thread, which is started when it is first
 * needed. If it fails, nothing is lost: SQLite itself does it within a commit, when its log has grown long.
 */
export class SqliteCheckpointer {
  private readonly file: string;
  private readonly checkpointed: (isRestWanted: boolean) => void;
  private worker: Worker | null = null;
  private isBusy = false;
  /** It has failed, or is to end. */
  private isOver = false;
  private bytes = 0;

  /**
   * `checkpointed` is called when the thread has copied what there was. If commits have always been quicker, it is
   * to copy the rest.
   */
  constructor(file: string, checkpointed: (isRestWanted: boolean) => void) {
    this.file = file;
    this.checkpointed = checkpointed;
  }

  /** Notes that a commit has brought about so many bytes. */
  committed(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes >= checkpointBytes && !this.isBusy && !this.isOver) this.ask();
  }

  /** Whether there is a thread that has to be ended. */
  get isRunning(): boolean {
    return this.worker !== null && !this.isOver;
  }

  /** Resolves when the thread is gone. */
  async close(): Promise<void> {
    if (this.worker === null || this.isOver) return;
    this.isOver = true;
    const exited = once(this.worker, 'exit');
    this.worker.ref();
    this.worker.postMessage('close');
    await exited;
  }

  private ask(): void {
    this.bytes = 0;
    this.isBusy = true;
    this.worker ??= this.start();
    this.worker.postMessage('checkpoint');
  }

  private start(): Worker {
    // Beside this file, and of its kind: TypeScript in the repository, JavaScript in a package.
    const script = `./sqlite-checkpoint-worker${path.extname(import.meta.filename)}`;
    const worker = new Worker(new URL(script, import.meta.url), { workerData: this.file });
    worker.unref();
    worker.on('message', ({ logPages }: Checkpointed) => {
      this.isBusy = false;
      if (this.isOver) return;
      const isLong = logPages > longLogPages && this.bytes > 0;
      const isRestWanted = isLong && (this.bytes <= restMaxBytes || logPages > veryLongLogPages);
      if (isRestWanted) this.bytes = 0;
      this.checkpointed(isRestWanted);
      if (this.bytes >= checkpointBytes || (isLong && !isRestWanted)) this.ask();
    });
    worker.on('error', () => {
      this.isOver = true;
    });
    return worker;
  }
}
