import type { Configuration } from './configuration.ts';
import type { LogIndex, MemberId, Term } from './identifiers.ts';
import type { Role } from './output.ts';
import type { Progress } from './progress.ts';
import { configurationOf, leaderOf, type State } from './state.ts';

/** A member's view of itself at one moment; a copy. */
export type RaftStatus = {
  readonly id: MemberId;
  readonly role: Role;
  readonly term: Term;
  readonly vote: MemberId | null;
  readonly leader: MemberId | null;
  readonly commit: LogIndex;
  readonly applied: LogIndex;
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly durableIndex: LogIndex;
  readonly configuration: Configuration;
  /** Whom leadership is being handed to; only at a leader. */
  readonly transferringTo: MemberId | null;
  /** One for each other member, sorted by id; empty unless this member leads. */
  readonly peers: readonly PeerStatus[];
};

export type PeerStatus = {
  readonly id: MemberId;
  readonly state: 'probe' | 'replicate' | 'snapshot';
  readonly match: LogIndex;
  readonly next: LogIndex;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
  /** Heard from since the last quorum check. */
  readonly recentlyActive: boolean;
};

export function statusOf(state: State): RaftStatus {
  const { role } = state;
  return {
    id: state.id,
    role: role.kind,
    term: state.term,
    vote: state.vote,
    leader: leaderOf(state),
    commit: state.commit,
    applied: state.applying.applied,
    firstIndex: state.log.firstIndex,
    lastIndex: state.log.lastIndex,
    durableIndex: state.persistence.durableIndex,
    configuration: configurationOf(state),
    transferringTo: role.kind === 'leader' ? (role.transfer?.to ?? null) : null,
    peers: role.kind === 'leader' ? [...role.peers.values()].map(peerStatusOf) : [],
  };
}

function peerStatusOf(progress: Progress): PeerStatus {
  return {
    id: progress.id,
    state: progress.state,
    match: progress.match,
    next: progress.next,
    inflightMessages: progress.inflight.length,
    inflightBytes: progress.inflightBytes,
    recentlyActive: progress.recentlyActive,
  };
}
