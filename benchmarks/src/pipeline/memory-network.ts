import type { MemberId, Message } from '@quorate/raft';
import { PeerCallError, type PeerEvents, type PeerTransport } from '@quorate/replica';
import type { CpuMeter } from './cpu-meter.ts';

/** The most messages that wait for one member; beyond it they are lost, as in a network. */
const inboxMax = 65_536;

/**
 * Connects members of one process. A message is handed over as it is, without being encoded, in a later turn
 * of the event loop; what was sent in one turn arrives together.
 */
export class MemoryNetwork {
  readonly #meter: CpuMeter;
  readonly #members = new Map<MemberId, { number: number; events: PeerEvents; inbox: Message[] }>();

  constructor(meter: CpuMeter) {
    this.#meter = meter;
  }

  connect(id: MemberId, number: number, events: PeerEvents): PeerTransport {
    this.#members.set(id, { number, events, inbox: [] });
    return {
      setPeers: () => undefined,
      send: (messages) => this.#send(messages),
      call: async () => {
        throw new PeerCallError('unreachable', 'these members do not ask each other anything');
      },
      close: async () => {
        this.#members.delete(id);
      },
    };
  }

  #send(messages: readonly Message[]): void {
    for (const message of messages) {
      const inbox = this.#members.get(message.to)?.inbox;
      if (inbox === undefined || inbox.length >= inboxMax) {
        continue;
      }
      inbox.push(message);
      if (inbox.length === 1) {
        setImmediate(() => this.#deliver(message.to));
      }
    }
  }

  #deliver(to: MemberId): void {
    const member = this.#members.get(to);
    if (member !== undefined) {
      this.#meter.switchTo(member.number);
      for (const message of member.inbox.splice(0)) {
        member.events.receive(message);
      }
    }
  }
}
