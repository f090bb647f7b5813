import type { Store } from '@quorate/kv';
import type {
  Input,
  LogIndex,
  MemberId,
  Message,
  MonotonicMs,
  Output,
  RaftCore,
  SnapshotDescription,
} from '@quorate/raft';
import type { IncomingSnapshot, SnapshotOffer, WriteAheadLog } from '@quorate/storage';
import { PeerRefused } from '../peer-call.ts';
import type { Persister } from '../persister.ts';
import type { Clock, Logger } from '../ports.ts';
import { ReplicaError } from '../replica-error.ts';
import { LogCompactor } from './log-compactor.ts';
import { pause } from './pause.ts';
import { type MadeSnapshot, SnapshotMaker } from './snapshot-maker.ts';
import { SnapshotOffers } from './snapshot-offers.ts';
import type { SnapshotOptions } from './snapshot-options.ts';
import { SnapshotReceiver, type SnapshotReceiverParts } from './snapshot-receiver.ts';
import { SnapshotSource } from './snapshot-source.ts';

/** What the core is told of snapshots. */
type SnapshotInput = Extract<
  Input,
  { type: 'compact' | 'snapshot-sent' | 'snapshot-installing' | 'snapshot-installed' }
>;

/** What snapshots need of their replica. All functions are synchronous but those that return promises. */
export type SnapshotParts = {
  readonly clusterId: bigint;
  readonly snapshots: SnapshotOptions;
  readonly store: Store;
  readonly log: WriteAheadLog;
  readonly persister: Persister;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly core: Pick<RaftCore, 'commit' | 'snapshotIndex' | 'describeSnapshot' | 'needsSnapshot'>;
  readonly call: SnapshotReceiverParts['call'];
  readonly nameOf: (id: MemberId) => string;
  /** Steps the core, now. */
  readonly step: (input: SnapshotInput) => void;
  /** The state machine is going to be replaced: what was to be applied to it is dropped. */
  readonly replacing: () => void;
  /** The state machine is that of the snapshot by now, and the core is about to hear of it. */
  readonly replaced: (snapshot: SnapshotDescription) => void;
  /** The member cannot go on. */
  readonly failed: (error: unknown) => void;
};

/**
 * Everything about snapshots in one member (Raft, section 7): makes them, compacts the log by them, gives them to
 * followers that lag, and takes them from a leader.
 *
 * Making, compacting and installing exclude each other: the state machine is replaced only when nothing else
 * is at work on it, and nothing else begins before that is done.
 */
export class Snapshots {
  private readonly parts: SnapshotParts;
  private readonly maker: SnapshotMaker;
  private readonly compactor: LogCompactor;
  private readonly source: SnapshotSource;
  private readonly receiver: SnapshotReceiver;
  private readonly offers: SnapshotOffers;
  private isInstalling = false;
  private closed = false;
  private removing: Promise<void> = Promise.resolve();

  constructor(parts: SnapshotParts) {
    this.parts = parts;
    const { clusterId, store, log, core, clock, logger, nameOf, failed } = parts;
    const { directory, transfer: limits, compaction: policy } = parts.snapshots;
    this.maker = new SnapshotMaker({
      clusterId,
      directory,
      store,
      clock,
      logger,
      describe: (index) => core.describeSnapshot(index),
    });
    this.compactor = new LogCompactor({
      policy,
      log,
      store,
      clock,
      logger,
      makeSnapshot: async () => this.make(1),
      neededAfter: () => this.source.oldestIndex,
      compact: async (durable, through) => this.compactLog(durable, through),
      failed,
    });
    this.source = new SnapshotSource({
      directory,
      limits,
      clock,
      logger,
      make: async (index) => this.make(index),
      isContinued: (index) => index + 1 >= log.firstIndex,
      nameOf,
      released: () => this.removeUnused(),
    });
    this.receiver = new SnapshotReceiver({
      directory,
      limits,
      clock,
      logger,
      call: parts.call,
      nameOf,
      isNeeded: (index) => index > core.commit,
      received: async (incoming) => this.receive(incoming),
      failed,
    });
    this.offers = new SnapshotOffers(limits.offerMs);
  }

  /** The core took a step: starts to fetch what its leader offers, and notes what is offered to others. */
  stepped({ snapshotToInstall, messages }: Output): void {
    if (snapshotToInstall !== null) {
      this.receiver.fetch(snapshotToInstall.from, snapshotToInstall.snapshot.index);
    }
    for (const message of messages) {
      if (message.type === 'snapshot-request') {
        this.offers.offered(message.to, this.parts.clock.monotonicMs());
      }
    }
  }

  /** A message came in, and the core has seen it. */
  heard(message: Message): void {
    if (message.type === 'snapshot-response' && this.offers.answered(message.from)) {
      this.source.done(message.from);
      this.parts.step({ type: 'snapshot-sent', peer: message.from, delivered: true });
    }
  }

  ticked(nowMs: MonotonicMs): void {
    for (const peer of this.offers.expire(nowMs)) {
      this.parts.step({ type: 'snapshot-sent', peer, delivered: false });
    }
    this.source.expire(nowMs);
    if (!this.isInstalling) {
      this.compactor.check();
    }
  }

  /** Answers a peer's `snapshot-open`. */
  async open(from: MemberId, index: number): Promise<SnapshotOffer> {
    this.offers.heard(from, this.parts.clock.monotonicMs());
    return this.source.open(from, index);
  }

  /** Answers a peer's `snapshot-read`. */
  async read(from: MemberId, digest: string, offset: number, maxBytes: number): Promise<Uint8Array> {
    this.offers.heard(from, this.parts.clock.monotonicMs());
    return this.source.read(from, digest, offset, maxBytes);
  }

  /** Ends everything. The persister must be closed before: what waits for it ends then. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([
      this.maker.close(),
      this.compactor.close(),
      this.receiver.close(),
      this.source.close(),
    ]);
    await this.removing;
  }

  /** An installation that is broken off is completed by the next start. */
  private checkOpen(): void {
    if (this.closed) {
      throw new ReplicaError('stopped', 'the member is stopping');
    }
  }

  /** Makes a snapshot of entry `index` or a later one, if that is applied. */
  private async make(index: number): Promise<MadeSnapshot> {
    if (this.isInstalling) {
      throw new PeerRefused('not-applied', 'this member is installing a snapshot itself');
    }
    const { core, store } = this.parts;
    if (store.appliedIndex < index) {
      throw new PeerRefused('not-applied', 'this member has not applied what the snapshot must hold');
    }
    if (store.appliedIndex < core.snapshotIndex) {
      // It came from another member when this one had lost its own, which was newer.
      throw new PeerRefused(
        'not-applied',
        'the state machine of this member was repaired, and is not up to date yet',
      );
    }
    return this.maker.make();
  }

  private async compactLog(durable: LogIndex, through: LogIndex): Promise<void> {
    const { parts } = this;
    const snapshot = parts.core.describeSnapshot(durable);
    parts.step({ type: 'compact', snapshot, through });
    await parts.persister.exclusive(async () => parts.log.removeThrough(through, snapshot));
    await this.removeFilesBefore(durable);
  }

  /**
   * Installs a snapshot of which everything has come. Each step is durable before the next begins, so that a
   * start after a crash finds out where to go on (see `loadSnapshot`).
   */
  private async receive(incoming: IncomingSnapshot): Promise<void> {
    const { parts } = this;
    this.isInstalling = true;
    let isReplacing = false;
    try {
      await this.compactor.idle();
      await this.maker.idle();
      const description = incoming.header?.description;
      if (description === undefined || !parts.core.needsSnapshot(description)) {
        await incoming.discard();
        return;
      }
      await incoming.finish();
      if (parts.core.needsSnapshot(description)) {
        isReplacing = true;
        parts.replacing();
        parts.step({ type: 'snapshot-installing', snapshot: description });
        await this.install(description);
        isReplacing = false;
      }
    } catch (error) {
      // A clean stop in the middle is no failure: the next start completes the installation.
      if (isStopped(error)) return;
      if (!isReplacing) throw error;
      parts.failed(error);
    } finally {
      // What was broken off is never over in this life, so that nothing removes the file that the next start needs.
      this.isInstalling = isReplacing;
      this.removeUnused();
    }
  }

  private async install(description: SnapshotDescription): Promise<void> {
    const { store, log, persister, snapshots, clock, logger } = this.parts;
    const { index } = description;
    const startedMs = clock.monotonicMs();
    const file = await snapshots.directory.openFile(description);
    try {
      await store.install(file.content(), async () => {
        await pause(clock);
        this.checkOpen();
      });
    } finally {
      await file.close();
    }
    await store.sync();
    await persister.exclusive(async () => log.removeThrough(index, description));
    this.compactor.replaced(index);
    this.parts.replaced(description);
    this.parts.step({ type: 'snapshot-installed', snapshot: description });
    const ms = Math.round(clock.monotonicMs() - startedMs);
    logger.info({ index, ms }, `installed the snapshot of entry ${index} in ${ms} ms`);
  }

  /**
   * Removes files that nothing needs any more. What an engine that is persistent holds it needs no file for, once
   * an installation has ended with a sync; and one that begins meanwhile is of a later entry than this.
   */
  private removeUnused(): void {
    const { store } = this.parts;
    if (store.isPersistent && this.source.isIdle && !this.isInstalling) {
      const first = store.appliedIndex + 1;
      this.removing = this.removing.then(async () => this.removeFilesBefore(first));
    }
  }

  private async removeFilesBefore(index: number): Promise<void> {
    const { snapshots, logger } = this.parts;
    try {
      await snapshots.directory.removeBefore(index);
    } catch (error) {
      logger.warn({ err: error }, `could not remove old snapshots: ${String(error)}`);
    }
  }
}

function isStopped(error: unknown): boolean {
  return error instanceof ReplicaError && error.code === 'stopped';
}
