import type { Entry } from './entry.ts';
import { offsetIndex } from './identifiers.ts';
import { appendEntries } from './log-changes.ts';
import type { ForwardedProposals, Proposal, ProposalsRefused, RefusalReason } from './message.ts';
import { type LeaderState, leaderOf } from './state.ts';
import { refuseProposal, send, type Step } from './step.ts';

/**
 * Clients' commands on their way into the log (Raft, section 5.3). A refusal is a promise that the command
 * has no effect; silence promises nothing.
 */

export function handlePropose(step: Step, proposals: readonly Proposal[]): void {
  const { state } = step;
  if (proposals.length === 0) {
    return;
  }
  if (state.role.kind === 'leader') {
    appendProposals(step, state.role, null, proposals);
    return;
  }
  const leader = leaderOf(state);
  if (leader === null) {
    refuse(step, null, proposals, 'no-leader');
    return;
  }
  send(step, { type: 'forwarded-proposals', from: state.id, to: leader, term: state.term, proposals });
}

/**
 * Another member's clients. Never passed on again: the sender's idea of the leader is out of date.
 *
 * Only the leader of the term in which the sender forwarded them may append them. So once an entry of a
 * later term is applied, the sender knows that a command which is still missing never will be.
 */
export function handleForwardedProposals(step: Step, message: ForwardedProposals): void {
  const { role, term } = step.state;
  if (role.kind === 'leader' && message.term === term) {
    appendProposals(step, role, message, message.proposals);
  } else {
    refuse(step, message, message.proposals, 'not-leader');
  }
}

/** A refusal of an earlier term may be about an earlier attempt: the command may have been proposed again since. */
export function handleProposalsRefused(step: Step, message: ProposalsRefused): void {
  if (message.term !== step.state.term) {
    return;
  }
  for (const id of message.ids) {
    refuseProposal(step, { id, reason: message.reason });
  }
}

/** Who forwarded proposals, and in which term; null for this member's own clients. */
type Forwarder = Pick<ForwardedProposals, 'from' | 'term'> | null;

function appendProposals(
  step: Step,
  leader: LeaderState,
  from: Forwarder,
  proposals: readonly Proposal[],
): void {
  const { state, options } = step;
  if (leader.transfer !== null) {
    refuse(step, from, proposals, 'transferring');
    return;
  }
  const entries: Entry[] = [];
  let index = state.log.lastIndex;
  // An entry can commit before it is on the leader's own disk, but stays in memory until it is.
  const held = Math.max(leader.uncommittedBytes, state.persistence.pendingBytes);
  let bytes = held;
  for (const { data } of proposals) {
    // With nothing held even a command above the limit may pass: it could never pass otherwise.
    if (bytes > 0 && bytes + data.byteLength > options.uncommittedMaxBytes) {
      break;
    }
    bytes += data.byteLength;
    index = offsetIndex(index, 1);
    entries.push({ kind: 'command', term: state.term, index, data });
  }
  leader.uncommittedBytes += bytes - held;
  appendEntries(step, entries);
  if (entries.length < proposals.length) {
    // All that follow are refused as well, even if they are small: a client's commands keep their order.
    refuse(step, from, proposals.slice(entries.length), 'uncommitted-limit');
  }
}

function refuse(step: Step, from: Forwarder, proposals: readonly Proposal[], reason: RefusalReason): void {
  if (from === null) {
    for (const { id } of proposals) {
      refuseProposal(step, { id, reason });
    }
    return;
  }
  const ids = proposals.map((proposal) => proposal.id);
  const { term } = from;
  send(step, { type: 'proposals-refused', from: step.state.id, to: from.from, term, ids, reason });
}
