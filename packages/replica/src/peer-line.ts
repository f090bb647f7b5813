import { PeerRefused } from './peer-call.ts';
import type { PeerEvents, PeerTransport } from './ports.ts';

/**
 * The one transport of a member's life, for two users one after the other: whoever repairs the state machine before
 * there is a core, and the member itself. What peers send goes to the one who connected last.
 */
export class PeerLine {
  private readonly dial: (events: PeerEvents) => PeerTransport;
  private events: PeerEvents = deafEvents;
  private transport: PeerTransport | null = null;

  constructor(dial: (events: PeerEvents) => PeerTransport) {
    this.dial = dial;
  }

  connect(events: PeerEvents): PeerTransport {
    this.events = events;
    this.transport ??= this.dial({
      receive: (message) => this.events.receive(message),
      closed: (peer) => this.events.closed(peer),
      unreachable: (peer) => this.events.unreachable(peer),
      turnedAway: (peer, asOf) => this.events.turnedAway(peer, asOf),
      knownBefore: (peer) => this.events.knownBefore(peer),
      asked: async (from, request) => this.events.asked(from, request),
    });
    return this.transport;
  }

  /** For a member that does not come to life: nobody else closes what was connected. */
  async close(): Promise<void> {
    await this.transport?.close();
    this.transport = null;
  }
}

/** Of one who hears nothing and answers nothing yet. */
export const deafEvents: PeerEvents = {
  receive: () => undefined,
  closed: () => undefined,
  unreachable: () => undefined,
  turnedAway: () => undefined,
  knownBefore: () => undefined,
  asked: async () => {
    throw new PeerRefused('not-applied', 'the member is repairing its state machine');
  },
};
