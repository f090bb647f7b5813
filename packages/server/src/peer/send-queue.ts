import type { Message } from '@quorate/raft';

/** What keeps the queue to one peer bounded. */
export type SendQueueLimits = {
  /** The most messages that wait, in either lane. */
  readonly messagesMax: number;
  /** The most bytes of entries and proposals that wait. A single larger message still fits an empty queue. */
  readonly bytesMax: number;
};

/**
 * What waits to be sent to one peer, in two lanes: messages with entries or proposals are bulk, all others
 * are urgent and overtake them. Raft allows for any order; a heartbeat behind megabytes of entries would
 * cost an election.
 */
export class SendQueue {
  private urgent: Message[] = [];
  private bulk: { readonly message: Message; readonly bytes: number }[] = [];
  /** Where the bulk lane starts: what is before it has been taken. */
  private bulkStart = 0;
  private bulkBytes = 0;
  private readonly limits: SendQueueLimits;

  constructor(limits: SendQueueLimits) {
    this.limits = limits;
  }

  get isEmpty(): boolean {
    return this.urgent.length === 0 && this.bulkStart === this.bulk.length;
  }

  /** Adds a message; false if it does not fit, and then it is lost. */
  add(message: Message): boolean {
    const bytes = bulkBytesOf(message);
    if (bytes === null) {
      if (this.urgent.length >= this.limits.messagesMax) return false;
      this.urgent.push(message);
      return true;
    }
    const waiting = this.bulk.length - this.bulkStart;
    if (waiting >= this.limits.messagesMax) return false;
    if (waiting > 0 && this.bulkBytes + bytes > this.limits.bytesMax) return false;
    this.bulk.push({ message, bytes });
    this.bulkBytes += bytes;
    return true;
  }

  /**
   * Takes all urgent messages, and after them bulk messages until these have `bulkBytesMax` bytes; at least
   * one of them if that is not 0.
   */
  take(bulkBytesMax: number): readonly Message[] {
    const messages = this.urgent;
    this.urgent = [];
    let bytes = 0;
    while (bytes < bulkBytesMax) {
      const next = this.bulk[this.bulkStart];
      if (next === undefined || (bytes > 0 && bytes + next.bytes > bulkBytesMax)) break;
      messages.push(next.message);
      bytes += next.bytes;
      this.bulkStart += 1;
      this.bulkBytes -= next.bytes;
    }
    if (this.bulkStart === this.bulk.length || this.bulkStart >= this.limits.messagesMax) {
      this.bulk = this.bulk.slice(this.bulkStart);
      this.bulkStart = 0;
    }
    return messages;
  }

  /** Forgets everything that waits; says whether that was anything. */
  clear(): boolean {
    const lost = !this.isEmpty;
    this.urgent = [];
    this.bulk = [];
    this.bulkStart = 0;
    this.bulkBytes = 0;
    return lost;
  }
}

/** What an entry costs on the wire beside its data, at most. */
const entryOverheadBytes = 16;
const messageOverheadBytes = 48;

/** About how many bytes a bulk message takes; null for an urgent one. */
function bulkBytesOf(message: Message): number | null {
  if (message.type === 'append-request') {
    let bytes = messageOverheadBytes;
    for (const entry of message.entries) {
      bytes += entryOverheadBytes + (entry.kind === 'command' ? entry.data.length : messageOverheadBytes);
    }
    return bytes;
  }
  if (message.type === 'forwarded-proposals') {
    let bytes = messageOverheadBytes;
    for (const proposal of message.proposals) bytes += entryOverheadBytes + proposal.data.length;
    return bytes;
  }
  return null;
}
