import type { Message, Persist } from '@quorate/raft';
import type { WriteAheadLog } from '@quorate/storage';

/** What the persister tells its replica. */
export type PersisterEvents = {
  /** Everything up to `batch` is durable; `messages` waited for it. `batch` is null if nothing had to be written. */
  durable(batch: number | null, messages: readonly Message[]): void;
  /** The disk failed. What is in flight may or may not be durable, so the member must stop. */
  failed(error: unknown): void;
};

type Item = { readonly persist: Persist | null; readonly messages: readonly Message[] };

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
    this.queue.push({ persist, messages });
    this.queuedBytes += persist === null ? 0 : bytesOf(persist);
  }

  /** Starts writing what is queued, unless a write is in flight: then that one's end starts the next. */
  flush(): void {
    if (this.stopped || this.running !== null || this.queue.length === 0) {
      return;
    }
    if (this.queue.every((item) => item.persist === null)) {
      const items = this.takeAll();
      this.events.durable(
        null,
        items.flatMap((item) => item.messages),
      );
      return;
    }
    this.running = this.run();
  }

  /** Waits for the write in flight and drops what is queued: it was acknowledged to nobody. */
  async close(): Promise<void> {
    this.stopped = true;
    this.queue = [];
    await this.running;
  }

  private async run(): Promise<void> {
    try {
      while (this.queue.length > 0 && !this.stopped) {
        const items = this.takeAll();
        const persists = items.flatMap((item) => (item.persist === null ? [] : [item.persist]));
        if (persists.length > 0) {
          await this.log.append(persists);
        }
        for (const persist of persists) {
          this.queuedBytes -= bytesOf(persist);
        }
        if (!this.stopped) {
          this.events.durable(
            persists.at(-1)?.batch ?? null,
            items.flatMap((item) => item.messages),
          );
        }
      }
    } catch (error) {
      this.stopped = true;
      this.events.failed(error);
    } finally {
      this.running = null;
    }
  }

  private takeAll(): Item[] {
    const items = this.queue;
    this.queue = [];
    return items;
  }
}

function bytesOf(persist: Persist): number {
  let bytes = 0;
  for (const entry of persist.entries) {
    bytes += entry.kind === 'command' ? entry.data.length : 0;
  }
  return bytes;
}
