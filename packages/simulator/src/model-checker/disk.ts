import assert from 'node:assert/strict';
import type { Entry, HardState, Persist } from '@quorate/raft';

/** What a crash leaves of a member. Immutable. */
export type Disk = { readonly hardState: HardState; readonly log: readonly Entry[] };

/** A disk after one durable write. */
export function writeTo(disk: Disk, { hardState, entries }: Persist): Disk {
  const first = entries[0];
  const log = first === undefined ? disk.log : [...disk.log.slice(0, first.index - 1), ...entries];
  return { hardState: hardState ?? disk.hardState, log };
}

/** What may happen to a disk: the term never goes back, and within a term the vote is given once. */
export function checkDisk(before: Disk, after: Disk): void {
  if (before === after) return;
  const { term, vote } = before.hardState;
  assert(after.hardState.term >= term, 'the term on the disk never goes back (section 5.1)');
  assert(
    after.hardState.term > term || vote === null || after.hardState.vote === vote,
    'one vote a term, also on the disk (section 5.2)',
  );
  assert(after.log.length > 0, 'the founding entry stays');
  for (const [position, entry] of after.log.entries()) {
    assert.equal(entry.index, position + 1, 'the log on the disk is contiguous');
  }
  assert(
    after.hardState.commit <= after.log.length || after.hardState.commit <= before.hardState.commit,
    'the commit index on the disk stays within the log',
  );
}
