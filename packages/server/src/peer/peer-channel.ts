import assert from 'node:assert/strict';
import type { LogIndex, Message } from '@quorate/raft';
import type {
  CallSending,
  Clock,
  Logger,
  Peer,
  PeerAnswer,
  PeerRequest,
  Random,
  Timer,
} from '@quorate/replica';
import { parseUrl } from '../configuration/network-address.ts';
import { Backoff } from './backoff.ts';
import { encodeCall } from './call-codec.ts';
import type { Introduction, TurnedAway } from './greeting.ts';
import { encodeBatch } from './message-codec.ts';
import { OutboundConnection, type OutboundEnd } from './outbound-connection.ts';
import { SendQueue } from './send-queue.ts';
import { noTraffic, sumOfTraffic, type Traffic } from './traffic.ts';
import type { TransportLimits } from './transport-limits.ts';

export type PeerChannelOptions = {
  readonly peer: Peer;
  /** What people call the peer. */
  readonly name: string;
  /** Who this member is at the moment. */
  readonly introduction: () => Introduction;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits: TransportLimits;
  readonly established: () => void;
  /** The peer's host closed the connection that had been established. */
  readonly closedByPeer: () => void;
  /** Messages to the peer may have been lost. */
  readonly lost: () => void;
  /** The peer does not know this member, as of the configuration at this log index. */
  readonly turnedAway: (asOf: LogIndex) => void;
  /** The peer knows that this member has run before, though it has not with this data directory. */
  readonly knownBefore: () => void;
  /** The peer answered a call. */
  readonly answered: (id: number, answer: PeerAnswer) => void;
  /** Calls that are not answered yet never will be: their connection ended. */
  readonly callsLost: () => void;
};

type State =
  /** Between two attempts. */
  | { readonly kind: 'waiting'; readonly timer: Timer }
  /** Dialling, or waiting for the answer to the Hello. */
  | { readonly kind: 'greeting'; readonly connection: OutboundConnection }
  | { readonly kind: 'established'; readonly connection: OutboundConnection; readonly sinceMs: number }
  | { readonly kind: 'closed' };

/**
 * What one member sends to one peer: a bounded queue in front of one connection, which is dialled again and
 * again while the peer belongs to the cluster. Owns the connection and the timer of the next attempt.
 */
export class PeerChannel {
  private readonly options: PeerChannelOptions;
  private readonly queue: SendQueue;
  private readonly backoff: Backoff;
  private state: State = { kind: 'closed' };
  private attempts = 0;
  /** Attempts in a row that led to no connection. */
  private failures = 0;
  private flushScheduled = false;
  /** Over connections that have ended. */
  private pastTraffic = noTraffic;
  /** What was last said about this peer's absence, so that it is said once. */
  private reported: string | null = null;

  constructor(options: PeerChannelOptions) {
    this.options = options;
    const { limits } = options;
    this.queue = new SendQueue({ messagesMax: limits.queueMessagesMax, bytesMax: limits.queueMaxBytes });
    this.backoff = new Backoff(
      { initialMs: limits.reconnectInitialMs, maxMs: limits.reconnectMaxMs },
      options.random,
    );
  }

  get peer(): Peer {
    return this.options.peer;
  }

  get isConnected(): boolean {
    return this.state.kind === 'established';
  }

  /** Over all connections since the channel was opened. */
  get traffic(): Traffic {
    if (this.state.kind !== 'established') return this.pastTraffic;
    return sumOfTraffic(this.pastTraffic, this.state.connection.traffic);
  }

  /** Starts the first attempt. */
  open(): void {
    this.dial();
  }

  /** Queues a message; false if it is lost because the peer is not connected or reads too slowly. */
  send(message: Message): boolean {
    if (this.state.kind !== 'established' || !this.queue.add(message)) return false;
    if (!this.flushScheduled) {
      this.flushScheduled = true;
      queueMicrotask(() => {
        this.flushScheduled = false;
        this.flush();
      });
    }
    return true;
  }

  /** Sends a call, unless the peer is not connected or reads too slowly. */
  call(id: number, request: PeerRequest): CallSending {
    if (this.state.kind !== 'established') return 'unreachable';
    const { connection } = this.state;
    if (connection.bufferedBytes >= this.options.limits.urgentWindowBytes) return 'overloaded';
    const payload = encodeCall(id, request);
    if (payload.length > this.options.limits.callMaxBytes) return 'too-large';
    connection.writeCall(payload);
    return 'sent';
  }

  /** The peer is there, as its own connection shows: do not wait for the next attempt. */
  hurry(): void {
    if (this.state.kind !== 'waiting') return;
    this.state.timer.cancel();
    this.backoff.reset();
    this.dial();
  }

  close(): void {
    if (this.state.kind === 'waiting') this.state.timer.cancel();
    if (this.state.kind === 'greeting' || this.state.kind === 'established') this.state.connection.close();
    this.state = { kind: 'closed' };
    this.queue.clear();
    this.options.callsLost();
  }

  private dial(): void {
    const { urls } = this.options.peer;
    const url = urls[this.attempts % urls.length];
    assert(url !== undefined, 'a peer has at least one URL');
    this.attempts += 1;
    const connection = OutboundConnection.dial({
      address: parseUrl(url),
      own: this.options.introduction(),
      peer: this.options.peer.id,
      clock: this.options.clock,
      limits: this.options.limits,
      established: () => this.establish(connection),
      drained: () => this.flush(),
      answered: this.options.answered,
      ended: (end) => this.ended(end, url),
    });
    this.state = { kind: 'greeting', connection };
  }

  private establish(connection: OutboundConnection): void {
    this.state = { kind: 'established', connection, sinceMs: this.options.clock.monotonicMs() };
    this.reported = null;
    this.failures = 0;
    this.options.logger.info({ peer: this.options.name }, `connected to ${this.options.name}`);
    this.options.established();
  }

  private ended(end: OutboundEnd, url: string): void {
    const { state } = this;
    if (state.kind === 'closed') return;
    this.pastTraffic = this.traffic;
    const { clock, limits } = this.options;
    if (state.kind === 'established' && clock.monotonicMs() - state.sinceMs >= limits.stableAfterMs) {
      this.backoff.reset();
    }
    this.queue.clear();
    this.report(end, url, state.kind === 'established');
    const refused = end.kind === 'refused' || end.kind === 'malformed';
    const timer = clock.setTimer(refused ? limits.refusedRetryMs : this.backoff.next(), () => this.dial());
    this.state = { kind: 'waiting', timer };
    if (end.kind === 'refused') this.tell(end.reason);
    if (state.kind === 'established') {
      this.options.lost();
      this.options.callsLost();
      if (end.kind === 'closed-by-peer') this.options.closedByPeer();
    }
  }

  private tell(reason: TurnedAway['reason']): void {
    switch (reason.kind) {
      case 'misfit':
        return;
      case 'unknown':
        this.options.turnedAway(reason.asOf);
        return;
      case 'forgetful':
        this.options.knownBefore();
    }
  }

  /** Tells people once that a peer is gone or refuses to talk; repeated failures to reach it are details. */
  private report(end: OutboundEnd, url: string, wasEstablished: boolean): void {
    const { logger, name } = this.options;
    const explanation = explain(end);
    const fields = { peer: name, url };
    if (end.kind === 'refused' || end.kind === 'malformed') {
      if (this.reported === explanation) return;
      this.reported = explanation;
      logger.error(fields, `${name} at ${url} cannot be talked to: ${explanation}`);
    } else if (wasEstablished) {
      logger.warn(fields, `lost the connection to ${name}: ${explanation}`);
    } else {
      this.failures += 1;
      if (this.failures === failuresBeforeReport) {
        logger.warn(fields, `cannot reach ${name} at ${url}, and keeps trying: ${explanation}`);
      } else {
        logger.debug(fields, `cannot reach ${name} at ${url}: ${explanation}`);
      }
    }
  }

  private flush(): void {
    const { bulkWindowBytes, urgentWindowBytes, payloadMaxBytes } = this.options.limits;
    while (this.state.kind === 'established' && !this.queue.isEmpty) {
      const { connection } = this.state;
      const { bufferedBytes } = connection;
      if (bufferedBytes >= urgentWindowBytes) return;
      const messages = this.queue.take(bufferedBytes < bulkWindowBytes ? bulkWindowBytes : 0);
      if (messages.length === 0) return;
      const payload = encodeBatch(messages);
      assert(payload.length <= payloadMaxBytes, 'a batch fits into a frame, because requests are limited');
      connection.writeBatch(payload);
    }
  }
}

/** Members start one after the other: the failures of the first few seconds are nothing to report. */
const failuresBeforeReport = 8;

function explain(end: OutboundEnd): string {
  switch (end.kind) {
    case 'closed-by-peer':
      return 'its host closed it';
    case 'silent':
      return 'nothing came from it any more';
    case 'lost':
    case 'malformed':
    case 'refused':
      return end.message;
  }
}
