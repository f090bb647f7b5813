import { assert } from './assert.ts';
import type { Entry } from './entry.ts';
import { type LogIndex, offsetIndex } from './identifiers.ts';
import { extendLog, termAt, truncateLog } from './log.ts';
import { createProgress } from './progress.ts';
import { isJoint, membersOf } from './quorum.ts';
import { configurationOf, type LeaderState, type State } from './state.ts';
import { emit, type Step } from './step.ts';

/**
 * The only ways in which a log changes at its end. They keep together what belongs together: the log, the
 * configurations in it, what counts as durable, and what the step hands out for the disk.
 */

/** Appends entries that follow the last one, and puts configurations among them into force. */
export function appendEntries(step: Step, entries: readonly Entry[]): void {
  const { state, pending } = step;
  if (entries.length === 0) {
    return;
  }
  extendLog(state.log, entries);
  if (pending.entries === null) {
    pending.entries = entries.slice();
  } else {
    assert(
      pending.entries.at(-1)?.index === (entries[0]?.index ?? 0) - 1,
      'a step appends contiguous entries',
    );
    for (const entry of entries) {
      pending.entries.push(entry);
    }
  }
  for (const entry of entries) {
    if (entry.kind === 'configuration') {
      state.configurations.push({ index: entry.index, configuration: entry.configuration });
      configurationChanged(step);
    }
  }
}

/** Removes a follower's entries from `from` on, because the leader's log has others there (Raft, section 5.3). */
export function removeConflict(step: Step, from: LogIndex): void {
  const { state } = step;
  assert(state.role.kind !== 'leader', 'a leader never overwrites its own log (section 5.3)');
  assert(from > state.commit, 'committed entries are never truncated (section 5.4.3)');
  assert(step.pending.entries === null, 'a step truncates before it appends');
  emit(step, { type: 'suffix-overwritten', from, through: state.log.lastIndex });
  truncateLog(state.log, from);
  forgetDurability(state, offsetIndex(from, -1));
  if ((state.configurations.at(-1)?.index ?? 0) >= from) {
    while ((state.configurations.at(-1)?.index ?? 0) >= from) {
      state.configurations.pop();
    }
    configurationChanged(step);
  }
}

/**
 * Nothing after `through` counts as durable: neither what was written, nor what is being written and will be
 * overwritten by a later batch. Without it, the late news of an old batch would vouch for newer entries.
 */
export function forgetDurability(state: State, through: LogIndex): void {
  const { persistence } = state;
  if (persistence.durableIndex > through) {
    persistence.durableIndex = through;
  }
  for (const batch of persistence.pending) {
    if (batch.lastIndex > through) {
      batch.lastIndex = through;
    }
  }
}

/** Brings a leader's peers in line with the configuration in force. */
export function syncPeers(state: State, leader: LeaderState): void {
  const members = membersOf(configurationOf(state));
  for (const id of leader.peers.keys()) {
    if (!members.includes(id)) {
      leader.peers.delete(id);
    }
  }
  for (const id of members) {
    if (id !== state.id && !leader.peers.has(id)) {
      // A newcomer counts as active until the next check, or it could depose the leader that adds it.
      leader.peers.set(id, createProgress(id, offsetIndex(state.log.lastIndex, 1), true));
    }
  }
}

function configurationChanged(step: Step): void {
  const { state } = step;
  const current = state.configurations.at(-1);
  if (current === undefined) {
    return;
  }
  emit(step, {
    type: 'configuration-changed',
    index: current.index,
    joint: isJoint(current.configuration),
  });
  if (state.role.kind === 'leader') {
    assert(
      termAt(state.log, current.index) === state.term,
      'a leader changes the configuration in its own term',
    );
    syncPeers(state, state.role);
  }
}
