import type { Store } from '@quorate/kv';
import {
  type Configuration,
  RaftCore,
  type RestoredState,
  type SnapshotDescription,
  toLogIndex,
  toTerm,
} from '@quorate/raft';
import type { WriteAheadLog } from '@quorate/storage';
import { ReplicaError } from './replica-error.ts';
import type { ReplicaOptions } from './replica-options.ts';
import { restoreState } from './snapshot/restore-state.ts';

/** What a core is rebuilt from. */
export type RestoreOptions = Pick<
  ReplicaOptions,
  | 'log'
  | 'store'
  | 'snapshots'
  | 'clusterId'
  | 'founding'
  | 'joinedAt'
  | 'memberId'
  | 'clock'
  | 'logger'
  | 'observer'
  | 'random'
  | 'raft'
  | 'tickMs'
  | 'connect'
  | 'starting'
>;

/**
 * Rebuilds the core from what the log recovered and what the state machine holds.
 * Rejects with `inconsistent-data` if the two cannot belong together, or with a StorageError.
 */
export async function restoreCore(options: RestoreOptions): Promise<RaftCore> {
  const { log, store, memberId, random, raft, tickMs } = options;
  const replacement = await restoreState(options);
  const recovered = replacement === null ? log.recovered : emptyLogAfter(replacement, log.recovered);
  checkTogether(recovered, store);
  const isNew = recovered.lastIndex === 0 && options.joinedAt === undefined;
  const logged = isNew ? await foundLog(log, options.founding) : loggedState(recovered);
  const applied = toLogIndex(store.appliedIndex);
  return RaftCore.create(
    {
      ...raft,
      id: memberId,
      random: (bound) => random.integer(bound),
      // The first of these ticks may come at once, so one less is what they last at least.
      electionTimeoutMs: (raft.electionTimeoutTicks - 1) * tickMs,
    },
    { ...logged, applied },
  );
}

/** Comes before anything is written: beside a state machine that has applied something, an empty log is a lost one. */
function checkTogether(recovered: WriteAheadLog['recovered'], store: Store): void {
  const { firstIndex, lastIndex, previousTerm, terms } = recovered;
  const { appliedIndex, appliedTerm } = store;
  const term = terms.findLast((run) => run.firstIndex <= appliedIndex)?.term ?? previousTerm;
  if (appliedIndex > lastIndex || appliedIndex + 1 < firstIndex || appliedTerm !== term) {
    throw new ReplicaError(
      'inconsistent-data',
      `the state machine has applied up to ${appliedIndex} of term ${appliedTerm}, but the log holds ${firstIndex} to ${lastIndex}, and there term ${term}: they do not belong together`,
    );
  }
}

/** What the log holds when a snapshot has replaced all of it (Raft, section 7). */
function emptyLogAfter(
  snapshot: SnapshotDescription,
  { hardState, tornTail }: WriteAheadLog['recovered'],
): WriteAheadLog['recovered'] {
  return {
    hardState:
      snapshot.term > hardState.term
        ? { term: snapshot.term, vote: null, commit: snapshot.index }
        : { ...hardState, commit: snapshot.index },
    entries: [],
    firstIndex: toLogIndex(snapshot.index + 1),
    lastIndex: snapshot.index,
    previousTerm: snapshot.term,
    terms: [],
    configurations: [],
    snapshot,
    tornTail,
  };
}

type LoggedState = Omit<RestoredState, 'applied'>;

function loggedState(recovered: WriteAheadLog['recovered']): LoggedState {
  const { hardState, snapshot, configurations, firstIndex, lastIndex, terms, entries } = recovered;
  return { hardState, snapshot, configurations, firstIndex, lastIndex, termRuns: terms, entries };
}

/**
 * Starts the log of a founding member: one configuration entry, at index 1 of term 1, committed. Every
 * founding member writes the same, so their logs match from the start (Raft, section 5.3), and membership has
 * one source of truth: the log.
 */
export async function foundLog(
  log: WriteAheadLog,
  configuration: Configuration | null,
): Promise<LoggedState> {
  if (configuration === null) {
    throw new ReplicaError('inconsistent-data', 'the log is empty: it was never started, or it was removed');
  }
  const term = toTerm(1);
  const index = toLogIndex(1);
  const hardState = { term, vote: null, commit: index };
  const entry = { kind: 'configuration', term, index, configuration } as const;
  await log.append([{ hardState, entries: [entry], sync: true }]);
  return {
    hardState,
    snapshot: null,
    configurations: [entry],
    firstIndex: index,
    lastIndex: index,
    termRuns: [{ term, firstIndex: index }],
    entries: [entry],
  };
}
