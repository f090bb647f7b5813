import { assert } from './assert.ts';
import type { LogIndex, MemberId } from './identifiers.ts';
import { dataBytes, firstCachedIndex, type Log, termAt } from './log.ts';
import { quorumValue } from './quorum.ts';
import { configurationOf, type LeaderState, type State } from './state.ts';
import { emit, type Step } from './step.ts';

/**
 * Commits what a quorum has on disk (Raft, section 5.3), if it is of the leader's own term: an entry of an
 * earlier term may be on a majority and still be overwritten, so it only commits below one of this term
 * (section 5.4.2, figure 8). Call it whenever a match index, the own durable index or the configuration changed.
 */
export function advanceCommit(step: Step, leader: LeaderState): void {
  const { state } = step;
  const index = quorumValue(configurationOf(state), (id) => matchOf(state, leader, id)) as LogIndex;
  if (index > state.commit && termAt(state.log, index) === state.term) {
    commitTo(step, index);
  }
}

/** Raises the commit index. `index` must be known to be committed, and its entry must be in the log. */
export function commitTo(step: Step, index: LogIndex): void {
  const { state } = step;
  assert(index > state.commit, 'the commit index never goes back');
  assert(index <= state.log.lastIndex, 'a committed entry is missing: the log has lost what it acknowledged');
  if (state.role.kind === 'leader') {
    state.role.uncommittedBytes -= cachedDataBytes(state.log, state.commit, index);
    assert(state.role.uncommittedBytes >= 0, 'uncommitted bytes are counted once');
  }
  state.commit = index;
  emit(step, { type: 'committed', index, term: state.term });
}

/** Whether the leader knows where the commit index really is: an entry of its own term is committed (section 8). */
export function hasCommittedOwnTerm(state: State, leader: LeaderState): boolean {
  return state.commit >= leader.termStart;
}

/** Data bytes of the entries after `after` through `through`, as far as they are in memory. */
export function cachedDataBytes(log: Log, after: LogIndex, through: LogIndex): number {
  const start = firstCachedIndex(log);
  let bytes = 0;
  for (let index = Math.max(after + 1, start); index <= through; index += 1) {
    const entry = log.cache[index - start];
    assert(entry !== undefined, 'the cache has no holes');
    bytes += dataBytes(entry);
  }
  return bytes;
}

/** A member's own match index is what its own disk has: it is a voter like any other. */
function matchOf(state: State, leader: LeaderState, id: MemberId): number {
  return id === state.id ? state.persistence.durableIndex : (leader.peers.get(id)?.match ?? 0);
}
