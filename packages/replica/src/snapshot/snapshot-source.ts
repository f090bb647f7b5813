import type { MemberId, MonotonicMs } from '@quorate/raft';
import {
  type SnapshotDirectory,
  type SnapshotFile,
  type SnapshotName,
  type SnapshotOffer,
  StorageError,
} from '@quorate/storage';
import { PeerRefused } from '../peer-call.ts';
import type { Clock, Logger } from '../ports.ts';
import { pause } from './pause.ts';
import type { MadeSnapshot } from './snapshot-maker.ts';
import { pieceMaxBytes, type TransferLimits } from './snapshot-options.ts';
import { TransferProgress } from './transfer-progress.ts';

export type SnapshotSourceParts = {
  readonly directory: SnapshotDirectory;
  readonly limits: TransferLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Makes a new file of the state machine as it is now; refuses if that has not applied entry `index`. */
  readonly make: (index: number) => Promise<MadeSnapshot>;
  /** Whether a member that has a snapshot of this entry could go on with the own log. */
  readonly isContinued: (index: number) => boolean;
  readonly nameOf: (id: MemberId) => string;
  /** A file is not read any more. */
  readonly released: () => void;
};

type Receiver = { readonly progress: TransferProgress; lastAskedMs: MonotonicMs };

type ServedFile = {
  readonly file: SnapshotFile;
  readonly receivers: Map<MemberId, Receiver>;
  lastAskedMs: MonotonicMs;
};

/**
 * Gives snapshots to members that ask for them, piece by piece. A file is made when somebody needs one, shared
 * by all who can use it, and let go when nobody has asked for any of it for a while.
 */
export class SnapshotSource {
  private readonly parts: SnapshotSourceParts;
  private readonly served = new Map<string, ServedFile>();
  private opening: Promise<void> | null = null;
  private closing: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(parts: SnapshotSourceParts) {
    this.parts = parts;
  }

  /** The oldest entry with which a snapshot ends that somebody is fetching, or null. */
  get oldestIndex(): number | null {
    let oldest: number | null = null;
    for (const { file, receivers } of this.served.values()) {
      const { index } = file.header.description;
      if (receivers.size > 0 && (oldest === null || index < oldest)) {
        oldest = index;
      }
    }
    return oldest;
  }

  /** Whether any file is open or about to be. */
  get isIdle(): boolean {
    return this.served.size === 0 && this.opening === null;
  }

  /**
   * Offers a snapshot of entry `index` or a later one, and keeps it for this member. May take as long as it takes
   * to write one. Rejects with a PeerRefused `overloaded`, or with a StorageError.
   */
  async open(from: MemberId, index: number): Promise<SnapshotOffer> {
    for (;;) {
      const served = this.usable(index);
      if (served !== undefined) {
        return this.offer(from, served);
      }
      this.checkRoom();
      this.opening ??= this.openFile(index).finally(() => {
        this.opening = null;
      });
      await this.opening;
    }
  }

  /** A piece of a file that was offered. Rejects with a PeerRefused `snapshot-gone` if it is not kept any more. */
  async read(from: MemberId, digest: string, offset: number, maxBytes: number): Promise<Uint8Array> {
    const { clock, logger, nameOf } = this.parts;
    const served = this.served.get(digest);
    const receiver = served?.receivers.get(from);
    if (served === undefined || receiver === undefined) {
      throw new PeerRefused('snapshot-gone', 'this member does not keep that snapshot any more');
    }
    const nowMs = clock.monotonicMs();
    served.lastAskedMs = nowMs;
    receiver.lastAskedMs = nowMs;
    const bytes = await served.file.read(offset, Math.min(maxBytes, pieceMaxBytes));
    const end = offset + bytes.length;
    const { index } = served.file.header.description;
    const report = receiver.progress.reached(end);
    if (report !== null) {
      logger.info(
        { index, to: nameOf(from) },
        `sending the snapshot of entry ${index} to ${nameOf(from)}: ${report}`,
      );
    }
    if (end === served.file.sizeBytes && served.receivers.get(from) === receiver) {
      logger.info(
        { index, to: nameOf(from) },
        `${nameOf(from)} has been sent the snapshot of entry ${index}: ${receiver.progress.text()}`,
      );
    }
    return bytes;
  }

  /** The member has what it needs. A file that it was the last one to fetch goes at once. */
  done(from: MemberId): void {
    for (const [digest, served] of this.served) {
      if (served.receivers.delete(from) && served.receivers.size === 0) {
        this.letGo(digest, served);
      }
    }
  }

  /** Lets go of what nobody has asked for lately. Called now and then. */
  expire(nowMs: MonotonicMs): void {
    const sinceMs = nowMs - this.parts.limits.leaseMs;
    for (const [digest, served] of this.served) {
      for (const [id, receiver] of served.receivers) {
        if (receiver.lastAskedMs <= sinceMs) {
          served.receivers.delete(id);
        }
      }
      if (served.receivers.size === 0 && served.lastAskedMs <= sinceMs) {
        this.letGo(digest, served);
      }
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.opening?.catch(() => undefined);
    for (const [digest, served] of this.served) {
      this.letGo(digest, served);
    }
    await this.closing;
  }

  private letGo(digest: string, { file }: ServedFile): void {
    this.served.delete(digest);
    this.closing = this.closing
      .then(async () => file.close())
      .catch((error: unknown) => {
        this.parts.logger.warn({ err: error }, `could not close ${file.path}`);
      });
    this.parts.released();
  }

  /** The newest file that serves somebody who needs entry `index`, and whose end the log still reaches. */
  private usable(index: number): ServedFile | undefined {
    let best: ServedFile | undefined;
    for (const served of this.served.values()) {
      const end = served.file.header.description.index;
      const isBetter = best === undefined || end > best.file.header.description.index;
      if (isBetter && end >= index && this.parts.isContinued(end)) {
        best = served;
      }
    }
    return best;
  }

  private offer(from: MemberId, served: ServedFile): SnapshotOffer {
    const { clock, limits, logger, nameOf } = this.parts;
    const { file } = served;
    const { index, term } = file.header.description;
    const nowMs = clock.monotonicMs();
    if (!served.receivers.has(from)) {
      if (served.receivers.size >= limits.receiversMax) {
        throw new PeerRefused('overloaded', 'too many members fetch this snapshot already');
      }
      logger.info(
        { index, to: nameOf(from), bytes: file.sizeBytes },
        `sends the snapshot of entry ${index} (${file.sizeBytes} bytes) to ${nameOf(from)}`,
      );
    }
    served.lastAskedMs = nowMs;
    const progress = new TransferProgress(clock, file.sizeBytes, 0);
    served.receivers.set(from, { progress, lastAskedMs: nowMs });
    return { index, term, sizeBytes: file.sizeBytes, digest: file.digest };
  }

  private checkOpen(): void {
    if (this.closed) {
      throw new PeerRefused('stopped', 'the member is stopping');
    }
  }

  private checkRoom(): void {
    const { limits } = this.parts;
    this.checkOpen();
    for (const [digest, served] of this.served) {
      if (this.served.size >= limits.filesMax && served.receivers.size === 0) {
        this.letGo(digest, served);
      }
    }
    if (this.served.size >= limits.filesMax) {
      throw new PeerRefused('overloaded', 'too many snapshots are being sent already');
    }
  }

  /**
   * Reads a file that is to be given away: whoever fetched a damaged one would find out, and ask again. It is read
   * twice before it is called damaged: a read that went astray is no damage.
   */
  private async damageOf(name: SnapshotName): Promise<StorageError | null> {
    return (await this.damageSeenIn(name)) === null ? null : this.damageSeenIn(name);
  }

  private async damageSeenIn(name: SnapshotName): Promise<StorageError | null> {
    const { directory, clock } = this.parts;
    try {
      const file = await directory.openFile(name);
      try {
        for await (const _ of file.content()) {
          this.checkOpen();
          await pause(clock);
        }
      } finally {
        await file.close();
      }
      return null;
    } catch (error) {
      if (error instanceof StorageError && error.code === 'damaged') return error;
      throw error;
    }
  }

  /**
   * The damaged file goes last: until there is another one, it may be all that a crash would leave of the state
   * machine. One of the same entry takes its place, and compacting the log removes it.
   */
  private async replace(damaged: SnapshotName, damage: StorageError): Promise<void> {
    const { directory, make, logger } = this.parts;
    logger.error({ err: damage }, `${damage.message}. Makes another one`);
    const { description } = await make(damaged.index);
    const isThere = (await directory.list()).some(({ index }) => index === damaged.index);
    if (!isThere || description.index === damaged.index) return;
    const aside = await directory.setAside(damaged);
    logger.error({ aside }, `the damaged snapshot is kept as ${aside}`);
  }

  /** Opens the newest file if it will do, or one that is made for the purpose. */
  private async openFile(index: number): Promise<void> {
    const { directory, make, isContinued } = this.parts;
    const latest = (await directory.list()).at(-1);
    if (latest === undefined || latest.index < index || !isContinued(latest.index)) {
      await make(index);
    } else {
      const damage = await this.damageOf(latest);
      if (damage !== null) await this.replace(latest, damage);
    }
    const file = await directory.openLatest();
    if (file === null || file.header.description.index < index || this.closed) {
      await file?.close();
      throw new PeerRefused('not-applied', 'this member has not applied what the snapshot must hold');
    }
    if (this.served.has(file.digest)) {
      await file.close();
      throw new PeerRefused('not-applied', 'the log does not go on after the snapshot of this member');
    }
    this.served.set(file.digest, {
      file,
      receivers: new Map(),
      lastAskedMs: this.parts.clock.monotonicMs(),
    });
  }
}
