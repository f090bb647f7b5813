import type { MemberId } from '@quorate/raft';
import type { Peer } from '@quorate/replica';
import { hostOfUrl, urlOfHost } from './host-url.ts';
import type { Endpoint, Parcel, Wire } from './wire.ts';

/** More parcels than this on their way on one connection, and the sender's queue counts as full. */
const IN_FLIGHT_MAX_PARCELS = 8192;
/** How long data may stay unacknowledged before TCP gives up, and between attempts to connect. */
const GIVE_UP_MIN_MS = 800;
const GIVE_UP_MAX_MS = 4000;
const RECONNECT_MIN_MS = 10;
const RECONNECT_MAX_MS = 400;
/** As the server's transport: who is turned away does not ask again and again. */
const REFUSED_RETRY_MS = 10_000;

type State =
  /** Trying to reach the member. */
  | { readonly kind: 'connecting' }
  | {
      readonly kind: 'open';
      readonly peer: Endpoint;
      /** Nothing that is sent later arrives earlier, but for what is reordered on purpose. */
      lastArrivalUs: number;
      /** What arrives after this time is lost: the connection broke before. */
      lostAfterUs: number;
      /** Sent into a blocked path: arrives when it opens, unless TCP gives up first. */
      held: (readonly Parcel[])[];
      givesUp: boolean;
    }
  | { readonly kind: 'closed' };

/** Commands must not be repeated: applying one twice would be an error that no checker could forgive. Nor must calls. */
const AT_MOST_ONCE: ReadonlySet<Parcel['type']> = new Set([
  'forwarded-proposals',
  'proposals-refused',
  'call',
  'answer',
]);

/** One direction of traffic from a process to a member. Connects, and connects again, until it is closed. */
export class Connection {
  readonly from: Endpoint;
  readonly to: MemberId;
  /** The number of the host where it is, from 0. */
  readonly toHost: number;
  private readonly wire: Wire;
  private state: State = { kind: 'connecting' };
  private inFlight = 0;
  private tellsUnreachable = false;
  private cancelAttempt: () => void = () => undefined;

  constructor(wire: Wire, from: Endpoint, to: Peer) {
    this.wire = wire;
    this.from = from;
    this.to = to.id;
    this.toHost = hostOfUrl(to.urls[0] ?? '');
    this.connectAfter(0);
  }

  get inFlightCount(): number {
    return this.inFlight;
  }

  /** The process at the other end, if there is one. */
  get peer(): Endpoint | null {
    return this.state.kind === 'open' ? this.state.peer : null;
  }

  /** False if it cannot be sent at all; what can be may be lost later. */
  send(parcels: readonly Parcel[]): boolean {
    const { wire } = this;
    wire.watch(parcels);
    if (this.state.kind !== 'open' || this.inFlight + parcels.length > IN_FLIGHT_MAX_PARCELS) {
      wire.counts.lost += parcels.length;
      wire.tell(this.from, 'cannot send to', parcels);
      this.tellUnreachable();
      return false;
    }
    if (wire.random.chance(wire.profile.resetChance * parcels.length)) {
      wire.counts.lost += parcels.length;
      wire.tell(this.from, 'lost to', parcels);
      this.break(wire.random.chance(0.3) ? 'closed' : 'unreachable');
      return true;
    }
    this.transmit(parcels, this.state);
    return true;
  }

  /** The connection is gone. What was about to arrive may still do so, what was sent late is lost. */
  break(notice: 'closed' | 'unreachable'): void {
    if (this.state.kind !== 'open') {
      return;
    }
    const { wire, from, to } = this;
    const lostAfterUs = wire.kernel.nowUs + wire.random.exponential(wire.profile.delayMeanUs * 0.5);
    this.state.lostAfterUs = lostAfterUs;
    this.drop(this.state.held);
    this.state.held = [];
    this.state = { kind: 'connecting' };
    this.inFlight = 0;
    from.life.after(0, () => {
      from.events[notice](to);
      wire.sideOf(from)?.callsLost(to);
    });
    this.connectAfter(this.backoffUs());
  }

  /** The process at the other end is gone. Its host says so, or, without power, is silent. */
  peerDied(hostRuns: boolean): void {
    const { wire } = this;
    const giveUpUs = this.giveUpUs();
    const isSilent = !hostRuns || wire.paths.isBlocked(this.toHost, this.from.host);
    const state = this.state;
    const noticeUs = isSilent ? giveUpUs : wire.paths.delayUs(this.toHost, this.from.host);
    this.from.life.after(noticeUs, () => {
      if (this.state === state) {
        this.break(isSilent ? 'unreachable' : 'closed');
      }
    });
  }

  /** Does not wait for the next attempt. */
  hurry(): void {
    if (this.state.kind === 'connecting') {
      this.connectAfter(0);
    }
  }

  close(): void {
    this.state = { kind: 'closed' };
  }

  /** Sends what was held back if the path is open again. */
  flush(): void {
    const { state } = this;
    if (state.kind !== 'open' || state.held.length === 0 || this.isBlocked) {
      return;
    }
    const { held } = state;
    state.held = [];
    for (const parcels of held) {
      this.inFlight -= parcels.length;
      this.transmit(parcels, state);
    }
  }

  private get isBlocked(): boolean {
    return this.wire.paths.isBlocked(this.from.host, this.toHost);
  }

  private transmit(parcels: readonly Parcel[], state: State & { kind: 'open' }): void {
    this.inFlight += parcels.length;
    if (this.isBlocked) {
      this.hold(parcels, state);
      return;
    }
    const { wire } = this;
    const { random, profile } = wire;
    const delayUs = wire.paths.delayUs(this.from.host, this.toHost);
    let arrivalUs = wire.kernel.nowUs + delayUs;
    if (!random.chance(profile.reorderChance)) {
      arrivalUs = Math.max(arrivalUs, state.lastArrivalUs);
      state.lastArrivalUs = arrivalUs;
    }
    wire.tell(this.from, 'sends to', parcels);
    const { peer } = state;
    peer.life.after(arrivalUs - wire.kernel.nowUs, () => this.arrive(parcels, state));
    for (const parcel of parcels) {
      if (!AT_MOST_ONCE.has(parcel.type) && random.chance(profile.duplicateChance)) {
        wire.counts.duplicated += 1;
        peer.life.after(delayUs + random.exponential(profile.delayMeanUs * 5), () => {
          wire.tell(this.from, 'repeats to', [parcel]);
          this.deliver(parcel, peer);
        });
      }
    }
  }

  private arrive(parcels: readonly Parcel[], state: State & { kind: 'open' }): void {
    const { wire } = this;
    const isCurrent = this.state === state;
    if (isCurrent) {
      this.inFlight -= parcels.length;
    }
    if (wire.kernel.nowUs > state.lostAfterUs) {
      this.drop([parcels]);
      return;
    }
    if (this.isBlocked) {
      if (isCurrent) {
        this.inFlight += parcels.length;
        this.hold(parcels, state);
      } else {
        this.drop([parcels]);
      }
      return;
    }
    for (const parcel of parcels) {
      if (wire.random.chance(wire.profile.lossChance)) {
        this.drop([[parcel]]);
      } else {
        wire.counts.delivered += 1;
        wire.tell(this.from, 'reaches', [parcel]);
        this.deliver(parcel, state.peer);
      }
    }
  }

  private deliver(parcel: Parcel, peer: Endpoint): void {
    if (parcel.type === 'call') {
      this.wire.sideOf(peer)?.receiveCall(parcel, this.from);
    } else if (parcel.type !== 'answer') {
      peer.events.receive(parcel);
    } else if (parcel.caller === peer) {
      this.wire.sideOf(peer)?.receiveAnswer(parcel, this.from.id);
    }
  }

  private hold(parcels: readonly Parcel[], state: State & { kind: 'open' }): void {
    state.held.push(parcels);
    if (state.givesUp) {
      return;
    }
    state.givesUp = true;
    this.from.life.after(this.giveUpUs(), () => {
      state.givesUp = false;
      if (this.state === state && state.held.length > 0) {
        this.break('unreachable');
      }
    });
  }

  private connectAfter(delayUs: number): void {
    this.cancelAttempt();
    this.cancelAttempt = this.from.life.after(delayUs, () => {
      if (this.state.kind !== 'connecting') {
        return;
      }
      const { wire, from } = this;
      const peer = wire.endpointOf(this.to);
      const isOpen = !this.isBlocked && !wire.paths.isBlocked(this.toHost, from.host);
      if (peer === null || !peer.life.alive || !isOpen) {
        this.connectAfter(this.backoffUs());
        return;
      }
      const roundTripUs = wire.paths.delayUs(from.host, peer.host) + wire.paths.delayUs(peer.host, from.host);
      this.cancelAttempt = from.life.after(roundTripUs, () => this.opened(peer));
    });
  }

  private opened(peer: Endpoint): void {
    if (this.state.kind !== 'connecting') {
      return;
    }
    if (this.wire.endpointOf(this.to) !== peer) {
      this.connectAfter(this.backoffUs());
      return;
    }
    const own = this.wire.sideOf(this.from);
    const other = this.wire.sideOf(peer);
    const caller = { id: this.from.id, urls: [urlOfHost(this.from.host)] };
    if (own === null || other === null || !other.recognises(caller, own.asOf)) {
      this.connectAfter(REFUSED_RETRY_MS * 1000);
      if (other !== null) {
        this.from.events.turnedAway(this.to, other.asOf);
      }
      return;
    }
    this.state = {
      kind: 'open',
      peer,
      lastArrivalUs: 0,
      lostAfterUs: Number.POSITIVE_INFINITY,
      held: [],
      givesUp: false,
    };
    this.wire.reached(this.from, this.to);
  }

  /** Once for all that could not be sent at this moment. */
  private tellUnreachable(): void {
    if (!this.tellsUnreachable) {
      this.tellsUnreachable = true;
      this.from.life.after(0, () => {
        this.tellsUnreachable = false;
        this.from.events.unreachable(this.to);
      });
    }
  }

  private drop(batches: readonly (readonly Parcel[])[]): void {
    for (const parcels of batches) {
      this.wire.counts.lost += parcels.length;
      this.wire.tell(this.from, 'lost to', parcels);
    }
  }

  private backoffUs(): number {
    return this.wire.random.between(RECONNECT_MIN_MS, RECONNECT_MAX_MS) * 1000;
  }

  private giveUpUs(): number {
    return this.wire.random.between(GIVE_UP_MIN_MS, GIVE_UP_MAX_MS) * 1000;
  }
}
