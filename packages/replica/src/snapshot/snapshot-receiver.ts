import type { MemberId, MonotonicMs } from '@quorate/raft';
import {
  type IncomingSnapshot,
  type SnapshotDirectory,
  type SnapshotOffer,
  StorageError,
} from '@quorate/storage';
import type { Call } from '../call.ts';
import { PeerCallError, type PeerRequest, type ResponseTo } from '../peer-call.ts';
import type { Clock, Logger } from '../ports.ts';
import { ReplicaError } from '../replica-error.ts';
import type { TransferLimits } from './snapshot-options.ts';
import { TransferProgress } from './transfer-progress.ts';

export type SnapshotReceiverParts = {
  readonly directory: SnapshotDirectory;
  readonly limits: TransferLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly call: <Request extends PeerRequest>(
    peer: MemberId,
    request: Request,
    call: Call,
  ) => Promise<ResponseTo<Request>>;
  readonly nameOf: (id: MemberId) => string;
  /** Whether a snapshot of this entry would bring the member anything. */
  readonly isNeeded: (index: number) => boolean;
  /** Takes a snapshot of which everything is here: verifies it, and installs it if it is still needed. */
  readonly received: (incoming: IncomingSnapshot) => Promise<void>;
  /** The member cannot go on. */
  readonly failed: (error: unknown) => void;
};

type Fetch = { readonly from: MemberId; readonly abort: AbortController; readonly done: Promise<void> };

/**
 * Fetches snapshots from other members, one at a time. What has come stays on the disk: when a connection breaks
 * or the member is started again, the next attempt goes on where the last one ended, if it gets the same file.
 */
export class SnapshotReceiver {
  private readonly parts: SnapshotReceiverParts;
  private current: Fetch | null = null;
  private closed = false;

  constructor(parts: SnapshotReceiverParts) {
    this.parts = parts;
  }

  /** Starts to fetch a snapshot of entry `index` or a later one, unless one is being fetched from this member already. */
  fetch(from: MemberId, index: number): void {
    const previous = this.current;
    if (this.closed || previous?.from === from) {
      return;
    }
    previous?.abort.abort();
    const abort = new AbortController();
    const done = (previous?.done ?? Promise.resolve())
      .then(async () => this.run(from, index, abort.signal))
      .catch((error: unknown) => this.parts.failed(error))
      .finally(() => {
        if (this.current?.abort === abort) {
          this.current = null;
        }
      });
    this.current = { from, abort, done };
  }

  /** Resolves when nothing is being fetched. */
  async idle(): Promise<void> {
    await this.current?.done;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.current?.abort.abort();
    await this.current?.done;
  }

  private async run(from: MemberId, index: number, signal: AbortSignal): Promise<void> {
    const { clock, limits, logger, nameOf } = this.parts;
    const patience = new Patience(clock, limits.patienceMs);
    while (!signal.aborted && this.parts.isNeeded(index)) {
      try {
        const offer = await this.ask(from, { type: 'snapshot-open', index }, signal);
        await this.pull(from, offer, patience, signal);
        return;
      } catch (error) {
        if (signal.aborted || (error instanceof ReplicaError && error.code === 'stopped')) {
          return;
        }
        if (!(error instanceof PeerCallError || error instanceof StorageError)) {
          throw error;
        }
        if (error instanceof StorageError || patience.isOver) {
          logger.warn(
            { err: error, from: nameOf(from) },
            `got no snapshot from ${nameOf(from)}: ${error.message}`,
          );
          return;
        }
        logger.debug({ err: error, from: nameOf(from) }, `a call for a snapshot failed: ${error.message}`);
        await sleep(clock, limits.retryMs, signal);
      }
    }
  }

  private async pull(
    from: MemberId,
    offer: SnapshotOffer,
    patience: Patience,
    signal: AbortSignal,
  ): Promise<void> {
    const { directory, clock, logger, nameOf } = this.parts;
    const incoming = await directory.receive(offer);
    try {
      const { index, sizeBytes } = offer;
      const name = nameOf(from);
      const fields = { index, from: name, bytes: sizeBytes };
      const progress = new TransferProgress(clock, sizeBytes, incoming.receivedBytes);
      logger.info(fields, `fetches the snapshot of entry ${index} from ${name}: ${progress.text()}`);
      for await (const bytes of this.pieces(from, offer, incoming.receivedBytes, signal)) {
        await incoming.write(bytes);
        patience.renew();
        const report = progress.reached(incoming.receivedBytes);
        if (report !== null) {
          logger.info(fields, `fetching the snapshot of entry ${index} from ${name}: ${report}`);
        }
      }
      logger.info(fields, `has fetched the snapshot of entry ${index} from ${name}: ${progress.text()}`);
      signal.throwIfAborted();
      await this.parts.received(incoming);
    } finally {
      await incoming.keep();
    }
  }

  /** What is missing of the file, in order; several calls are on their way at a time. */
  private async *pieces(
    from: MemberId,
    { digest, sizeBytes }: SnapshotOffer,
    start: number,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    const { chunkMaxBytes, windowChunks } = this.parts.limits;
    const window: Promise<Uint8Array>[] = [];
    for (let next = start; next < sizeBytes || window.length > 0; ) {
      while (next < sizeBytes && window.length < windowChunks) {
        const length = Math.min(chunkMaxBytes, sizeBytes - next);
        const piece = this.readPiece(from, digest, next, length, signal);
        piece.catch(() => undefined); // If an earlier one fails nobody waits for it.
        window.push(piece);
        next += length;
      }
      const first = window.shift();
      if (first !== undefined) {
        yield await first;
      }
    }
  }

  private async readPiece(
    from: MemberId,
    digest: string,
    offset: number,
    length: number,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const request = { type: 'snapshot-read', digest, offset, maxBytes: length } as const;
    const { bytes } = await this.ask(from, request, signal);
    if (bytes.length !== length) {
      const message = `asked for ${length} bytes of the snapshot at ${offset}, and got ${bytes.length}`;
      throw new PeerCallError('refused', message, { code: 'short-read', message });
    }
    return bytes;
  }

  private async ask<Request extends PeerRequest>(
    from: MemberId,
    request: Request,
    signal: AbortSignal,
  ): Promise<ResponseTo<Request>> {
    const { call, clock, limits } = this.parts;
    return call(from, request, { deadlineMs: clock.monotonicMs() + limits.callTimeoutMs, signal });
  }
}

/** How long to try without any progress. */
class Patience {
  private readonly clock: Clock;
  private readonly patienceMs: number;
  private sinceMs: MonotonicMs;

  constructor(clock: Clock, patienceMs: number) {
    this.clock = clock;
    this.patienceMs = patienceMs;
    this.sinceMs = clock.monotonicMs();
  }

  get isOver(): boolean {
    return this.clock.monotonicMs() - this.sinceMs >= this.patienceMs;
  }

  renew(): void {
    this.sinceMs = this.clock.monotonicMs();
  }
}

/** Resolves after that time, or at once when the signal is given. */
async function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.setTimer(ms, resolve);
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
  timer.cancel();
}
