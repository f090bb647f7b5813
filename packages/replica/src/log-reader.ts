import type { Entry, LogRead } from '@quorate/raft';
import { StorageError, type WriteAheadLog } from '@quorate/storage';

/** Who is told what came of a read. */
export type LogReaderEvents = {
  read(read: LogRead, entries: readonly Entry[]): void;
  failed(error: unknown): void;
};

/** Reads entries for the core that have left its memory. */
export class LogReader {
  private readonly log: WriteAheadLog;
  private readonly events: LogReaderEvents;
  private readonly running = new Set<Promise<void>>();

  constructor(log: WriteAheadLog, events: LogReaderEvents) {
    this.log = log;
    this.events = events;
  }

  read(read: LogRead): void {
    const done = this.log
      .read(read.first, read.last, read.maxBytes)
      .then(
        (entries) => this.events.read(read, entries),
        (error: unknown) => {
          if (error instanceof StorageError && error.code === 'removed') {
            // The log was compacted meanwhile, or replaced by a snapshot: the core asks for them no more.
            this.events.read(read, []);
          } else {
            this.events.failed(error);
          }
        },
      )
      .finally(() => this.running.delete(done));
    this.running.add(done);
  }

  /** Resolves when nothing is being read. */
  async close(): Promise<void> {
    await Promise.allSettled(this.running);
  }
}
