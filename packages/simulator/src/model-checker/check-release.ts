import assert from 'node:assert/strict';
import type { Message } from '@quorate/raft';
import type { Disk } from './disk.ts';

/**
 * Whether a member may send this message with what it has on its disk: it must still be true after a crash
 * (Raft, figure 2: "updated on stable storage before responding to RPCs").
 *
 * Together with `checkDisk` it gives one vote a term: a vote leaves only when it is on the disk, and what is on
 * the disk does not change within a term.
 */
export function checkRelease({ hardState, log }: Disk, message: Message): void {
  switch (message.type) {
    case 'vote-request':
      assert(
        hardState.term > message.term || (hardState.term === message.term && hardState.vote === message.from),
        'a candidate asks for votes before its own is on its disk',
      );
      return;
    case 'vote-response':
      assert(hardState.term >= message.term, 'an answer of a term that is not on the disk');
      assert(
        !message.granted || hardState.term > message.term || hardState.vote === message.to,
        'a vote leaves before it is on the disk',
      );
      return;
    case 'append-response':
      assert(hardState.term >= message.term, 'an answer of a term that is not on the disk');
      assert(
        hardState.term > message.term ||
          message.result.kind !== 'matched' ||
          log.length >= message.result.matchIndex,
        'entries are acknowledged before they are on the disk',
      );
      return;
    case 'heartbeat-response':
      assert(hardState.term >= message.term, 'an answer of a term that is not on the disk');
      return;
    case 'pre-vote-request':
    case 'pre-vote-response':
    case 'append-request':
    case 'heartbeat-request':
    case 'snapshot-request':
    case 'snapshot-response':
    case 'timeout-now':
    case 'forwarded-proposals':
    case 'proposals-refused':
    case 'forwarded-read':
    case 'forwarded-read-response':
    case 'forwarded-read-refused':
      // They say nothing that a crash could make untrue; snapshots are not part of the model.
      return;
  }
}
