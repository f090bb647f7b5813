import type { LoggedConfiguration, LogIndex, MemberId, Message } from '@quorate/raft';
import type { PeerRequest, PeerResponse, ResponseTo } from './peer-call.ts';
import type { Call } from './call.ts';

/** Time, as one member sees it. */
export interface Clock {
  /** Milliseconds on a clock that never goes back; its origin means nothing. */
  monotonicMs(): number;
  /** Milliseconds since 1970, as the host believes. Never used for safety. */
  wallMs(): number;
  /** Calls `callback` once, no sooner than `delayMs` from now. The result cancels it. */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Calls `callback` once, after the I/O events that are ready now have been handled: what arrives together is handled together. */
  defer(callback: () => void): void;
}

export interface Timer {
  cancel(): void;
}

/** Randomness: integers in [0, bound). */
export interface Random {
  integer(bound: number): number;
}

/** How a member reaches its peers. Best effort: messages may be lost, repeated or late, never altered. */
export interface PeerTransport {
  /**
   * Who may be talked to from now on. Connections to anyone else are closed, with their timers and retries.
   *
   * `settled` is the last configuration that is known to be committed, or null. Whoever calls and is no peer is
   * turned away and told its index, unless the caller knows a later one: then it may have been added since, and is
   * talked to until that is known here.
   */
  setPeers(peers: readonly Peer[], settled: LoggedConfiguration | null): void;
  /** Never blocks and never throws. Drops the message and reports `unreachable` when the peer's queue is full or it is not connected. */
  send(messages: readonly Message[]): void;
  /**
   * Asks a peer and waits for its answer. A call is delivered at most once. Rejects with a `PeerCallError`, at
   * the deadline at the latest, and at once when there is no connection to the peer or it ends.
   */
  call<Request extends PeerRequest>(
    peer: MemberId,
    request: Request,
    call: Call,
  ): Promise<ResponseTo<Request>>;
  /** Calls that wait for an answer are rejected as `unreachable`. */
  close(): Promise<void>;
}

export type Peer = { readonly id: MemberId; readonly urls: readonly string[] };

/** What a transport tells its member. Each function returns at once. */
export interface PeerEvents {
  receive(message: Message): void;
  /** The peer's host closed the connection: its process is gone or going. */
  closed(peer: MemberId): void;
  /** Messages to the peer may have been lost. */
  unreachable(peer: MemberId): void;
  /** The peer does not know this member: the configuration that it knew to be committed last, at the log index `asOf`, does not name it. */
  turnedAway(peer: MemberId, asOf: LogIndex): void;
  /** The peer knows that this member has run before, which it has not with the data that it has now. Nothing was sent. */
  knownBefore(peer: MemberId): void;
  /**
   * A peer asks. The response has the request's type; a rejection becomes a refusal, with the code of a
   * ReplicaError or StoreError.
   */
  asked(from: MemberId, request: PeerRequest): Promise<PeerResponse>;
}

/** A structured log, shaped as pino's. */
export interface Logger {
  trace(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Logger;
}
