import type { MemberId, Message } from '@quorate/raft';
import type { PeerEvents } from '@quorate/replica';
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
  readonly events: PeerEvents;
};

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
  /** A process has reached a member. */
  readonly reached: (from: Endpoint, to: MemberId) => void;
  /** Every message that leaves a member, delivered or not. */
  readonly watch: (messages: readonly Message[]) => void;
  readonly tell: (from: Endpoint, fate: Fate, messages: readonly Message[]) => void;
};
