import { type MemberId, type Message, toLogIndex, toTerm } from '@quorate/raft';

/** A heartbeat that is told from others by its round. */
export function heartbeat(from: MemberId, to: MemberId, round: number): Message {
  return { type: 'heartbeat-request', from, to, term: toTerm(3), commit: toLogIndex(7), round };
}

/** An append-request with one entry after `previousIndex`, of so many bytes. */
export function append(from: MemberId, to: MemberId, previousIndex: number, dataBytes: number): Message {
  return {
    type: 'append-request',
    from,
    to,
    term: toTerm(3),
    previousIndex: toLogIndex(previousIndex),
    previousTerm: toTerm(3),
    entries: [
      {
        kind: 'command',
        term: toTerm(3),
        index: toLogIndex(previousIndex + 1),
        data: new Uint8Array(dataBytes).fill(previousIndex),
      },
    ],
    commit: toLogIndex(7),
  };
}
