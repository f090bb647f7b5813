import type { Entry, SnapshotDescription } from './entry.ts';
import type { LogIndex, MemberId, Term } from './identifiers.ts';

/**
 * A client command on its way into the log. `id` names it within the member that proposed it. A refusal may
 * come back late: do not reuse an id after a restart either (start counting at a random number).
 */
export type Proposal = { readonly id: number; readonly data: Uint8Array };

type Envelope = { readonly from: MemberId; readonly to: MemberId; readonly term: Term };

/** Everything that members say to each other. `term` is the sender's term, but for pre-votes (see there). */
export type Message =
  | PreVoteRequest
  | PreVoteResponse
  | VoteRequest
  | VoteResponse
  | AppendRequest
  | AppendResponse
  | HeartbeatRequest
  | HeartbeatResponse
  | SnapshotRequest
  | SnapshotResponse
  | TimeoutNow
  | ForwardedProposals
  | ProposalsRefused
  | ForwardedRead
  | ForwardedReadResponse
  | ForwardedReadRefused;

/** Asks whether an election could be won, without disturbing anyone (dissertation, section 9.6). `term` is the term that would be campaigned for. */
export type PreVoteRequest = Envelope & {
  readonly type: 'pre-vote-request';
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
};
/** `term` is the requested term if granted, else the responder's own. */
export type PreVoteResponse = Envelope & { readonly type: 'pre-vote-response'; readonly granted: boolean };

/** RequestVote of Raft, figure 2. */
export type VoteRequest = Envelope & {
  readonly type: 'vote-request';
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
  /** Set when a leader handed over: overrides the voters' loyalty to a live leader (dissertation, section 3.10 and 4.2.3). */
  readonly leadershipTransfer: boolean;
};
export type VoteResponse = Envelope & { readonly type: 'vote-response'; readonly granted: boolean };

/** AppendEntries of Raft, figure 2. */
export type AppendRequest = Envelope & {
  readonly type: 'append-request';
  readonly previousIndex: LogIndex;
  readonly previousTerm: Term;
  readonly entries: readonly Entry[];
  readonly commit: LogIndex;
};
export type AppendResponse = Envelope & {
  readonly type: 'append-response';
  /** `matched`: the log up to `matchIndex` is durable on the sender and equals the leader's. */
  readonly result:
    | { readonly kind: 'matched'; readonly matchIndex: LogIndex }
    /**
     * `rejected`: the entry before `previousIndex`+1 does not match. `hintIndex` and `hintTerm` name the
     * follower's last entry whose term is at most the request's `previousTerm`: the leader may skip back
     * over whole terms (Raft, end of section 5.3).
     */
    | {
        readonly kind: 'rejected';
        readonly previousIndex: LogIndex;
        readonly hintIndex: LogIndex;
        readonly hintTerm: Term;
      };
};

/** An empty AppendEntries, told apart because it needs no disk: heartbeats never wait for an fsync. */
export type HeartbeatRequest = Envelope & {
  readonly type: 'heartbeat-request';
  /** At most the receiver's known match index, so that it never commits what it may not have. */
  readonly commit: LogIndex;
  /** The number of the leader's confirmation round, echoed back: read index and leases count these. */
  readonly round: number;
};
export type HeartbeatResponse = Envelope & { readonly type: 'heartbeat-response'; readonly round: number };

/** Offers a snapshot; its bytes travel beside the core, which only learns how it ended (Raft, section 7). */
export type SnapshotRequest = Envelope & {
  readonly type: 'snapshot-request';
  readonly snapshot: SnapshotDescription;
};
export type SnapshotResponse = Envelope & {
  readonly type: 'snapshot-response';
  readonly matchIndex: LogIndex;
};

/** The leader hands over: campaign at once, without a pre-vote (dissertation, section 3.10). */
export type TimeoutNow = Envelope & { readonly type: 'timeout-now' };

/**
 * A follower passes its clients' commands to the leader of `term`. The transport must not repeat this message,
 * nor the refusal: a command would be applied twice.
 */
export type ForwardedProposals = Envelope & {
  readonly type: 'forwarded-proposals';
  readonly proposals: readonly Proposal[];
};
/** The receiver put none of these into a log: they certainly have no effect. `term` is that of the forwarded proposals. */
export type ProposalsRefused = Envelope & {
  readonly type: 'proposals-refused';
  readonly ids: readonly number[];
  readonly reason: RefusalReason;
};

/** A follower asks the leader for a read index (dissertation, section 6.4). */
export type ForwardedRead = Envelope & { readonly type: 'forwarded-read'; readonly id: number };
export type ForwardedReadResponse = Envelope & {
  readonly type: 'forwarded-read-response';
  readonly id: number;
  readonly index: LogIndex;
};
/** The receiver of a forwarded read cannot confirm that it leads: ask again, perhaps somewhere else. */
export type ForwardedReadRefused = Envelope & {
  readonly type: 'forwarded-read-refused';
  readonly id: number;
  readonly reason: RefusalReason;
};

/** Why a proposal or a read was turned away before it could have any effect. */
export type RefusalReason =
  /** No leader is known. */
  | 'no-leader'
  /** The receiver of a forwarded proposal or read no longer leads. */
  | 'not-leader'
  /** The bytes of uncommitted entries would exceed their limit: the cluster is slower than its clients. */
  | 'uncommitted-limit'
  /** Too many reads wait for an index already (`pendingReadsMax`). */
  | 'read-limit'
  /** The leader is handing over leadership. */
  | 'transferring'
  /** A change of membership is already under way, or would break the rules. */
  | 'configuration-change';
