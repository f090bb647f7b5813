import { SnapshotError, type Store } from '@quorate/kv';
import type { MemberAddress, MemberId, SnapshotDescription } from '@quorate/raft';
import { StorageError, type WriteAheadLog } from '@quorate/storage';
import type { CoreObserver } from '../core-observer.ts';
import { deafEvents } from '../peer-line.ts';
import type { Clock, Logger, PeerEvents, PeerTransport } from '../ports.ts';
import { ReplicaError } from '../replica-error.ts';
import { loadSnapshot } from './load-snapshot.ts';
import type { SnapshotOptions } from './snapshot-options.ts';
import { SnapshotReceiver } from './snapshot-receiver.ts';

export type RestoreStateOptions = {
  readonly memberId: MemberId;
  readonly clusterId: bigint;
  readonly log: WriteAheadLog;
  readonly store: Store;
  readonly snapshots: SnapshotOptions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer?: CoreObserver | undefined;
  readonly connect: (events: PeerEvents) => PeerTransport;
  /** Calls it off when aborted. */
  readonly starting?: AbortSignal | undefined;
};

/** How long one peer is asked without any progress, before it is the turn of another one. */
const patienceMs = 2_000;
const pauseMs = 500;

/**
 * Brings the state machine to where the log can go on from, whatever has become of it, as long as the log is whole:
 *
 * - From the newest snapshot file, as `loadSnapshot` does. A file that turns out to be damaged is set aside.
 * - If the log no longer holds what is missing, by a snapshot of another member. A state machine holds nothing but
 *   what is committed, so that any member's will do. The member keeps its log and its votes meanwhile: of what it has
 *   promised nothing is lost, and it takes no part in anything before it has its state machine back.
 *
 * Returns the snapshot if it has replaced the whole log. Rejects with `inconsistent-data` if there is no other member
 * to ask, with `stopped` if the start is called off, and as `loadSnapshot` does.
 */
export async function restoreState(options: RestoreStateOptions): Promise<SnapshotDescription | null> {
  const { store, log } = options;
  for (;;) {
    const loaded = await loadSound(options);
    const first = loaded === null ? log.recovered.firstIndex : loaded.index + 1;
    if (store.appliedIndex + 1 >= first && !store.isIncomplete) return loaded;
    options.logger.warn(
      { appliedIndex: store.appliedIndex, firstIndex: first },
      `the state machine stands at entry ${store.appliedIndex}, and the log begins at ${first}: fetches a snapshot from another member`,
    );
    await fetchSnapshot(options, first - 1);
  }
}

/**
 * As `loadSnapshot`, from the newest file that is not damaged: others are set aside. As one may be all that is left of
 * the state machine, it is read twice before: a read that went astray is no damage.
 */
async function loadSound(options: RestoreStateOptions): Promise<SnapshotDescription | null> {
  const { snapshots, logger } = options;
  for (let readings = 1; ; readings += 1) {
    try {
      return await loadSnapshot({ ...options, directory: snapshots.directory });
    } catch (error) {
      const isDamage = error instanceof StorageError || error instanceof SnapshotError;
      if (!isDamage || error.code !== 'damaged') throw error;
      if (readings % 2 === 1) {
        logger.warn({ err: error }, `${error.message}. It is read once more`);
        continue;
      }
      const aside = await snapshots.directory.setAsideLatest();
      if (aside === null) throw error;
      logger.error({ err: error, aside }, `${error.message}. The file is kept as ${aside}`);
    }
  }
}

/** Fetches a snapshot of entry `index` or a later one from whichever member has one. */
async function fetchSnapshot(options: RestoreStateOptions, index: number): Promise<void> {
  const { clock, logger, starting } = options;
  const peers = peersOf(options);
  if (peers.length === 0) {
    throw new ReplicaError(
      'inconsistent-data',
      `the state machine is lost up to entry ${index}, and there is no other member to get it from: restore a backup (quorate snapshot restore) into an empty directory`,
    );
  }
  const fetching = new Fetching(options, peers, index);
  const cancel = (): void => void fetching.close();
  starting?.addEventListener('abort', cancel);
  try {
    for (let turn = 0; !(await fetching.tryPeer(turn)); turn += 1) {
      if (starting?.aborted === true) throw new ReplicaError('stopped', 'the start was called off');
      if (turn === peers.length)
        logger.warn({ index }, 'no member has a snapshot for this one yet; keeps asking');
      const { promise, resolve } = Promise.withResolvers<void>();
      clock.setTimer(pauseMs, resolve);
      await promise;
    }
  } finally {
    starting?.removeEventListener('abort', cancel);
    await fetching.close();
  }
}

class Fetching {
  private readonly peers: readonly MemberAddress[];
  private readonly index: number;
  private readonly transport: PeerTransport;
  private readonly receiver: SnapshotReceiver;
  private isReceived = false;
  private failure: Error | null = null;

  constructor(options: RestoreStateOptions, peers: readonly MemberAddress[], index: number) {
    const { snapshots, clock, logger, connect } = options;
    this.peers = peers;
    this.index = index;
    this.transport = connect(deafEvents);
    this.transport.setPeers(
      peers.map(({ id, peerUrls }) => ({ id, urls: peerUrls })),
      null,
    );
    this.receiver = new SnapshotReceiver({
      directory: snapshots.directory,
      limits: { ...snapshots.transfer, patienceMs },
      clock,
      logger,
      call: async (peer, request, call) => this.transport.call(peer, request, call),
      nameOf: (id) => peers.find((peer) => peer.id === id)?.name ?? id.toString(16),
      isNeeded: () => !this.isReceived,
      received: async (incoming) => {
        await incoming.finish();
        this.isReceived = true;
      },
      failed: (error) => {
        this.failure = error instanceof Error ? error : new Error(String(error));
      },
    });
  }

  /** Asks one of the peers, by turns. Returns whether the snapshot is here. */
  async tryPeer(turn: number): Promise<boolean> {
    const peer = this.peers[turn % this.peers.length];
    if (peer !== undefined) this.receiver.fetch(peer.id, this.index);
    await this.receiver.idle();
    if (this.failure !== null) throw this.failure;
    return this.isReceived;
  }

  async close(): Promise<void> {
    await this.receiver.close();
  }
}

/** The other members, as the log knows them. */
function peersOf({ log, memberId }: RestoreStateOptions): readonly MemberAddress[] {
  const { configurations, snapshot } = log.recovered;
  const latest = configurations.at(-1) ?? snapshot;
  return latest?.configuration.addresses.filter(({ id }) => id !== memberId) ?? [];
}
