import type { Violation } from '../cluster/run-observer.ts';
import type { LockAct, LockTurn, OutsideAct } from '../workload/lock-record.ts';
import type { GuardedWrite } from './guarded-writes.ts';

/** What clients of a lock saw and did, and what the log says of it. */
export type LockHistory = {
  readonly turns: readonly LockTurn[];
  readonly acts: readonly LockAct[];
  /** In the order of their arrival. */
  readonly outside: readonly OutsideAct[];
  /** In the order of their revisions. */
  readonly writes: readonly GuardedWrite[];
};

/**
 * With fencing tokens never two holders act. A token belongs to one client; whoever has the lock later has the higher
 * one; accepted acts come in the order of tokens; and one that the store accepts is by the first in the queue, whose
 * key is there at that revision.
 */
export function checkLockFencing(history: LockHistory): Violation | null {
  const wrong =
    checkTurns(history.turns) ??
    checkOrder(
      'outside the store',
      history.outside.filter(({ isAccepted }) => isAccepted),
    ) ??
    checkOrder('in the store', history.writes) ??
    firstOf(history.writes, checkWrite) ??
    checkAnswers(history);
  return wrong === null ? null : { property: 'lock-fencing', explanation: wrong };
}

/** Who asked when somebody else had been told already comes later in the queue. */
function checkTurns(turns: readonly LockTurn[]): string | null {
  for (const one of turns) {
    for (const other of turns) {
      if (one === other) continue;
      if (one.token === other.token)
        return `${one.client} and ${other.client} have the lock under the same token ${one.token}`;
      if (one.toldUs < other.askedUs && one.token > other.token)
        return `${one.client} was told at ${one.toldUs} us that it has the lock under ${one.token}, and ${other.client}, who asked at ${other.askedUs} us, under ${other.token}`;
    }
  }
  return null;
}

function checkOrder(where: string, accepted: readonly { readonly token: number }[]): string | null {
  let highest = 0;
  for (const { token } of accepted) {
    if (token < highest) return `an act under ${token} was accepted ${where} after one under ${highest}`;
    highest = token;
  }
  return null;
}

function checkWrite({ revision, token, key, queue }: GuardedWrite): string | null {
  const isThere = queue.some((place) => place.key === key && place.token === token);
  if (!isThere) return `revision ${revision} was made under ${token}, without the key ${key} of that token`;
  const before = queue.find((place) => place.token < token);
  return before === undefined
    ? null
    : `revision ${revision} was made under ${token}, while ${before.key} of ${before.token} is the first`;
}

/** Clients are told what became of their acts. */
function checkAnswers({ acts, writes }: LockHistory): string | null {
  const revisionOf = new Map(writes.map(({ value, revision }) => [value, revision]));
  return firstOf(acts, ({ client, value, isAccepted, revision }) => {
    const made = revisionOf.get(value) ?? null;
    return made === (isAccepted ? revision : null)
      ? null
      : `${client} was told that ${value} was ${isAccepted ? 'accepted' : 'refused'} at ${revision}, and the log has it at ${made}`;
  });
}

function firstOf<T>(items: readonly T[], check: (item: T) => string | null): string | null {
  for (const item of items) {
    const wrong = check(item);
    if (wrong !== null) return wrong;
  }
  return null;
}
