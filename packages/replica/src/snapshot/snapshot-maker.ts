import type { Store } from '@quorate/kv';
import type { LogIndex, SnapshotDescription } from '@quorate/raft';
import type { SnapshotDirectory } from '@quorate/storage';
import type { Clock, Logger } from '../ports.ts';
import { ReplicaError } from '../replica-error.ts';
import { pause } from './pause.ts';

export type SnapshotMakerParts = {
  readonly clusterId: bigint;
  readonly directory: SnapshotDirectory;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What a snapshot of the state machine as of this entry is called. */
  readonly describe: (index: LogIndex) => SnapshotDescription;
};

export type MadeSnapshot = { readonly description: SnapshotDescription; readonly contentBytes: number };

/** Writes snapshots of the own state machine to files, one at a time, while everything else goes on. */
export class SnapshotMaker {
  private readonly parts: SnapshotMakerParts;
  private making: Promise<MadeSnapshot> | null = null;
  private closed = false;

  constructor(parts: SnapshotMakerParts) {
    this.parts = parts;
  }

  /**
   * Makes a snapshot, or waits for the one that is being made. When it resolves the file is complete and durable.
   * Rejects with a StorageError: then there is no file, and it may be tried again; or with `stopped`.
   */
  async make(): Promise<MadeSnapshot> {
    this.making ??= this.write().finally(() => {
      this.making = null;
    });
    return this.making;
  }

  /** Resolves when none is being made. */
  async idle(): Promise<void> {
    await this.making?.catch(() => undefined);
  }

  /** Breaks off what is being made. */
  async close(): Promise<void> {
    this.closed = true;
    await this.idle();
  }

  private async write(): Promise<MadeSnapshot> {
    const { clusterId, directory, store, clock, logger, describe } = this.parts;
    const startedMs = clock.monotonicMs();
    const snapshot = store.openSnapshot();
    try {
      const description = describe(snapshot.appliedIndex as LogIndex);
      const writer = await directory.create({ clusterId, description });
      let bytes = 0;
      try {
        for (const chunk of snapshot.chunks()) {
          bytes += chunk.length;
          await writer.write(chunk);
          await pause(clock);
          this.checkOpen();
        }
        await writer.finish();
      } catch (error) {
        await writer.discard();
        throw error;
      }
      const ms = Math.round(clock.monotonicMs() - startedMs);
      logger.info(
        { index: description.index, bytes, ms },
        `made a snapshot of entry ${description.index}: ${bytes} bytes in ${ms} ms`,
      );
      return { description, contentBytes: bytes };
    } finally {
      snapshot.close();
    }
  }

  private checkOpen(): void {
    if (this.closed) {
      throw new ReplicaError('stopped', 'the member is stopping');
    }
  }
}
