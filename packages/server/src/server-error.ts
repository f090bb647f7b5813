import { EngineError, type EngineErrorCode } from '@quorate/kv';
import { ReplicaError } from '@quorate/replica';
import { StorageError, type StorageErrorCode } from '@quorate/storage';

/**
 * Why a member could not start, beside what is wrong with its configuration (`ConfigurationError`).
 *
 * - `port-in-use`: another process listens there.
 * - `address-unavailable`: this machine has no such address.
 * - `port-not-permitted`: only a privileged user may listen there.
 * - `listen-failed`: the system refused for another reason.
 * - `engine-unavailable`: the chosen engine is not installed, or cannot be loaded.
 * - `engine-failed`: the engine could not be opened.
 * - `inconsistent-data`: the log and the engine do not belong together.
 * - `cluster-unreachable`: no member of the cluster that is to be joined answers, or none is named.
 * - `clusters-differ`: the members that were named belong to several clusters.
 * - `not-added`: the cluster does not know this member; it has to be added first.
 * - `already-started`: the cluster knows this member, which has run before, but its data is not here.
 * - `discovery-failed`: the members could not be found by DNS.
 * - `removed`: the member was removed from its cluster.
 * - `start-cancelled`: the start was called off.
 *
 * The others are those of the storage, which see, for the log or for the engine's files.
 */
export type ServerErrorCode =
  | 'port-in-use'
  | 'address-unavailable'
  | 'port-not-permitted'
  | 'listen-failed'
  | 'engine-unavailable'
  | 'engine-failed'
  | 'inconsistent-data'
  | 'cluster-unreachable'
  | 'clusters-differ'
  | 'not-added'
  | 'already-started'
  | 'discovery-failed'
  | 'removed'
  | 'start-cancelled'
  | StorageErrorCode;

/** An operating error of the server. Its message is one line for people: what happened, and what to do. */
export class ServerError extends Error {
  override readonly name = 'ServerError';
  readonly code: ServerErrorCode;

  constructor(code: ServerErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** Brings an operating error of a part of the member into the one class that callers know. Faults stay what they are. */
export function toServerError(error: unknown): unknown {
  if (error instanceof StorageError) return new ServerError(error.code, error.message, error);
  if (error instanceof EngineError) return new ServerError(engineErrors[error.code], error.message, error);
  if (error instanceof ReplicaError && (error.code === 'inconsistent-data' || error.code === 'removed')) {
    return new ServerError(error.code, error.message, error);
  }
  return error;
}

const engineErrors: Readonly<Record<EngineErrorCode, ServerErrorCode>> = {
  'disk-full': 'disk-full',
  'not-writable': 'not-writable',
  locked: 'locked',
  damaged: 'damaged',
  'newer-format': 'newer-format',
  failed: 'engine-failed',
};
