import type { Message, Persist } from '@quorate/raft';
import type { WriteAheadLog } from '@quorate/storage';
import { ReplicaError } from './replica-error.ts';

/** What the persister tells its replica. */
export type PersisterEvents = {
  /** Everything up to `batch` is durable; `messages` waited for it. `batch` is null if nothing had to be written. */
  durable(batch: number | null, messages: readonly Message[]): void;
  /** The disk failed. What is in flight may or may not be durable, so the member must stop. */
  failed(error: unknown): void;
};

type Write = { readonly persist: Persist | null; readonly messages: readonly Message[] };

/** Something that is done with the log between two writes. */
type Task = { readonly run: () => Promise<void>; readonly settle: (error: unknown) => void };

type Item =
  | { readonly kind: 'write'; readonly write: Write }
  | { readonly kind: 'task'; readonly task: Task };

/**
 * Makes outputs of the core durable in their order, and holds back the messages that must not leave before
 * that (Raft, figure 2: "updated on stable storage before responding to RPCs").
 *
 * Group commit: all that was queued while one write was in flight goes to disk as one write with one fsync.
 */
export class Persister {
  private readonly log: WriteAheadLog;
  private readonly events: PersisterEvents;
  private queue: Item[] = [];
  private queuedBytes = 0;
  private running: Promise<void> | null = null;
  private stopped = false;

  constructor(log: WriteAheadLog, events: PersisterEvents) {
    this.log = log;
    this.events = events;
  }

  /** Bytes of entries that wait for the disk or are being written. */
  get backlogBytes(): number {
    return this.queuedBytes;
  }

  /** Queues one output's writes and the messages that wait for them. Nothing happens until `flush`. */
  add(persist: Persist | null, messages: readonly Message[]): void {
    if (persist === null && messages.length === 0) {
      return;
    }
    this.queue.push({ kind: 'write', write: { persist, messages } });
    this.queuedBytes += persist === null ? 0 : bytesOf(persist);
  }

  /**
   * Runs `task` when all that was queued before is durable, and lets what is queued later wait for it. If it
   * rejects, the disk has failed. Rejects with `stopped` if the persister is closed before its turn has come.
   */
  async exclusive(task: () => Promise<void>): Promise<void> {
    if (this.stopped) {
      throw stoppedError();
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settle = (error: unknown): void => (error === null ? resolve() : reject(error));
    this.queue.push({ kind: 'task', task: { run: task, settle } });
    this.running ??= this.run();
    return promise;
  }

  /** Starts writing what is queued, unless a write is in flight: then that one's end starts the next. */
  flush(): void {
    if (this.stopped || this.running !== null || this.queue.length === 0) {
      return;
    }
    if (this.queue.every((item) => item.kind === 'write' && item.write.persist === null)) {
      this.release(null, this.takeWrites());
      return;
    }
    this.running = this.run();
  }

  /** Waits for what is in flight and drops what is queued: it was acknowledged to nobody. */
  async close(): Promise<void> {
    this.stop();
    await this.running;
  }

  private async run(): Promise<void> {
    try {
      while (this.queue.length > 0 && !this.stopped) {
        const [first] = this.queue;
        if (first?.kind === 'task') {
          this.queue.shift();
          await runTask(first.task);
        } else {
          await this.write(this.takeWrites());
        }
      }
    } catch (error) {
      this.stop();
      this.events.failed(error);
    } finally {
      this.running = null;
    }
  }

  private async write(writes: readonly Write[]): Promise<void> {
    const persists = writes.flatMap(({ persist }) => (persist === null ? [] : [persist]));
    if (persists.length > 0) {
      await this.log.append(persists);
    }
    for (const persist of persists) {
      this.queuedBytes -= bytesOf(persist);
    }
    if (!this.stopped) {
      this.release(persists.at(-1)?.batch ?? null, writes);
    }
  }

  private release(batch: number | null, writes: readonly Write[]): void {
    this.events.durable(
      batch,
      writes.flatMap(({ messages }) => messages),
    );
  }

  /** Takes the writes up to the next task. */
  private takeWrites(): readonly Write[] {
    const end = this.queue.findIndex(({ kind }) => kind === 'task');
    const items = this.queue.splice(0, end < 0 ? this.queue.length : end);
    return items.flatMap((item) => (item.kind === 'write' ? [item.write] : []));
  }

  private stop(): void {
    this.stopped = true;
    const dropped = this.queue;
    this.queue = [];
    for (const item of dropped) {
      if (item.kind === 'task') {
        item.task.settle(stoppedError());
      }
    }
  }
}

async function runTask({ run, settle }: Task): Promise<void> {
  try {
    await run();
    settle(null);
  } catch (error) {
    settle(error);
    throw error;
  }
}

function stoppedError(): ReplicaError {
  return new ReplicaError('stopped', 'the member is stopping');
}

function bytesOf(persist: Persist): number {
  let bytes = 0;
  for (const entry of persist.entries) {
    bytes += entry.kind === 'command' ? entry.data.length : 0;
  }
  return bytes;
}
