import { assert } from './assert.ts';
import type { Entry } from './entry.ts';
import { type LogIndex, offsetIndex } from './identifiers.ts';
import { cachedEntries, termAt, totalBytes } from './log.ts';
import { askForEntries, type Step } from './step.ts';

/**
 * Hands committed entries to the state machine (Raft, section 5.3). Only those that are durable here: a
 * state machine that is ahead of its own log could not be restarted. At most `applyMaxEntries` and
 * `applyMaxBytes` are out at any time.
 */
export function handOutEntries(step: Step): void {
  const { state, options } = step;
  const { applying } = state;
  const { durableIndex } = state.persistence;
  const last = state.commit < durableIndex ? state.commit : durableIndex;
  if (applying.handedOut >= last || applying.readPending || state.installing !== null) {
    return;
  }
  if (step.pending.entriesToApply !== null) {
    // This step has handed out what storage returned; the rest follows when that is applied.
    return;
  }
  const maxEntries = options.applyMaxEntries - applying.entries;
  const maxBytes = options.applyMaxBytes - applying.bytes;
  if (maxEntries <= 0 || maxBytes <= 0) {
    return;
  }
  const first = offsetIndex(applying.handedOut, 1);
  const entries = cachedEntries(state.log, first, last, maxEntries, maxBytes);
  if (entries === null) {
    applying.readPending = true;
    const through = Math.min(last, applying.handedOut + maxEntries) as LogIndex;
    askForEntries(step, { purpose: { kind: 'apply' }, first, last: through, maxBytes });
    return;
  }
  handOut(step, entries);
}

/** Entries that had left memory came back from storage. */
export function handleApplyRead(step: Step, first: LogIndex, entries: readonly Entry[]): void {
  const { applying, installing, log } = step.state;
  applying.readPending = false;
  if (entries.length === 0 || first !== applying.handedOut + 1 || installing !== null) {
    // A snapshot was installed meanwhile, or is being installed, and covers them.
    return;
  }
  for (const [position, entry] of entries.entries()) {
    assert(entry.index === first + position, 'storage returns contiguous entries');
    assert(entry.term === termAt(log, entry.index), 'storage returns what the log holds');
  }
  handOut(step, entries);
}

/** The state machine has caught up to `index`. */
export function handleApplied(step: Step, index: LogIndex): void {
  const { applying } = step.state;
  if (index <= applying.applied) {
    return;
  }
  assert(index <= applying.handedOut, 'only entries that were handed out can be applied');
  applying.applied = index;
  for (let oldest = applying.batches[0]; oldest !== undefined && oldest.lastIndex <= index; ) {
    applying.batches.shift();
    applying.entries -= oldest.entries;
    applying.bytes -= oldest.bytes;
    oldest = applying.batches[0];
  }
}

function handOut(step: Step, entries: readonly Entry[]): void {
  const { applying } = step.state;
  const bytes = totalBytes(entries);
  step.pending.entriesToApply = entries;
  applying.handedOut = offsetIndex(applying.handedOut, entries.length);
  applying.batches.push({ lastIndex: applying.handedOut, entries: entries.length, bytes });
  applying.entries += entries.length;
  applying.bytes += bytes;
}
