import type { MemberId } from './identifiers.ts';

/** How a member is reached by its peers, and what people call it. Raft itself only carries it. */
export type MemberAddress = {
  readonly id: MemberId;
  /** Empty for a member that was added and told no name yet. */
  readonly name: string;
  /** Base URLs such as `http://127.0.0.1:2380`; at least one. */
  readonly peerUrls: readonly string[];
  /** A learner that whoever leads shall make a voter when it has caught up. Absent otherwise. */
  readonly becomesVoter?: true;
};

/**
 * Who takes part in the consensus. Lives in the log as an entry and takes effect as soon as it is
 * appended (Raft, section 6).
 *
 * A configuration is *joint* while `outgoingVoters` is not empty: then elections and commits need a
 * majority of `voters` and a majority of `outgoingVoters`.
 *
 * Every list is sorted by id and free of duplicates. A learner gets the log but has no vote, and is in
 * neither voter list. `learnersNext` are outgoing voters that become learners when the joint phase ends.
 */
export type Configuration = {
  readonly voters: readonly MemberId[];
  readonly outgoingVoters: readonly MemberId[];
  readonly learners: readonly MemberId[];
  readonly learnersNext: readonly MemberId[];
  /** One address for each id that occurs in any of the lists, sorted by id. */
  readonly addresses: readonly MemberAddress[];
};
