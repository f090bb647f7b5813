import type { LogIndex, MemberId, Message } from '@quorate/raft';
import type { Clock, Peer, PeerAnswer, PeerEvents, PeerRequest } from '@quorate/replica';
import type { Life } from '../host/life.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { RandomStream } from '../kernel/random-stream.ts';
import type { NetworkProfile, Paths } from './paths.ts';

/** A process that takes part in the network. */
export type Endpoint = {
  /** The number of its host, from 0. */
  readonly host: number;
  readonly id: MemberId;
  readonly life: Life;
  readonly clock: Clock;
  readonly events: PeerEvents;
};

/** A call from one process to another, and what that says to it. */
export type CallParcel = {
  readonly type: 'call';
  readonly to: MemberId;
  readonly id: number;
  readonly request: PeerRequest;
};

export type AnswerParcel = {
  readonly type: 'answer';
  readonly to: MemberId;
  readonly id: number;
  readonly answer: PeerAnswer;
  /** The process that asked: nobody else on its host may get the answer. */
  readonly caller: Endpoint;
};

/** A process's side of the network, as others meet it. */
export interface Side {
  /** The log index of the last configuration that it knows to be committed. */
  readonly asOf: LogIndex;
  /** Whether it talks to the caller, who knows the configuration at `asOf`. */
  recognises(caller: Peer, asOf: LogIndex): boolean;
  receiveCall(parcel: CallParcel, caller: Endpoint): void;
  receiveAnswer(parcel: AnswerParcel, from: MemberId): void;
  /** Calls to this peer that are not answered yet may never be. */
  callsLost(peer: MemberId): void;
}

/** What travels over a connection. */
export type Parcel = Message | CallParcel | AnswerParcel;

/** How many messages went which way, for the figures of a run. */
export type NetworkCounts = { sent: number; delivered: number; lost: number; duplicated: number };

/** What happens to a message, in words that read well between the sender's and the receiver's name. */
export type Fate = 'sends to' | 'reaches' | 'repeats to' | 'lost to' | 'cannot send to';

/** What connections share. */
export type Wire = {
  readonly kernel: Kernel;
  readonly random: RandomStream;
  /** Replaced when the network recovers. */
  profile: NetworkProfile;
  readonly paths: Paths;
  readonly counts: NetworkCounts;
  /** The process of a member, or null while it has none. */
  readonly endpointOf: (id: MemberId) => Endpoint | null;
  /** A process's side, or null if it has left the network. */
  readonly sideOf: (endpoint: Endpoint) => Side | null;
  /** A process has reached a member. */
  readonly reached: (from: Endpoint, to: MemberId) => void;
  /** Everything that leaves a member, delivered or not. */
  readonly watch: (parcels: readonly Parcel[]) => void;
  readonly tell: (from: Endpoint, fate: Fate, parcels: readonly Parcel[]) => void;
};
