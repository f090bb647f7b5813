/**
 * Why the state machine refused a request. A refused request changes nothing.
 *
 * - `key-not-provided`: a key is empty.
 * - `key-not-found`: a put that keeps the old value or lease needs an existing key; or an operation of a
 *   transaction says nothing.
 * - `value-provided`, `lease-provided`: a put is to keep the old value or lease, and brings a new one.
 * - `too-many-operations`: a transaction has more comparisons or operations than allowed.
 * - `duplicate-key`: a transaction would change a key twice.
 * - `compacted`: the revision is no longer there.
 * - `future-revision`: the revision is not there yet.
 * - `invalid-sort-option`: a range's sort order or target is none that we know.
 * - `lease-not-found`: there is no such lease.
 * - `lease-exists`: there is a lease with this id already.
 * - `lease-ttl-too-large`: a lease cannot live that long.
 * - `installing`: the store is taking over a snapshot, or began to and could not complete it.
 * - `no-space`: the quota of a member is used up, and the request would take more.
 * - `invalid-alarm`: the action or the type is none that we know, or there are too many alarms.
 */
export type StoreErrorCode =
  | 'key-not-provided'
  | 'key-not-found'
  | 'value-provided'
  | 'lease-provided'
  | 'too-many-operations'
  | 'duplicate-key'
  | 'compacted'
  | 'future-revision'
  | 'invalid-sort-option'
  | 'lease-not-found'
  | 'lease-exists'
  | 'lease-ttl-too-large'
  | 'installing'
  | 'no-space'
  | 'invalid-alarm';

const messages: Readonly<Record<StoreErrorCode, string>> = {
  'key-not-provided': 'the key is empty',
  'key-not-found': 'the key does not exist, or an operation is empty',
  'value-provided': 'a value is given, although the old one is to be kept',
  'lease-provided': 'a lease is given, although the old one is to be kept',
  'too-many-operations': 'the transaction has too many operations',
  'duplicate-key': 'the transaction changes a key twice',
  compacted: 'the revision has been compacted',
  'future-revision': 'the revision is in the future',
  'invalid-sort-option': 'the sort order or target is not known',
  'lease-not-found': 'the lease does not exist',
  'lease-exists': 'a lease with this id exists already',
  'lease-ttl-too-large': 'the time to live is too long',
  installing: 'the member is taking over a snapshot',
  'no-space': 'the space quota of a member is used up: delete keys and compact, or raise the quota',
  'invalid-alarm': 'the action or the type of the alarm is not known, or there are too many alarms',
};

/** The state machine's answer to a request that it refuses: the same on every member, but for `installing`. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode) {
    super(messages[code]);
    this.code = code;
  }
}
