import { once } from 'node:events';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { EngineUpkeep } from './engine.ts';
import type { Checkpointed, CheckpointRequest } from './sqlite-checkpoint-worker.ts';

/** So much is committed between two checkpoints. */
const checkpointBytes = 4 * 1024 * 1024;
/** When the log is longer than this, 16 MiB, it is to start again from its beginning. */
const longLogPages = 2048;
/** When it is longer than this, 64 MiB, its file is to be cut as well. */
const veryLongLogPages = 8192;

/**
 * What the thread is doing. The log starts from its beginning only when it has been copied to its end, and commits
 * that go on meanwhile keep it from that. So a long log is copied in two steps: most of it with commits going on
 * (`copying`), then, while the store holds its commits back, the rest (`finishing`). `truncating` cuts the file,
 * which takes a while after a snapshot kept the log from starting again.
 */
type Phase = 'idle' | 'copying' | 'finishing' | 'truncating' | 'over';

/**
 * Has SQLite's write-ahead log copied into the database file by another thread, which is started when it is first
 * needed. If it fails, nothing is lost: SQLite itself does it within a commit, when its log has grown long.
 */
export class SqliteCheckpointer {
  private readonly file: string;
  private readonly release: () => void;
  private worker: Worker | null = null;
  private phase: Phase = 'idle';
  private bytes = 0;

  /**
   * `release` is called when the thread has copied what there was: it is to end an open read transaction, which would
   * keep the log from starting again.
   */
  constructor(file: string, release: () => void) {
    this.file = file;
    this.release = release;
  }

  /** Notes that a commit has brought about so many bytes. */
  committed(bytes: number): void {
    this.bytes += bytes;
    this.askIfDue();
  }

  /** `behind` when another copy is due before one has ended. */
  get upkeep(): EngineUpkeep {
    switch (this.phase) {
      case 'finishing':
      case 'truncating':
        return 'finishing';
      case 'copying':
        return this.bytes >= checkpointBytes ? 'behind' : 'done';
      case 'idle':
      case 'over':
        return 'done';
    }
  }

  /** Whether there is a thread that has to be ended. */
  get isRunning(): boolean {
    return this.worker !== null && this.phase !== 'over';
  }

  /** Resolves when the thread is gone. */
  async close(): Promise<void> {
    if (this.worker === null || this.phase === 'over') return;
    this.phase = 'over';
    const exited = once(this.worker, 'exit');
    this.worker.ref();
    this.worker.postMessage('close' satisfies CheckpointRequest);
    await exited;
  }

  private askIfDue(): void {
    if (this.bytes >= checkpointBytes && this.phase === 'idle') this.ask('copying', 'checkpoint');
  }

  private ask(phase: Phase, request: CheckpointRequest): void {
    this.phase = phase;
    this.bytes = 0;
    this.worker ??= this.start();
    this.worker.postMessage(request);
  }

  private start(): Worker {
    // Beside this file, and of its kind: TypeScript in the repository, JavaScript in a package.
    const script = `./sqlite-checkpoint-worker${path.extname(import.meta.filename)}`;
    const worker = new Worker(new URL(script, import.meta.url), { workerData: this.file });
    worker.unref();
    worker.on('message', (answer: Checkpointed) => this.checkpointed(answer));
    worker.on('error', () => {
      this.phase = 'over';
    });
    return worker;
  }

  private checkpointed({ logPages }: Checkpointed): void {
    if (this.phase === 'over') return;
    this.release();
    if (this.phase === 'copying' && logPages > longLogPages) {
      this.ask('finishing', 'checkpoint');
    } else if (this.phase === 'finishing' && logPages > veryLongLogPages) {
      this.ask('truncating', 'truncate');
    } else {
      this.phase = 'idle';
      this.askIfDue();
    }
  }
}
