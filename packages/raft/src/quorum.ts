import type { Configuration } from './configuration.ts';
import type { MemberId } from './identifiers.ts';

/**
 * The arithmetic of majorities. Every decision of the protocol (elections, commit, check-quorum, read
 * rounds) asks here, so that a joint configuration needs both of its majorities everywhere (Raft, section 6).
 */

export type VoteResult = 'won' | 'lost' | 'pending';

/** Whether the member has a vote in either half of the configuration. */
export function isVoter(configuration: Configuration, id: MemberId): boolean {
  return configuration.voters.includes(id) || configuration.outgoingVoters.includes(id);
}

export function isJoint(configuration: Configuration): boolean {
  return configuration.outgoingVoters.length > 0;
}

/** Everyone with a vote, sorted by id, each once. */
export function votersOf(configuration: Configuration): readonly MemberId[] {
  return isJoint(configuration)
    ? sortedUnion(configuration.voters, configuration.outgoingVoters)
    : configuration.voters;
}

/** Everyone who gets the log: voters and learners, sorted by id, each once. */
export function membersOf(configuration: Configuration): readonly MemberId[] {
  return configuration.learners.length === 0
    ? votersOf(configuration)
    : sortedUnion(votersOf(configuration), configuration.learners);
}

/**
 * The highest value that a quorum has reached, where `valueOf` tells how far each voter is. 0 if there is
 * no voter. With match indexes it is what may be committed (section 5.3), with rounds what is confirmed.
 */
export function quorumValue(configuration: Configuration, valueOf: (id: MemberId) => number): number {
  const incoming = majorityValue(configuration.voters, valueOf);
  return isJoint(configuration)
    ? Math.min(incoming, majorityValue(configuration.outgoingVoters, valueOf))
    : incoming;
}

/** How an election stands, given the answers so far (true is a vote, false a refusal). */
export function voteResult(configuration: Configuration, votes: ReadonlyMap<MemberId, boolean>): VoteResult {
  const incoming = majorityVote(configuration.voters, votes);
  if (!isJoint(configuration)) {
    return incoming;
  }
  const outgoing = majorityVote(configuration.outgoingVoters, votes);
  if (incoming === 'lost' || outgoing === 'lost') {
    return 'lost';
  }
  return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending';
}

/** Whether those for whom `isActive` holds make a quorum. */
export function isQuorum(configuration: Configuration, isActive: (id: MemberId) => boolean): boolean {
  return quorumValue(configuration, (id) => (isActive(id) ? 1 : 0)) === 1;
}

function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

function majorityValue(voters: readonly MemberId[], valueOf: (id: MemberId) => number): number {
  if (voters.length === 0) {
    return 0;
  }
  // Insertion into a tiny descending list: groups have at most nine voters, so this beats a sort.
  const descending: number[] = [];
  for (const id of voters) {
    const value = valueOf(id);
    let at = descending.length;
    descending.push(value);
    for (
      let before = descending[at - 1];
      before !== undefined && before < value;
      before = descending[at - 1]
    ) {
      descending[at] = before;
      at -= 1;
    }
    descending[at] = value;
  }
  return descending[majorityOf(voters.length) - 1] ?? 0;
}

function majorityVote(voters: readonly MemberId[], votes: ReadonlyMap<MemberId, boolean>): VoteResult {
  let granted = 0;
  let unknown = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === undefined) {
      unknown += 1;
    } else if (vote) {
      granted += 1;
    }
  }
  const needed = majorityOf(voters.length);
  if (granted >= needed) {
    return 'won';
  }
  return granted + unknown >= needed ? 'pending' : 'lost';
}

/** Both lists in one, sorted by id, each once. */
export function sortedUnion(left: readonly MemberId[], right: readonly MemberId[]): readonly MemberId[] {
  const union = [...new Set([...left, ...right])];
  return union.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}
