import { payloadMaxBytes } from './frame.ts';

/** What bounds the conversation with peers, in bytes, counts and milliseconds. */
export type TransportLimits = {
  /** What may wait for one peer; beyond it messages are dropped and reported. */
  readonly queueMessagesMax: number;
  readonly queueMaxBytes: number;
  /** Entries are given to the socket in frames of about this size, and only while less than this waits in it. */
  readonly bulkWindowBytes: number;
  /** Urgent messages, too, stay in the queue while more than this waits in the socket: the peer does not read. */
  readonly urgentWindowBytes: number;
  readonly payloadMaxBytes: number;
  /** A call goes out only while less than `urgentWindowBytes` waits in the socket; its request has at most this. */
  readonly callMaxBytes: number;
  /** The largest answer to a call. */
  readonly answerMaxBytes: number;
  /** While so much waits in the socket that answers go into, further answers are refusals. */
  readonly answerWindowBytes: number;
  /** Connecting and introducing oneself must be done by then. */
  readonly greetingTimeoutMs: number;
  /** The most connections that may be about to introduce themselves. */
  readonly greetingsMax: number;
  /** How long a connection may take to prove that it lives when another one wants its place. */
  readonly probeTimeoutMs: number;
  readonly pingIntervalMs: number;
  readonly silentIntervalsMax: number;
  readonly reconnectInitialMs: number;
  readonly reconnectMaxMs: number;
  /** A connection that lasted so long counts as a success, and the next failure as a first one. */
  readonly stableAfterMs: number;
  /** How long to wait after a peer refused the conversation: nothing but a person changes that. */
  readonly refusedRetryMs: number;
};

export const defaultTransportLimits: TransportLimits = {
  queueMessagesMax: 4096,
  queueMaxBytes: 64 * 1024 * 1024,
  bulkWindowBytes: 256 * 1024,
  urgentWindowBytes: 512 * 1024,
  payloadMaxBytes,
  callMaxBytes: 64 * 1024,
  answerMaxBytes: 1024 * 1024,
  answerWindowBytes: 4 * 1024 * 1024,
  greetingTimeoutMs: 5_000,
  greetingsMax: 64,
  probeTimeoutMs: 1_000,
  pingIntervalMs: 2_000,
  silentIntervalsMax: 3,
  reconnectInitialMs: 50,
  reconnectMaxMs: 1_000,
  stableAfterMs: 5_000,
  refusedRetryMs: 10_000,
};
