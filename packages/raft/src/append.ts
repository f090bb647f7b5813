import { assert } from './assert.ts';
import { commitTo } from './commit.ts';
import type { Entry } from './entry.ts';
import { offsetIndex } from './identifiers.ts';
import { lastIndexWithTermAtMost, termAt } from './log.ts';
import { appendEntries, removeConflict } from './log-changes.ts';
import type { AppendRequest, AppendResponse } from './message.ts';
import { hearLeader } from './roles.ts';
import { sendAfterPersist, type Step } from './step.ts';

/** A follower's side of log replication: AppendEntries, receiver's steps 2 to 5 (Raft, figure 2). */
export function handleAppendRequest(step: Step, message: AppendRequest): void {
  const { state } = step;
  hearLeader(step, message.from);
  if (state.installing !== null) {
    return; // The log is about to be replaced. The leader asks again.
  }
  const last = offsetIndex(message.previousIndex, message.entries.length);
  if (last <= state.commit) {
    // Late or repeated. What is committed equals the leader's log, and is durable when the answer leaves.
    const known = termAt(state.log, last);
    const sent = message.entries.at(-1)?.term ?? message.previousTerm;
    assert(known === null || known === sent, 'committed entries are never truncated (section 5.4.3)');
    answer(step, message, { kind: 'matched', matchIndex: state.commit });
    return;
  }
  if (!fits(step, message)) {
    answer(step, message, rejection(step, message));
    return;
  }
  const entries = newEntries(step, message);
  const first = entries[0];
  if (first !== undefined) {
    if (first.index <= state.log.lastIndex) {
      removeConflict(step, first.index);
    }
    appendEntries(step, entries);
  }
  if (message.commit > state.commit) {
    const commit = message.commit < last ? message.commit : last;
    if (commit > state.commit) {
      commitTo(step, commit);
    }
  }
  answer(step, message, { kind: 'matched', matchIndex: last });
}

/** Step 2: does the log hold the entry before? Up to the commit index it does (leader completeness, section 5.4.3). */
function fits(step: Step, message: AppendRequest): boolean {
  const { state } = step;
  return (
    message.previousIndex < state.commit || termAt(state.log, message.previousIndex) === message.previousTerm
  );
}

/** Steps 3 and 4: what is left after the entries that the log holds already. The first one may conflict. */
function newEntries(step: Step, message: AppendRequest): readonly Entry[] {
  const { log, commit } = step.state;
  const { entries, previousIndex } = message;
  let known = 0;
  for (const [position, entry] of entries.entries()) {
    assert(entry.index === previousIndex + 1 + position, 'an append carries contiguous entries');
    if (entry.index > log.lastIndex) {
      break;
    }
    const term = termAt(log, entry.index);
    if (term !== entry.term && (entry.index > commit || term !== null)) {
      break;
    }
    known = position + 1;
  }
  return known === 0 ? entries : entries.slice(known);
}

/** Lets the leader skip back over whole terms (end of section 5.3). */
function rejection(step: Step, message: AppendRequest): AppendResponse['result'] {
  const { log } = step.state;
  const hintIndex = lastIndexWithTermAtMost(log, message.previousIndex, message.previousTerm);
  const hintTerm = termAt(log, hintIndex);
  assert(hintTerm !== null, 'a follower agrees with its leader at least up to its commit index');
  return { kind: 'rejected', previousIndex: message.previousIndex, hintIndex, hintTerm };
}

/** The answer vouches for the disk, so it waits for it: for these entries, and for all before them. */
function answer(step: Step, message: AppendRequest, result: AppendResponse['result']): void {
  const { state } = step;
  sendAfterPersist(step, {
    type: 'append-response',
    from: state.id,
    to: message.from,
    term: state.term,
    result,
  });
}
