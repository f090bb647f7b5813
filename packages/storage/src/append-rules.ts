import assert from 'node:assert/strict';
import type { Entry, HardState, LogIndex } from '@quorate/raft';
import type { LogImage } from './log-image.ts';
import { ENTRY_DATA_MAX_BYTES } from './record.ts';

/** One durable write; the raft core's `Persist` fits. */
export type LogWrite = {
  /** The new hard state, or null if it did not change. */
  readonly hardState: HardState | null;
  /** Consecutive entries. The first may have an index that the log has already: everything from there on is replaced. */
  readonly entries: readonly Entry[];
  /** False only if nothing but the commit index changed: then it may reach the disk later, with something else. */
  readonly sync: boolean;
};

/** The position of the log between one write and the next, before they are on the disk. */
export type AppendPosition = { hardState: HardState; lastIndex: LogIndex };

/**
 * Asserts that a write may follow what is in the log, and moves the position behind it. A violation is a bug
 * of the caller that could cost acknowledged data, so it is found before anything is written.
 *
 * Messages are put together only when they are needed: this runs for every write.
 */
export function checkWrite(write: LogWrite, position: AppendPosition, image: LogImage): void {
  const before = position.hardState;
  const after = followSnapshot(before, write.hardState ?? before, image);
  checkHardState(before, after);
  if (!write.sync && (write.entries.length > 0 || after.term !== before.term || after.vote !== before.vote)) {
    assert.fail('only the commit index may be written without being made durable');
  }
  checkEntries(write.entries, after, before.commit, position, image);
  const lastIndex = write.entries.at(-1)?.index ?? position.lastIndex;
  if (after.commit > lastIndex) {
    assert.fail(`the commit index ${after.commit} is beyond the last entry, ${lastIndex}`);
  }
  position.hardState = after;
  position.lastIndex = lastIndex;
}

/**
 * What a snapshot holds is committed. A write that was ready before the snapshot replaced the log, a vote for
 * instance, does not know that yet.
 */
function followSnapshot(before: HardState, after: HardState, image: LogImage): HardState {
  const isOverdue = after.commit < before.commit && before.commit === image.snapshot?.index;
  return isOverdue ? { ...after, commit: before.commit } : after;
}

function checkHardState(before: HardState, after: HardState): void {
  if (after.term < before.term) assert.fail(`the term went back from ${before.term} to ${after.term}`);
  if (after.term === before.term && before.vote !== null && after.vote !== before.vote) {
    assert.fail(`the vote in term ${after.term} changed from ${before.vote} to ${after.vote}`);
  }
  if (after.commit < before.commit) {
    assert.fail(`the commit index went back from ${before.commit} to ${after.commit}`);
  }
}

function checkEntries(
  entries: readonly Entry[],
  hardState: HardState,
  committed: LogIndex,
  position: AppendPosition,
  image: LogImage,
): void {
  const first = entries[0];
  if (first === undefined) return;
  const { firstIndex } = image.entries;
  if (first.index <= committed || first.index < firstIndex || first.index > position.lastIndex + 1) {
    assert.fail(
      `entry ${first.index} fits nowhere: the log has ${firstIndex} to ${position.lastIndex}, committed up to ${committed}`,
    );
  }
  let { term } = first;
  let index: number = first.index;
  for (const entry of entries) {
    if (entry.index !== index) assert.fail(`entry ${entry.index} stands where ${index} belongs`);
    if (entry.term < term || entry.term > hardState.term) {
      assert.fail(`entry ${index} has term ${entry.term}, after ${term}, in term ${hardState.term}`);
    }
    if (entry.kind === 'command' && entry.data.length > ENTRY_DATA_MAX_BYTES) {
      assert.fail(`entry ${index} has ${entry.data.length} bytes; the most is ${ENTRY_DATA_MAX_BYTES}`);
    }
    term = entry.term;
    index += 1;
  }
}
