import type { Configuration, MemberId } from '@quorate/raft';

/**
 * What can be asked of the membership of a cluster.
 *
 * - `add`: a new member. It joins as a learner in any case; with `becomesVoter` it is promoted by itself once it
 *   has caught up, so that it never counts in a majority before it can do its part (dissertation, section 4.2.1).
 * - `remove`: voter or learner. A leader hands over first.
 * - `update-peer-urls`: the member has moved.
 * - `promote`: makes a learner that has caught up a voter.
 */
export type MembershipChange =
  | {
      readonly kind: 'add';
      /** What people call it; empty if it is to be told only when the member starts. */
      readonly name: string;
      readonly peerUrls: readonly string[];
      readonly becomesVoter: boolean;
    }
  | { readonly kind: 'remove'; readonly id: MemberId }
  | { readonly kind: 'update-peer-urls'; readonly id: MemberId; readonly peerUrls: readonly string[] }
  | { readonly kind: 'promote'; readonly id: MemberId };

/** What came of a change: it is committed, and in force for good. */
export type MembershipOutcome = {
  /** The ids that the added members got, in the order of the changes. */
  readonly added: readonly MemberId[];
  readonly configuration: Configuration;
};

export type MembershipLimits = {
  /** Learners that are to stay learners; those that become voters do not count. As etcd: 1. */
  readonly learnersMax: number;
  /** Voters, and learners that become voters. Beyond nine each write pays for votes that add no safety. */
  readonly votersMax: number;
};

export const defaultMembershipLimits: MembershipLimits = { learnersMax: 1, votersMax: 9 };
