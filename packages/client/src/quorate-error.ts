/** Why a call did not succeed. Stable: code may depend on it. `errorCodes` says what each means. */
export type QuorateErrorCode = keyof typeof errorCodes;

type ErrorDescription = {
  /** What happened, as one full sentence. The README prints it. */
  readonly meaning: string;
  /** What a person can do about it. */
  readonly hint?: string;
  /** The cluster, or the way to it, is out of order: the same may succeed later. */
  readonly isOutage?: true;
};

/** The register of all codes. The README's table is made from it. */
export const errorCodes = {
  'invalid-argument': { meaning: 'An argument or option is not valid; the message names it.' },
  'key-not-provided': { meaning: 'The key is empty.', hint: 'Give a key of at least one byte.' },
  'key-not-found': { meaning: 'A put that keeps the old value or lease names a key that does not exist.' },
  'value-provided': { meaning: 'A put that keeps the old value also gives a value.' },
  'lease-provided': { meaning: 'A put that keeps the old lease also gives a lease.' },
  'lease-not-found': { meaning: 'The lease does not exist or has expired.' },
  'lease-exists': { meaning: 'There is a lease with this id already.' },
  'lease-lost': {
    meaning: 'The lease has ended, or may have: the cluster could not be reached while it lasted.',
    hint: 'Stop what relied on it, and begin anew with another lease.',
  },
  'not-owner': { meaning: 'The lock or the leadership is not held any longer.' },
  'invalid-sort-option': { meaning: 'The sort order or target is not one of those defined.' },
  'too-many-operations': {
    meaning: 'The transaction has more operations than the cluster allows (128).',
    hint: 'Split it; putMany and getMany do so when given { chunked: true }.',
  },
  'duplicate-key': { meaning: 'A transaction would change one key twice.' },
  'request-too-large': {
    meaning: 'The request exceeds the size limit (1.5 MiB unless the cluster is configured otherwise).',
    hint: 'Store the value in parts.',
  },
  'response-too-large': {
    meaning: 'The answer exceeds responseMaxBytes of the client.',
    hint: 'Ask for fewer keys at once (limit, pageSize), or raise responseMaxBytes.',
  },
  compacted: {
    meaning: 'The revision asked for has been compacted away.',
    hint: 'Read at a newer revision, or without one.',
  },
  'future-revision': { meaning: 'The revision asked for does not exist yet.' },
  'no-leader': {
    meaning: 'The cluster has no leader, so it can neither write nor read linearizably.',
    hint: 'A majority of the members must be up. Serializable reads work without a leader.',
    isOutage: true,
  },
  'leader-changed': {
    meaning: 'The leader changed while the request waited.',
    hint: 'Try again.',
    isOutage: true,
  },
  unavailable: {
    meaning: 'No endpoint could be reached, or the one asked is stopping.',
    hint: 'Check the endpoints, and that the members run.',
    isOutage: true,
  },
  'deadline-exceeded': {
    meaning: 'The call was not answered in time. It had no effect on the data.',
    hint: 'Try again, with a longer timeout if need be.',
    isOutage: true,
  },
  'unknown-outcome': {
    meaning: 'A write was sent and its answer lost: it may have taken effect, or may yet.',
    hint: 'Read the key before you decide to write again.',
  },
  cancelled: { meaning: 'The signal of the call was aborted. `outcome` tells what is known of a write.' },
  overloaded: {
    meaning: 'The cluster refuses more requests for now.',
    hint: 'Send less, or later.',
    isOutage: true,
  },
  'client-overloaded': {
    meaning: 'Too many calls of this client are waiting (callsMax, queuedCallsMax).',
    hint: 'Await calls before you start more.',
  },
  'client-closed': { meaning: 'The client was closed before the call or during it.' },
  'database-full': { meaning: 'The database has reached its size limit; it still serves reads and deletes.' },
  corrupt: {
    meaning: 'The data of the member that was asked differs from that of the others; it serves nothing.',
    hint: 'Ask another member. The member repairs itself; `quorate doctor` says how it stands.',
  },
  learner: {
    meaning: 'The member that was asked has no vote and does not serve this request.',
    hint: 'Give the endpoints of members that vote, too.',
  },
  'member-not-found': {
    meaning: 'There is no such member.',
    hint: 'Look into the list of members: it may have been removed.',
  },
  'member-exists': { meaning: 'There is such a member already.' },
  'peer-url-exists': {
    meaning: 'Another member has this peer URL.',
    hint: 'Remove that member first, or give another URL.',
  },
  'not-a-learner': { meaning: 'Only a learner can be promoted, and the member has a vote already.' },
  'learner-not-in-sync': {
    meaning: 'The learner lags too far behind the leader to be promoted.',
    hint: 'See to it that it runs, and try again when it has caught up.',
  },
  'too-many-learners': {
    meaning: 'The cluster has as many learners as it may have.',
    hint: 'Promote or remove one first.',
  },
  'too-many-members': {
    meaning: 'The cluster has as many voters as it may have (9).',
    hint: 'Remove one first, or add a learner.',
  },
  'not-enough-started-members': {
    meaning:
      'After the change a majority of the voters would have never started, so that nothing could be decided.',
    hint: 'Start the members that were added first. The last voter cannot be removed.',
  },
  'unhealthy-cluster': {
    meaning: 'After the change a majority of the voters would not run, so that nothing could be decided.',
    hint: 'Bring the other members back first, or remove those that are gone for good.',
  },
  'not-leader': { meaning: 'The request is for the leader only, and this member does not lead.' },
  unimplemented: { meaning: 'The server does not know this request.' },
  unauthenticated: { meaning: 'The server wants credentials, or refuses those given.' },
  'permission-denied': { meaning: 'These credentials may not do this.' },
  'failed-precondition': { meaning: 'The cluster is not in a state that allows this; the message says why.' },
  'server-error': { meaning: 'The server failed in a way it has no code for; the message is its own.' },
} as const satisfies Record<string, ErrorDescription>;

/**
 * What is known of a call's effect on the data. `none`: it had none and never will (always so for reads).
 * `unknown`: a write may have taken effect, or may yet.
 */
export type Outcome = 'none' | 'unknown';

export type QuorateErrorDetails = {
  readonly outcome?: Outcome;
  /** The gRPC status code, when a server or the transport gave one. */
  readonly grpcCode?: number;
  /** The endpoint that was asked, when the error came from one. */
  readonly endpoint?: string;
  /** Replaces the code's own hint. */
  readonly hint?: string;
  /** See `QuorateError.completed`. */
  readonly completed?: number;
  /** See `QuorateError.compactedRevision`. */
  readonly compactedRevision?: number;
  readonly cause?: unknown;
};

/** The one class of error that calls reject with. Decide by `code`; the message is for people. */
export class QuorateError extends Error {
  override readonly name = 'QuorateError';
  readonly code: QuorateErrorCode;
  readonly outcome: Outcome;
  readonly grpcCode: number | null;
  readonly endpoint: string | null;
  /** What a person can do about it, or null. */
  readonly hint: string | null;
  /** For a chunked `putMany`: how many entries, from the first on, are known to be written. Otherwise 0. */
  readonly completed: number;
  /** When a watch fails with `compacted`: the oldest revision that it can begin at. Otherwise null. */
  readonly compactedRevision: number | null;

  constructor(code: QuorateErrorCode, message: string, details: QuorateErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    const description: ErrorDescription = errorCodes[code];
    this.code = code;
    this.outcome = details.outcome ?? (code === 'unknown-outcome' ? 'unknown' : 'none');
    this.grpcCode = details.grpcCode ?? null;
    this.endpoint = details.endpoint ?? null;
    this.hint = details.hint ?? description.hint ?? null;
    this.completed = details.completed ?? 0;
    this.compactedRevision = details.compactedRevision ?? null;
  }

  /** The cluster, or the way to it, was out of order, and the call had no effect: the same may succeed later. */
  get isOutage(): boolean {
    const description: ErrorDescription = errorCodes[this.code];
    return description.isOutage === true && this.outcome === 'none';
  }
}
