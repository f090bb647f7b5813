import { RaftCore, toLogIndex } from '@quorate/raft';
import { ReplicaError } from './replica-error.ts';
import type { ReplicaOptions } from './replica-options.ts';

/**
 * Rebuilds the core from what the log recovered and what the state machine holds.
 * Throws `inconsistent-data` if the two cannot belong together.
 */
export function restoreCore(options: ReplicaOptions): RaftCore {
  const { log, store, memberId, random, raft, tickMs } = options;
  const { hardState, snapshot, configurations, firstIndex, lastIndex, terms, entries } = log.recovered;
  if (lastIndex === 0) {
    throw new ReplicaError('inconsistent-data', 'the log is empty: it was never started, or it was removed');
  }
  const applied = toLogIndex(store.appliedIndex);
  if (applied > lastIndex || applied + 1 < firstIndex) {
    throw new ReplicaError(
      'inconsistent-data',
      `the state machine has applied up to ${applied}, but the log holds ${firstIndex} to ${lastIndex}: they do not belong together`,
    );
  }
  return RaftCore.create(
    {
      ...raft,
      id: memberId,
      random: (bound) => random.integer(bound),
      // The first of these ticks may come at once, so one less is what they last at least.
      electionTimeoutMs: (raft.electionTimeoutTicks - 1) * tickMs,
    },
    { hardState, snapshot, configurations, firstIndex, lastIndex, termRuns: terms, entries, applied },
  );
}
