import { assert } from './assert.ts';
import type { HardState } from './entry.ts';
import type { LogIndex } from './identifiers.ts';
import { totalDataBytes } from './log.ts';
import type { Output } from './output.ts';
import type { State } from './state.ts';
import { finishOutput, type Step } from './step.ts';

/**
 * Ends a step: whatever changed that must survive a crash goes out as one durable write. Term, vote and
 * entries must be on disk before anyone is told (Raft, figure 2: "updated on stable storage before
 * responding"); the commit index is only a hint and rides along.
 */
export function finishStep(step: Step, withCommitHint: boolean): Output {
  const { state, pending } = step;
  const { persistence } = state;
  const { handedOut } = persistence;
  const electionChanged = handedOut.term !== state.term || handedOut.vote !== state.vote;
  const sync = electionChanged || pending.entries !== null;
  const commit = durableCommit(state);
  const hintChanged = commit > handedOut.commit && (sync || withCommitHint);
  if (!sync && !hintChanged) {
    return finishOutput(pending, null, null, false);
  }
  const hardState: HardState | null =
    electionChanged || hintChanged ? { term: state.term, vote: state.vote, commit } : null;
  const batch = persistence.nextBatch;
  const bytes = totalDataBytes(pending.entries ?? []);
  persistence.nextBatch += 1;
  persistence.handedOut = hardState ?? handedOut;
  persistence.pendingBytes += bytes;
  persistence.pending.push({
    batch,
    term: state.term,
    vote: state.vote,
    bytes,
    // Batches become durable in order, so this one's arrival vouches for everything before it too.
    lastIndex: state.log.lastIndex,
  });
  return finishOutput(pending, batch, hardState, sync);
}

/** Everything up to and including `batch` is on disk. */
export function handlePersisted(step: Step, batch: number): void {
  const { persistence } = step.state;
  assert(batch < persistence.nextBatch, 'only a batch that was handed out can be persisted');
  for (let oldest = persistence.pending[0]; oldest !== undefined && oldest.batch <= batch; ) {
    persistence.pending.shift();
    persistence.pendingBytes -= oldest.bytes;
    persistence.durableTerm = oldest.term;
    persistence.durableVote = oldest.vote;
    if (oldest.lastIndex > persistence.durableIndex) {
      persistence.durableIndex = oldest.lastIndex;
    }
    oldest = persistence.pending[0];
  }
  assert(persistence.durableIndex <= step.state.log.lastIndex, 'what is durable is in the log');
}

/** Whether the disk knows the current term, so that a crash cannot make this member forget it. */
export function isTermDurable(state: State): boolean {
  return state.persistence.durableTerm === state.term;
}

/** Whether the member's vote for itself would survive a crash: only then may it count. */
export function isOwnVoteDurable(state: State): boolean {
  return isTermDurable(state) && state.vote === state.id && state.persistence.durableVote === state.id;
}

/** The commit index as far as the own disk has the entries: a restart must find them. */
function durableCommit(state: State): LogIndex {
  const { durableIndex } = state.persistence;
  return state.commit < durableIndex ? state.commit : durableIndex;
}
